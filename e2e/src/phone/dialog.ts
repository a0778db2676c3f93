import { randomBytes } from 'node:crypto'
import { isIP } from 'node:net'
import {
  type Address,
  addressOf,
  type Header,
  headerList,
  needed,
  param,
  type SipMessage,
  type SipRequest,
  uriOf,
} from './sip-message.ts'

/** A dialog (RFC 3261 section 12) seen from our side. */
export type Dialog = {
  callId: string
  local: string
  remote: string
  target: string
  routes: string[]
  cseq: number
}

export const newTag = () => randomBytes(6).toString('hex')

/** The dialog that an INVITE of ours may open: no remote tag yet. */
export function dialogTowards(target: string, from: string): Dialog {
  return {
    callId: `${newTag()}${newTag()}`,
    local: `${from.includes('<') ? from : `<${from}>`};tag=${newTag()}`,
    remote: `<${target}>`,
    target,
    routes: [],
    cseq: Math.floor(Math.random() * 10_000),
  }
}

/** 12.1.1: the dialog of an INVITE that came in. */
export function dialogOfRequest(invite: SipRequest): Dialog {
  return {
    callId: needed(invite, 'call-id'),
    local: `${needed(invite, 'to')};tag=${newTag()}`,
    remote: needed(invite, 'from'),
    target: uriOf(needed(invite, 'contact')),
    routes: headerList(invite, 'record-route'),
    cseq: 0,
  }
}

/** 12.1.2: a response to our INVITE completes or replaces what we know of the other side. */
export function learnRemote(dialog: Dialog, response: SipMessage) {
  if (param(needed(response, 'to'), 'tag') !== undefined) dialog.remote = needed(response, 'to')
  dialog.routes = headerList(response, 'record-route').reverse()
  const contact = headerList(response, 'contact')[0]
  if (contact) dialog.target = uriOf(contact)
}

/** 12.2.1.1: a request inside the dialog (or the INVITE that opens it), with the next CSeq unless one is given. */
export function dialogRequest(
  dialog: Dialog,
  method: string,
  { headers = [], body = '', cseq = ++dialog.cseq }: { headers?: Header[]; body?: string; cseq?: number } = {},
): SipRequest {
  return {
    kind: 'request',
    method,
    uri: dialog.target,
    headers: [
      ['Max-Forwards', '70'],
      ...dialog.routes.map((route): Header => ['Route', route]),
      ['From', dialog.local],
      ['To', dialog.remote],
      ['Call-ID', dialog.callId],
      ['CSeq', `${cseq} ${method}`],
      ['User-Agent', 'sidetone-test-phone'],
      ...headers,
    ],
    body,
  }
}

/** Where a request of the dialog goes: the first route, else the target; names go to the server, as with an outbound proxy. */
export function nextHop(dialog: Dialog, server: Address): Address {
  const next = addressOf(dialog.routes[0] ? uriOf(dialog.routes[0]) : dialog.target)
  return isIP(next.host) ? next : server
}
