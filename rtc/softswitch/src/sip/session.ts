import type { MediaSession } from '../media/types.ts'
import { type Login, requestWithLogin } from './answer-challenge.ts'
import { acceptSequence, type Dialog, dialogRequest } from './dialog.ts'
import { isReliable } from './flow.ts'
import { INFO_TYPES, readInfo } from './info.ts'
import { header, type SipRequest } from './message.ts'
import { formatReason, reasonCause } from './q850.ts'
import type { Replaces } from './refer.ts'
import { createRefresh } from './refresh.ts'
import { createRenegotiation } from './renegotiation.ts'
import type { Direction, LocalMedia } from './sdp.ts'
import type { ServerTransaction } from './server-transaction.ts'
import { createSessionTimer, type SessionInterval } from './session-timer.ts'
import { ALLOW, type LegEvents, SUPPORTED } from './sip-leg.ts'
import { createTransfer } from './transfer.ts'
import type { UserAgent } from './user-agent.ts'

/** What both kinds of leg share once they have a dialog. */
export interface Session {
  dialog: Dialog | null
  media: MediaSession
  local: LocalMedia
  /** What the peer may do with our audio, as last agreed. */
  peerDirection: Direction
  /** Whose offer has no answer yet: who makes another meanwhile is refused (RFC 3261 §14.2, RFC 3311 §5.2). */
  offer: 'none' | 'ours' | 'theirs'
  ended: boolean
  /** The call is ours: we sent its INVITE. */
  isCaller: boolean
  /** The peer takes UPDATE. */
  peerUpdates: boolean
  /** For a peer that asks who we are. */
  login?: Login | undefined
}

/** Q.850: no way was found; not what was agreed on; the peer has gone without a word. */
const LOSS_CAUSE = { ice: 44, dtls: 58, silence: 27 } as const

/** Ends an answered call whose protected media does not come about, or is lost. */
export const watchMedia = ({ local }: Session, bye: (cause: number) => void): void =>
  local.security?.watch((why) => bye(LOSS_CAUSE[why]))

/** Requests inside the dialog, and its end. */
export interface DialogHandling {
  receive(transaction: ServerTransaction): void
  /** The ACK of one of our 2xx. */
  acknowledged(request: SipRequest): void
  bye(cause: number): void
  applySdp(body: Buffer): boolean
  end(cause: number, sipStatus: number): void
  /** What was agreed about how long the session lives (RFC 4028). */
  agreed(interval: SessionInterval | null): void
  tellTransfer(status: number): boolean
  isNamedBy(replaces: Replaces): boolean
}

export function handleDialog(
  agent: UserAgent,
  session: Session,
  events: LegEvents,
  /** Answers a PRACK; absent: there is nothing that would want one. */
  onPrack: (transaction: ServerTransaction) => void = (transaction) => transaction.respond(481),
): DialogHandling {
  const timer = createSessionTimer({ refresh: (seconds) => refresh.refresh(seconds), expired: () => bye(102) })
  const renegotiation = createRenegotiation({ agent, session, events, bye, agreed: timer.start })
  const { applySdp } = renegotiation
  const refresh = createRefresh({ agent, session, applySdp, agreed: timer.start, bye })
  const transfer = createTransfer({ agent, session, events })

  function end(cause: number, sipStatus: number) {
    if (session.ended) return
    session.ended = true
    timer.stop()
    refresh.stop()
    if (session.dialog) agent.forgetDialog(session.dialog)
    session.media.close()
    events.onEnded(cause, sipStatus)
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
    const read = readInfo(transaction.request)
    // §21.4.13: a 415 says what would be understood.
    if (typeof read === 'number')
      return transaction.respond(read, read === 415 ? { headers: [['accept', INFO_TYPES]] } : {})
    transaction.respond(200)
    events.onDtmf?.(read.digit, read.durationMs)
  }

  return {
    receive(transaction) {
      const { request } = transaction
      if (session.ended || !session.dialog) return transaction.respond(481)
      if (!acceptSequence(session.dialog, request)) return transaction.respond(500) // §12.2.2
      const required = agent.unsupported(request)
      if (required.length > 0 && request.method !== 'BYE') {
        return transaction.respond(420, { headers: required.map((value) => ['unsupported', value]) })
      }
      if (isReliable(transaction.flow)) session.dialog.flow = transaction.flow
      switch (request.method) {
        case 'BYE':
          transaction.respond(200)
          return end(reasonCause(header(request, 'reason')) ?? 16, 0)
        case 'INVITE':
        case 'UPDATE':
          return renegotiation.receive(transaction)
        case 'PRACK':
          return onPrack(transaction)
        case 'INFO':
          return info(transaction)
        case 'REFER':
          return transfer.receive(transaction)
        case 'OPTIONS':
          return transaction.respond(200, {
            headers: [
              ['allow', ALLOW],
              ['accept', 'application/sdp'],
              ['supported', SUPPORTED],
            ],
          })
        case 'NOTIFY':
          return transaction.respond(481) // RFC 6665 §4.1.3: we subscribe to nothing
        case 'SUBSCRIBE':
          return transaction.respond(489, { headers: [['allow-events', '']] })
        default:
          return transaction.respond(405, { headers: [['allow', ALLOW]] })
      }
    },
    acknowledged: renegotiation.acknowledged,
    bye,
    applySdp,
    end,
    agreed: timer.start,
    tellTransfer: transfer.tell,
    isNamedBy: ({ callId, toTag, fromTag }) =>
      !session.ended &&
      session.dialog?.callId === callId &&
      session.dialog.localTag === toTag &&
      session.dialog.remoteTag === fromTag,
  }
}
