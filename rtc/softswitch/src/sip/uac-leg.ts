import { randomUUID } from 'node:crypto'
import type { CodecName, MediaSession } from '../media/types.ts'
import type { Login } from './answer-challenge.ts'
import { type Dialog, dialogFromResponse, dialogRequest, newTag } from './dialog.ts'
import type { Flow } from './flow.ts'
import { ANSWERED_ELSEWHERE, type Candidate, type Fork, forkInvite, type Sent } from './fork.ts'
import { type Headers, header, type SipResponse } from './message.ts'
import { formatNameAddr } from './name-addr.ts'
import { createPrack } from './prack.ts'
import { formatReason, reasonCause, statusToCause } from './q850.ts'
import { type LocalMedia, makeOffer } from './sdp.ts'
import { handleDialog, type Session, watchMedia } from './session.ts'
import { afterTooSmall, agreedTimer, SESSION_SECONDS, timerOffer } from './session-timer.ts'
import { ALLOW, type LegEvents, type SipLeg, SUPPORTED, takesUpdate } from './sip-leg.ts'
import { formatUri, type SipUri } from './uri.ts'
import type { UserAgent } from './user-agent.ts'

/** Nobody said anything: in time, or because there was no way. */
const CAUSE_UNHEARD: Record<number, number> = { 408: 18, 480: 20, 503: 34 }

/** The calling side of a call (RFC 3261 §13.2). */
export function createUacLeg(options: {
  agent: UserAgent
  /** They ring together; who answers first has the call. */
  candidates: Candidate[]
  /** Where a redirect may lead. */
  redirected(contacts: SipUri[], from: Candidate): Promise<Candidate[]>
  /** Caller as the called phone shows it; its host is ours. */
  caller: { name: string; number: string }
  headers: Headers
  login: Login | undefined
  codecs: CodecName[] | undefined
  media: MediaSession
  events: LegEvents
}): SipLeg {
  const { agent, candidates, caller, login, media, events } = options
  // What is said of us must be the same to all of them, as a proxy that forks would.
  const first = candidates[0]?.ways[0]?.remoteAddress ?? ''
  const callId = randomUUID()
  const localTag = newTag()
  const host = agent.addressFor(first)
  const number = caller.number === '' ? 'anonymous' : caller.number
  const uri: SipUri = { scheme: 'sip', user: number, host, params: new Map() }
  const from = formatNameAddr({ displayName: caller.name, uri, params: new Map([['tag', localTag]]) })
  const session: Session = {
    dialog: null,
    media,
    local: { ...agent.localMedia({ remoteAddress: first }, media.localPort), codecs: options.codecs },
    peerDirection: 'sendrecv',
    offer: 'ours',
    ended: false,
    isCaller: true,
    peerUpdates: false,
    login,
  }
  const handling = handleDialog(agent, session, events)
  let answered = false
  let cancelled: number | undefined
  /** Of each early dialog what it said of its audio (RFC 6337 §2.2). */
  const early = new Map<string, Buffer>()
  const acknowledge = createPrack(agent)
  let sessionSeconds = SESSION_SECONDS
  const toTagOf = (response: SipResponse) => response.to.params.get('tag') ?? ''
  const dialogOf = (response: SipResponse, { flow, target, seq }: Sent) =>
    dialogFromResponse(response, { localTag, from, localSeq: seq, target }, flow)
  const fork: Fork = forkInvite({
    agent,
    candidates,
    login,
    build: invite,
    redirected: options.redirected,
    onTooSmall(response) {
      const longer = afterTooSmall(response, sessionSeconds)
      sessionSeconds = longer ?? sessionSeconds
      return longer !== null
    },
    handlers: {
      onProvisional,
      onSuccess,
      onFailed: (status, response) =>
        handling.end(
          reasonCause(response && header(response, 'reason')) ??
            (response ? statusToCause(status) : CAUSE_UNHEARD[status])!,
          status,
        ),
    },
  })

  function invite({ target, flow, seq, credentials }: Sent) {
    const headers: Headers = [
      ['max-forwards', '70'],
      ['from', from],
      ['to', `<${formatUri({ ...target, port: undefined, params: new Map() })}>`],
      ['call-id', callId],
      ['cseq', `${seq} INVITE`],
      ['contact', agent.contact(flow, target.scheme === 'sips')],
      ['allow', ALLOW],
      ['supported', SUPPORTED],
      ...timerOffer(sessionSeconds),
      ...options.headers,
      ...credentials,
      ['content-type', 'application/sdp'],
    ]
    return { method: 'INVITE', uri: formatUri(target), headers, body: makeOffer(localFor(flow)) }
  }

  /** A browser takes nothing but protected media, most phones nothing but plain (RFC 8827 §6.5). */
  function localFor({ protocol, remoteAddress }: Flow): LocalMedia {
    if (protocol !== 'WS') return { ...session.local, security: undefined }
    return { ...session.local, address: agent.addressFor(remoteAddress), security: media.secure() }
  }
  function applyAnswer(body: Buffer, { flow }: Sent): boolean {
    session.local.security = localFor(flow).security
    return handling.applySdp(body)
  }

  function onSuccess(response: SipResponse, sent: Sent) {
    const { seq, credentials } = sent
    const ack = (dialog: Dialog) =>
      agent.ackInDialog(dialog, dialogRequest(dialog, 'ACK', { seq, headers: credentials }))
    if (answered && session.dialog?.remoteTag === toTagOf(response)) {
      ack(session.dialog) // a repeated 2xx: our ACK was lost (§13.2.2.4)
      return
    }
    const dialog = acknowledge.dialogOf(toTagOf(response), dialogOf(response, sent))
    ack(dialog)
    if (answered || session.ended) {
      // Another branch of a fork, or an answer that crossed our CANCEL: that call is not wanted (§13.2.2.4).
      const reason = cancelled === undefined ? ANSWERED_ELSEWHERE : formatReason(cancelled)
      const bye = dialogRequest(dialog, 'BYE', { headers: [['reason', reason]] })
      agent.requestInDialog(dialog, bye, { onResponse() {}, onFailure() {} })
      return
    }
    answered = true
    fork.cancel(ANSWERED_ELSEWHERE)
    if (session.dialog) agent.forgetDialog(session.dialog)
    session.dialog = dialog
    session.peerUpdates = takesUpdate(response)
    agent.rememberDialog(dialog, handling)
    handling.agreed(agreedTimer(response))
    const body = response.body.length > 0 ? response.body : early.get(toTagOf(response))
    if (!body || !applyAnswer(body, sent)) return handling.bye(58)
    watchMedia(session, handling.bye)
    events.onAnswered?.()
  }

  function onProvisional(response: SipResponse, sent: Sent) {
    if (answered || session.ended) return
    if (response.to.params.has('tag')) {
      const dialog = acknowledge.dialogOf(toTagOf(response), dialogOf(response, sent))
      if (!acknowledge.prack(response, dialog)) return
      if (!session.dialog) agent.rememberDialog(dialog, handling)
      session.dialog ??= dialog
    }
    if (response.body.length > 0) {
      applyAnswer(response.body, sent)
      early.set(toTagOf(response), response.body)
    }
    if (response.status === 180) events.onRinging?.()
    else if (response.status === 183) events.onProgress?.()
  }

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
      fork.cancel(formatReason(cause))
      handling.end(cause, 487)
    },
    tellTransfer: handling.tellTransfer,
    isNamedBy: handling.isNamedBy,
  }
}
