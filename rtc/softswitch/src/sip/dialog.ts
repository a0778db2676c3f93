import { randomBytes } from 'node:crypto'
import type { Flow } from './flow.ts'
import { type Headers, headerList, nameAddrList, type SipRequest, type SipResponse } from './message.ts'
import { parseNameAddr } from './name-addr.ts'
import type { OutgoingRequest } from './transaction-layer.ts'
import { formatUri, type SipUri } from './uri.ts'

/** State of a dialog as RFC 3261 §12 names it; From and To values are whole header values, tags included. */
export interface Dialog {
  callId: string
  localTag: string
  remoteTag: string
  local: string
  remote: string
  localSeq: number
  remoteSeq: number | undefined
  remoteTarget: SipUri
  routeSet: string[]
  /** The way the dialog was made; used as long as the peer is reached on it. */
  flow: Flow
}

export const newTag = (): string => randomBytes(6).toString('hex')

export const dialogKey = (callId: string, localTag: string, remoteTag: string): string =>
  `${callId} ${localTag} ${remoteTag}`

/** The dialog of a UAS (§12.1.1). `null` when the request carries no usable Contact. */
export function dialogFromInvite(request: SipRequest, flow: Flow, localTag: string): Dialog | null {
  const contact = nameAddrList(request, 'contact')[0]
  if (!contact) return null
  return {
    callId: request.callId,
    localTag,
    remoteTag: request.from.params.get('tag') ?? '', // §12.1.1: a UA of RFC 2543 may send none
    local: `${headerValue(request, 'to')};tag=${localTag}`,
    remote: headerValue(request, 'from'),
    localSeq: 0,
    remoteSeq: request.cseq.number,
    remoteTarget: contact.uri,
    routeSet: headerList(request, 'record-route'),
    flow,
  }
}

/** The dialog of a UAC (§12.1.2), from the first response that has a To tag. */
export function dialogFromResponse(
  response: SipResponse,
  sent: { localTag: string; from: string; localSeq: number; target: SipUri },
  flow: Flow,
): Dialog {
  return {
    callId: response.callId,
    localTag: sent.localTag,
    remoteTag: response.to.params.get('tag') ?? '',
    local: sent.from,
    remote: headerValue(response, 'to'),
    localSeq: sent.localSeq,
    remoteSeq: undefined,
    remoteTarget: nameAddrList(response, 'contact')[0]?.uri ?? sent.target,
    routeSet: headerList(response, 'record-route').reverse(),
    flow,
  }
}

/** A request inside the dialog (§12.2.1.1). ACK and CANCEL keep the number of their INVITE. */
export function dialogRequest(
  dialog: Dialog,
  method: string,
  options: { headers?: Headers | undefined; body?: Buffer | undefined; seq?: number | undefined } = {},
): OutgoingRequest {
  const seq = options.seq ?? ++dialog.localSeq
  let uri = formatUri(dialog.remoteTarget)
  let routes = dialog.routeSet
  const first = parseNameAddr(routes[0] ?? '')
  if (first && !first.uri.params.has('lr')) {
    // A strict router of RFC 2543: it wants to be the Request-URI, and the target comes last.
    uri = formatUri(first.uri)
    routes = [...routes.slice(1), `<${formatUri(dialog.remoteTarget)}>`]
  }
  const headers: Headers = [
    ...routes.map((route): Headers[number] => ['route', route]),
    ['max-forwards', '70'],
    ['from', dialog.local],
    ['to', dialog.remote],
    ['call-id', dialog.callId],
    ['cseq', `${seq} ${method}`],
    ...(options.headers ?? []),
  ]
  return { method, uri, headers, body: options.body }
}

/** Where requests of the dialog go: the first route, else the remote target (§12.2.1.1, §8.1.2). */
export function nextHop(dialog: Dialog): SipUri {
  return parseNameAddr(dialog.routeSet[0] ?? '')?.uri ?? dialog.remoteTarget
}

/** §12.2.2: false for a request that is older than one already seen. */
export function acceptSequence(dialog: Dialog, request: SipRequest): boolean {
  if (dialog.remoteSeq !== undefined && request.cseq.number < dialog.remoteSeq) return false
  dialog.remoteSeq = request.cseq.number
  return true
}

/** A re-INVITE or UPDATE may move the peer (§12.2.2), to another address of its network too. */
export function refreshTarget(dialog: Dialog, message: SipRequest, flow: Flow): void {
  const contact = nameAddrList(message, 'contact')[0]
  if (!contact) return
  dialog.remoteTarget = contact.uri
  dialog.flow = flow
}

const headerValue = (message: { headers: Headers }, name: string): string =>
  message.headers.find(([key]) => key === name)?.[1] ?? ''
