import type { MediaSession } from '../media/types.ts'
import { dialogFromInvite, newTag } from './dialog.ts'
import { type Headers, header, headerList } from './message.ts'
import { causeToStatus, formatReason, reasonCause } from './q850.ts'
import { makeAnswer, makeOffer, negotiate, parseSdp } from './sdp.ts'
import type { ServerTransaction } from './server-transaction.ts'
import { handleDialog, type Session } from './session.ts'
import { ALLOW, type LegEvents, type SipLeg } from './sip-leg.ts'
import type { UserAgent } from './user-agent.ts'

const SDP_TYPE: Headers[number] = ['content-type', 'application/sdp']

const SDP_RANGES = ['application/sdp', 'application/*', '*/*']

/** Whether an INVITE can become a call: its SDP, when it has one, must offer something we speak (RFC 3261 §13.3.1). */
export function inviteIsAcceptable(transaction: ServerTransaction): number | null {
  const { request } = transaction
  if (!header(request, 'contact')) return 400
  const accepted = headerList(request, 'accept').map((range) => range.split(';', 1)[0]!.trim().toLowerCase())
  // §20.1: without Accept SDP is what is accepted.
  if (accepted.length > 0 && !accepted.some((range) => SDP_RANGES.includes(range))) return 406
  if (request.body.length === 0) return null
  const type = header(request, 'content-type')?.toLowerCase().split(';')[0]?.trim()
  if (type !== 'application/sdp') return 415
  const offer = parseSdp(request.body)
  return offer ? (negotiate(offer) ? null : 488) : 400
}

/** The called side of a call (RFC 3261 §13.3). The INVITE must have passed `inviteIsAcceptable`. */
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
  const negotiated = offer && negotiate(offer)
  const session: Session = {
    dialog: dialogFromInvite(request, flow, toTag),
    media,
    local: agent.localMedia(flow, media.localPort),
    peerDirection: 'sendrecv',
    offer: 'theirs',
    ended: false,
  }
  const handling = handleDialog(agent, session, events)
  let acknowledged = false
  let hangupAfterAck: number | undefined
  let early = false

  const contact: Headers = [['contact', agent.contact(flow, /^sips:/i.test(request.uri))]]
  // A late offer (§13.2.1): we offer in the 2xx, and the ACK answers.
  const sdp = offer && negotiated ? makeAnswer(offer, negotiated, session.local) : makeOffer(session.local)
  const sdpHeaders: Headers = [...contact, ['allow', ALLOW], SDP_TYPE]

  if (offer) {
    handling.applySdp(request.body)
    session.offer = 'theirs' // until they have our answer
  }
  if (session.dialog) {
    agent.rememberDialog(session.dialog, {
      receive: handling.receive,
      acknowledged(ack) {
        if (ack.cseq.number !== request.cseq.number || acknowledged) return handling.acknowledged(ack)
        acknowledged = true
        transaction.acknowledged()
        if (!offer && !handling.applySdp(ack.body)) return handling.bye(58)
        if (hangupAfterAck !== undefined) handling.bye(hangupAfterAck)
      },
    })
  }
  transaction.onCancel = (cancel) => {
    transaction.respond(487, { toTag })
    handling.end(reasonCause(header(cancel, 'reason')) ?? 127, 487)
  }
  // §13.3.1.4: the peer never acknowledged, so the session is given up with a BYE.
  transaction.onAckTimeout = () => handling.bye(hangupAfterAck ?? 102)

  return {
    media,
    callId: request.callId,
    ring() {
      if (!early) transaction.respond(180, { toTag, headers: contact })
    },
    progress() {
      // With a late offer there is nothing to answer yet.
      if (early || transaction.answered || !offer) return
      early = true
      transaction.respond(183, { toTag, headers: sdpHeaders, body: sdp })
    },
    answer() {
      if (transaction.answered) return
      session.offer = offer ? 'none' : 'ours'
      transaction.respond(200, { toTag, headers: sdpHeaders, body: sdp })
    },
    hangup(cause) {
      if (session.ended) return
      if (!transaction.answered) {
        const status = causeToStatus(cause)
        transaction.respond(status, { toTag, headers: [['reason', formatReason(cause)]] })
        handling.end(cause, status)
      } else if (acknowledged) handling.bye(cause)
      // §15: no BYE before the ACK or its timeout; the owner need not wait for that.
      else hangupAfterAck = cause
    },
    tellTransfer: handling.tellTransfer,
    isNamedBy: handling.isNamedBy,
  }
}
