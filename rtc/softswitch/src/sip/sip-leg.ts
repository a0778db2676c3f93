import type { MediaSession } from '../media/types.ts'
import { type Login, requestWithLogin } from './answer-challenge.ts'
import { acceptSequence, type Dialog, dialogRequest, refreshTarget } from './dialog.ts'
import { isReliable } from './flow.ts'
import { type Headers, header, type SipRequest } from './message.ts'
import { formatReason, reasonCause } from './q850.ts'
import { type Direction, type LocalMedia, makeAnswer, makeOffer, negotiate, parseSdp } from './sdp.ts'
import type { ServerTransaction } from './server-transaction.ts'
import type { UserAgent } from './user-agent.ts'

/** What a call leg tells its owner. `onEnded` comes exactly once, and last. */
export interface LegEvents {
  onRinging?(): void
  onProgress?(): void
  onAnswered?(): void
  onHold?(held: boolean): void
  onDtmf?(digit: string, durationMs: number): void
  onEnded(cause: number, sipStatus: number): void
}

/** One SIP call, whoever began it. */
export interface SipLeg {
  readonly media: MediaSession
  readonly callId: string
  ring(): void
  /** Opens the way for audio before the answer (183 with SDP). */
  progress(): void
  answer(): void
  hangup(cause: number): void
}

export const ALLOW = 'INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE, REGISTER'
const SDP_TYPE: Headers[number] = ['content-type', 'application/sdp']

/** What both kinds of leg share once they have a dialog: requests inside it, offers and answers, and its end. */
export interface Session {
  dialog: Dialog | null
  media: MediaSession
  local: LocalMedia
  /** What the peer may do with our audio, as last agreed. */
  peerDirection: Direction
  ended: boolean
  inviteInProgress: boolean
  /** For a peer that asks who we are. */
  login?: Login | undefined
}

export interface DialogHandling {
  /** A request inside the dialog. */
  receive(transaction: ServerTransaction): void
  /** The ACK of one of our 2xx. */
  acknowledged(request: SipRequest): void
  bye(cause: number): void
  applySdp(body: Buffer): boolean
  end(cause: number, sipStatus: number): void
}

export function handleDialog(agent: UserAgent, session: Session, events: LegEvents): DialogHandling {
  let reinvite: ServerTransaction | undefined

  function end(cause: number, sipStatus: number) {
    if (session.ended) return
    session.ended = true
    if (session.dialog) agent.forgetDialog(session.dialog)
    session.media.close()
    events.onEnded(cause, sipStatus)
  }

  function setDirection(direction: Direction) {
    const wasHeld = session.peerDirection === 'sendonly' || session.peerDirection === 'inactive'
    const held = direction === 'sendonly' || direction === 'inactive'
    session.peerDirection = direction
    // RFC 3264 §8.4: who holds us must not get our audio.
    if (held !== wasHeld) {
      session.media.mute('out', held)
      events.onHold?.(held)
    }
  }

  /** Takes an answer (or an offer already negotiated) into use. */
  function applySdp(body: Buffer): boolean {
    const sdp = parseSdp(body)
    const negotiated = sdp && negotiate(sdp)
    if (!negotiated) return false
    session.media.setRemote(negotiated.remote)
    setDirection(negotiated.direction)
    return true
  }

  /** The 2xx of a re-INVITE or UPDATE (§14.2): an answer, or with an empty body our offer. */
  function renegotiate(transaction: ServerTransaction) {
    const { request } = transaction
    session.local.version++
    let body: Buffer
    if (request.body.length === 0) body = makeOffer(session.local)
    else {
      const offer = parseSdp(request.body)
      const negotiated = offer && negotiate(offer)
      if (!offer || !negotiated) return transaction.respond(488)
      body = makeAnswer(offer, negotiated, session.local)
      session.media.setRemote(negotiated.remote)
      setDirection(negotiated.direction)
    }
    refreshTarget(session.dialog!, request)
    if (request.method === 'INVITE') {
      reinvite = transaction
      transaction.onAckTimeout = () => bye(102)
    }
    const contact: Headers[number] = ['contact', agent.contact(transaction.flow, /^sips:/i.test(request.uri))]
    const hasBody = request.method === 'INVITE' || request.body.length > 0
    transaction.respond(200, hasBody ? { headers: [contact, SDP_TYPE], body } : { headers: [contact] })
  }

  function bye(cause: number) {
    if (session.ended || !session.dialog) return
    const { dialog, login } = session
    requestWithLogin({
      login,
      build: (credentials) =>
        dialogRequest(dialog, 'BYE', { headers: [['reason', formatReason(cause)], ...credentials] }),
      send: (request, handlers) => agent.requestInDialog(dialog, request, handlers),
      wanted: () => true,
      handlers: { onResponse() {}, onFailure() {} },
    })
    end(cause, 0)
  }

  function info(transaction: ServerTransaction) {
    const { request } = transaction
    const type = header(request, 'content-type')?.toLowerCase().split(';')[0]?.trim()
    const text = request.body.toString('utf8')
    if (type === 'application/dtmf-relay' || type === 'application/dtmf') {
      const digit = /^(?:\s*Signal\s*=\s*)?([0-9A-D*#])\s*$/im.exec(text)?.[1]
      if (!digit) return transaction.respond(400)
      transaction.respond(200)
      events.onDtmf?.(digit.toUpperCase(), Number(/Duration\s*=\s*(\d{1,5})/i.exec(text)?.[1] ?? 100))
      return
    }
    transaction.respond(request.body.length === 0 ? 200 : 415)
  }

  return {
    receive(transaction) {
      const { request } = transaction
      if (session.ended || !session.dialog) return transaction.respond(481)
      if (!acceptSequence(session.dialog, request)) return transaction.respond(500) // §12.2.2
      if (isReliable(transaction.flow)) session.dialog.flow = transaction.flow
      switch (request.method) {
        case 'BYE':
          transaction.respond(200)
          return end(reasonCause(header(request, 'reason')) ?? 16, 0)
        case 'INVITE':
          // §14.2: one negotiation at a time
          if (session.inviteInProgress) return transaction.respond(491)
          if (reinvite) return transaction.respond(500, { headers: [['retry-after', '1']] })
          return renegotiate(transaction)
        case 'UPDATE':
          return renegotiate(transaction)
        case 'INFO':
          return info(transaction)
        case 'OPTIONS':
          return transaction.respond(200, { headers: [['allow', ALLOW]] })
        default:
          return transaction.respond(405, { headers: [['allow', ALLOW]] })
      }
    },
    acknowledged(request) {
      if (!reinvite || request.cseq.number !== reinvite.request.cseq.number) return
      reinvite.acknowledged()
      // We made the offer, so the ACK carries the answer (§13.2.1).
      if (reinvite.request.body.length === 0 && !applySdp(request.body)) bye(58)
      reinvite = undefined
    },
    bye,
    applySdp,
    end,
  }
}
