import type { MediaSession } from '../media/types.ts'
import { dialogFromInvite, newTag } from './dialog.ts'
import { type Headers, header, headerList } from './message.ts'
import { causeToStatus, formatReason, reasonCause } from './q850.ts'
import { createProvisional } from './reliable-provisional.ts'
import { isSecure, makeAnswer, makeOffer, negotiate, parseSdp } from './sdp.ts'
import type { ServerTransaction } from './server-transaction.ts'
import { handleDialog, type Session, watchMedia } from './session.ts'
import { answerTimer } from './session-timer.ts'
import { ALLOW, type LegEvents, type SipLeg, SUPPORTED, takesUpdate } from './sip-leg.ts'
import type { UserAgent } from './user-agent.ts'

const SDP_TYPE: Headers[number] = ['content-type', 'application/sdp']

const SDP_RANGES = ['application/sdp', 'application/*', '*/*']
/** §8.2.3: a 415 names what there is; 406 and 488 may. */
const ACCEPT: Headers = [['accept', 'application/sdp']]

/** Why an INVITE cannot become a call: its SDP, when it has one, must offer something we speak (RFC 3261 §13.3.1). */
export function problemOf(
  { request }: ServerTransaction,
  { canSecure }: { canSecure: boolean },
): { status: number; headers?: Headers } | null {
  if (!header(request, 'contact')) return { status: 400 }
  const accepted = headerList(request, 'accept').map((range) => range.split(';', 1)[0]!.trim().toLowerCase())
  // §20.1: without Accept SDP is what is accepted.
  if (accepted.length > 0 && !accepted.some((range) => SDP_RANGES.includes(range))) {
    return { status: 406, headers: ACCEPT }
  }
  const timer = answerTimer(request)
  if ('status' in timer) return timer
  if (request.body.length === 0) return null
  const type = header(request, 'content-type')?.toLowerCase().split(';')[0]?.trim()
  if (type !== 'application/sdp') return { status: 415, headers: ACCEPT }
  const offer = parseSdp(request.body)
  if (!offer) return { status: 400 }
  return negotiate(offer) && (canSecure || !isSecure(offer)) ? null : { status: 488, headers: ACCEPT }
}

/** The called side of a call (RFC 3261 §13.3). The INVITE must have no `problemOf`. */
export function createUasLeg(options: {
  agent: UserAgent
  transaction: ServerTransaction
  media: MediaSession
  events: LegEvents
}): SipLeg {
  const { agent, transaction, media, events } = options
  const { request, flow } = transaction
  const toTag = newTag()
  const offer = request.body.length === 0 ? null : parseSdp(request.body)
  if (offer ? isSecure(offer) : flow.protocol === 'WS') media.secure()
  const negotiated = offer && negotiate(offer)
  const session: Session = {
    dialog: dialogFromInvite(request, flow, toTag),
    media,
    local: { ...agent.localMedia(flow, media.localPort), security: media.security },
    peerDirection: 'sendrecv',
    offer: 'theirs',
    ended: false,
    isCaller: false,
    peerUpdates: takesUpdate(request),
  }
  const provisional = createProvisional({
    transaction,
    isReliable: headerList(request, 'require').some((one) => one.toLowerCase() === '100rel'),
    t1Ms: agent.t1Ms,
    onUnacknowledged: () => refuse(102, 504),
  })
  const handling = handleDialog(agent, session, events, (prack) => {
    if (!provisional.acknowledge(header(prack.request, 'rack'))) return prack.respond(481)
    if (prack.request.body.length > 0)
      prack.respond(488) // RFC 3262 §5 lets it make another offer; we take none that early
    else prack.respond(200)
    provisional.goOn()
  })
  const timer = answerTimer(request)
  let acknowledged = false
  let hangupAfterAck: number | undefined
  let early = false

  const contact: Headers = [['contact', agent.contact(flow, /^sips:/i.test(request.uri))]]
  const own: Headers = [...contact, ['allow', ALLOW], ['supported', SUPPORTED]]

  if (offer) {
    handling.applySdp(request.body)
    session.offer = 'theirs' // until they have our answer
  }
  // A late offer (§13.2.1): we offer in the 2xx, and the ACK answers.
  const sdp = offer && negotiated ? makeAnswer(offer, negotiated, session.local) : makeOffer(session.local)

  if (session.dialog) {
    agent.rememberDialog(session.dialog, {
      receive: handling.receive,
      acknowledged(ack) {
        if (ack.cseq.number !== request.cseq.number || acknowledged) return handling.acknowledged(ack)
        acknowledged = true
        transaction.acknowledged()
        if (!offer && !handling.applySdp(ack.body)) return handling.bye(58)
        if (hangupAfterAck !== undefined) handling.bye(hangupAfterAck)
        else watchMedia(session, handling.bye)
      },
    })
  }
  function refuse(cause: number, status: number, headers: Headers = []) {
    provisional.stop()
    transaction.respond(status, { toTag, headers })
    handling.end(cause, status)
  }
  transaction.onCancel = (cancel) => refuse(reasonCause(header(cancel, 'reason')) ?? 127, 487)
  // §13.3.1.4: the peer never acknowledged, so the session is given up with a BYE.
  transaction.onAckTimeout = () => handling.bye(hangupAfterAck ?? 102)

  return {
    media,
    callId: request.callId,
    ring() {
      if (!early) provisional.respond(180, { toTag, headers: own })
    },
    progress() {
      // With a late offer there is nothing to answer yet.
      if (early || transaction.answered || !offer) return
      early = true
      provisional.respond(183, { toTag, headers: [...own, SDP_TYPE], body: sdp })
    },
    answer() {
      // RFC 3262 §3: not before the PRACK of what told our SDP.
      provisional.whenAcknowledged(() => {
        if (transaction.answered) return
        session.offer = offer ? 'none' : 'ours'
        transaction.respond(200, { toTag, headers: [...own, ...timer.headers, SDP_TYPE], body: sdp })
        if ('interval' in timer) handling.agreed(timer.interval)
      })
    },
    hangup(cause) {
      if (session.ended) return
      if (!transaction.answered) {
        refuse(cause, causeToStatus(cause), [['reason', formatReason(cause)]])
      } else if (acknowledged) handling.bye(cause)
      // §15: no BYE before the ACK or its timeout; the owner need not wait for that.
      else hangupAfterAck = cause
    },
    tellTransfer: handling.tellTransfer,
    isNamedBy: handling.isNamedBy,
  }
}
