import { refreshTarget } from './dialog.ts'
import type { Headers, SipRequest } from './message.ts'
import { type Direction, makeAnswer, makeOffer, negotiate, parseSdp } from './sdp.ts'
import type { ServerTransaction } from './server-transaction.ts'
import type { Session } from './session.ts'
import { answerTimer, type SessionInterval } from './session-timer.ts'
import { type LegEvents, SUPPORTED } from './sip-leg.ts'
import type { UserAgent } from './user-agent.ts'

const SDP_TYPE: Headers[number] = ['content-type', 'application/sdp']

const isHold = (direction: Direction): boolean => direction === 'sendonly' || direction === 'inactive'

/** Offers and answers of one session: those of its peer's re-INVITE (RFC 3261 §14.2) and UPDATE (RFC 3311). */
export function createRenegotiation({
  agent,
  session,
  events,
  bye,
  agreed,
}: {
  agent: UserAgent
  session: Session
  events: LegEvents
  bye(cause: number): void
  agreed(interval: SessionInterval | null): void
}) {
  /** Re-INVITEs whose 2xx waits for its ACK, by CSeq number. */
  const unacknowledged = new Map<number, ServerTransaction>()

  /** Takes what the peer said into use, as its answer or as an offer that we accept. */
  function applySdp(body: Buffer): boolean {
    const sdp = parseSdp(body)
    const negotiated = sdp && negotiate(sdp)
    if (!negotiated) return false
    const { direction, remote } = negotiated
    // Nobody in the middle may take the protection away, and it cannot be added later.
    if ((remote.security === undefined) !== (session.local.security === undefined)) return false
    const wasHeld = isHold(session.peerDirection)
    const held = isHold(direction)
    session.peerDirection = direction
    session.offer = 'none'
    session.media.setRemote({ ...remote, onHold: held })
    if (held !== wasHeld) events.onHold?.(held)
    return true
  }

  /** The status that refuses an offer now, if one does. */
  function busyWith(request: SipRequest): { status: number; headers?: Headers } | undefined {
    const offers = request.method === 'INVITE' || request.body.length > 0
    if (!offers || session.offer === 'none') return undefined
    if (session.offer === 'ours') return { status: 491 }
    return { status: 500, headers: [['retry-after', String(Math.floor(Math.random() * 11))]] }
  }

  function receive(transaction: ServerTransaction) {
    const { request } = transaction
    const busy = busyWith(request)
    if (busy) return transaction.respond(busy.status, { headers: busy.headers })
    const timer = answerTimer(request)
    if ('status' in timer) return transaction.respond(timer.status, { headers: timer.headers })
    const isInvite = request.method === 'INVITE'
    let body: Buffer | undefined
    if (request.body.length > 0) {
      const offer = parseSdp(request.body)
      const negotiated = offer && negotiate(offer)
      // First, since the answer to a restart of ICE names what this makes.
      if (!offer || !negotiated || !applySdp(request.body)) return transaction.respond(488)
      session.local.version++
      body = makeAnswer(offer, negotiated, session.local)
    } else if (isInvite) {
      session.local.version++
      body = makeOffer(session.local)
      session.offer = 'ours'
    }
    refreshTarget(session.dialog!, request, transaction.flow)
    if (isInvite) {
      unacknowledged.set(request.cseq.number, transaction)
      transaction.onAckTimeout = () => bye(102)
    }
    agreed(timer.interval)
    const headers: Headers = [
      ['contact', agent.contact(transaction.flow, /^sips:/i.test(request.uri))],
      ['supported', SUPPORTED],
      ...timer.headers,
    ]
    transaction.respond(200, body ? { headers: [...headers, SDP_TYPE], body } : { headers })
  }

  return {
    applySdp,
    receive,
    /** The ACK of the 2xx to a re-INVITE; when the offer was ours it carries the answer (§13.2.1). */
    acknowledged({ cseq, body }: SipRequest) {
      const transaction = unacknowledged.get(cseq.number)
      if (!transaction) return
      unacknowledged.delete(cseq.number)
      transaction.acknowledged()
      if (transaction.request.body.length === 0 && !applySdp(body)) bye(58)
    },
  }
}
