import { randomUUID } from 'node:crypto'
import type { CodecName, MediaSession } from '../media/types.ts'
import { type Login, requestWithLogin } from './answer-challenge.ts'
import { dialogFromResponse, dialogRequest, newTag } from './dialog.ts'
import type { Flow } from './flow.ts'
import { type Headers, header, type SipResponse } from './message.ts'
import { formatNameAddr } from './name-addr.ts'
import { formatReason, reasonCause, statusToCause } from './q850.ts'
import { makeOffer } from './sdp.ts'
import { ALLOW, handleDialog, type LegEvents, type Session, type SipLeg } from './sip-leg.ts'
import type { ClientTransaction } from './transaction-layer.ts'
import { formatUri, type SipUri } from './uri.ts'
import type { UserAgent } from './user-agent.ts'

/** The calling side of a call (RFC 3261 §13.2). */
export function createUacLeg(options: {
  agent: UserAgent
  flow: Flow
  target: SipUri
  /** Caller as the called phone shows it; its host is ours. */
  caller: { name: string; number: string }
  headers: Headers
  login: Login | undefined
  codecs: CodecName[] | undefined
  media: MediaSession
  events: LegEvents
}): SipLeg {
  const { agent, flow, target, caller, login, media, events } = options
  const callId = randomUUID()
  const localTag = newTag()
  const host = agent.addressFor(flow.remoteAddress)
  const number = caller.number === '' ? 'anonymous' : caller.number
  const uri: SipUri = { scheme: 'sip', user: number, host, params: new Map() }
  const from = formatNameAddr({ displayName: caller.name, uri, params: new Map([['tag', localTag]]) })
  const session: Session = {
    dialog: null,
    media,
    local: { ...agent.localMedia(flow, media.localPort), codecs: options.codecs },
    peerDirection: 'sendrecv',
    ended: false,
    inviteInProgress: true,
    login,
  }
  const handling = handleDialog(agent, session, events)
  let answered = false
  let cancelled: number | undefined
  let hasSdp = false
  let seq = 0
  /** What the INVITE was let in with: its ACK has the same (§13.2.2.4). */
  let credentials: Headers = []
  let transaction: ClientTransaction | undefined

  const dialogOf = (response: SipResponse) =>
    dialogFromResponse(response, { localTag, from, localSeq: seq, target }, flow)

  function onSuccess(response: SipResponse) {
    const toTag = response.to.params.get('tag') ?? ''
    if (answered && session.dialog?.remoteTag === toTag) {
      // A repeated 2xx: our ACK was lost (§13.2.2.4).
      if (session.dialog)
        agent.ackInDialog(session.dialog, dialogRequest(session.dialog, 'ACK', { seq, headers: credentials }))
      return
    }
    const dialog = dialogOf(response)
    agent.ackInDialog(dialog, dialogRequest(dialog, 'ACK', { seq, headers: credentials }))
    if (answered || session.ended) {
      // Another branch of a fork, or an answer that crossed our CANCEL: that call is not wanted.
      const bye = dialogRequest(dialog, 'BYE', { headers: [['reason', formatReason(cancelled ?? 26)]] })
      agent.requestInDialog(dialog, bye, { onResponse() {}, onFailure() {} })
      return
    }
    answered = true
    if (session.dialog) agent.forgetDialog(session.dialog)
    session.dialog = dialog
    session.inviteInProgress = false
    agent.rememberDialog(dialog, handling)
    if (!(response.body.length > 0 ? handling.applySdp(response.body) : hasSdp)) return handling.bye(58)
    events.onAnswered?.()
  }

  function onProvisional(response: SipResponse) {
    if (answered || session.ended) return
    if (response.to.params.has('tag') && !session.dialog) {
      session.dialog = dialogOf(response)
      agent.rememberDialog(session.dialog, handling)
    }
    if (response.body.length > 0 && handling.applySdp(response.body)) hasSdp = true
    if (response.status === 180) events.onRinging?.()
    else if (response.status === 183) events.onProgress?.()
  }

  const uriText = formatUri(target)
  const headers = (): Headers => [
    ['max-forwards', '70'],
    ['from', from],
    ['to', `<${formatUri({ ...target, port: undefined, params: new Map() })}>`],
    ['call-id', callId],
    ['cseq', `${++seq} INVITE`],
    ['contact', agent.contact(flow, target.scheme === 'sips')],
    ['allow', ALLOW],
    ...options.headers,
    ...credentials,
    ['content-type', 'application/sdp'],
  ]
  requestWithLogin({
    login,
    build(given) {
      credentials = given
      return { method: 'INVITE', uri: uriText, headers: headers(), body: makeOffer(session.local) }
    },
    send(request, handlers) {
      transaction = agent.request(request, flow, handlers)
    },
    wanted: () => !session.ended,
    handlers: {
      onResponse(response) {
        if (response.status < 200) onProvisional(response)
        else if (response.status < 300) onSuccess(response)
        else handling.end(reasonCause(header(response, 'reason')) ?? statusToCause(response.status), response.status)
      },
      onFailure: (status) => handling.end(status === 408 ? 18 : 34, status),
    },
  })

  return {
    media,
    callId,
    ring() {},
    progress() {},
    answer() {},
    hangup(cause) {
      if (session.ended) return
      if (answered) return handling.bye(cause)
      cancelled = cause
      transaction?.cancel(formatReason(cause))
      handling.end(cause, 487)
    },
  }
}
