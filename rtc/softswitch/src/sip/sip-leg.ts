import type { MediaSession } from '../media/types.ts'
import { type Headers, headerList } from './message.ts'
import type { ReferTo, Replaces } from './refer.ts'

/** What a call leg tells its owner. `onEnded` comes exactly once, and last. */
export interface LegEvents {
  onRinging?(): void
  onProgress?(): void
  onAnswered?(): void
  onHold?(held: boolean): void
  onDtmf?(digit: string, durationMs: number): void
  /** The peer asks for a transfer, and is told by `tellTransfer` what becomes of it. */
  onRefer?(target: ReferTo): void
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
  /** How the transfer that the peer asked for goes, as a SIP status; a final one ends it. False: there is none. */
  tellTransfer(status: number): boolean
  /** Whether this is the dialog that a Replaces header names. */
  isNamedBy(replaces: Replaces): boolean
}

export const ALLOW = 'INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, PRACK, UPDATE, REFER, REGISTER'
/** The extensions that we understand (RFC 3262, RFC 4028). */
export const SUPPORTED = '100rel, timer'

/** Whether whoever sent this takes UPDATE (RFC 3311 §4). */
export const takesUpdate = (message: { headers: Headers }): boolean =>
  headerList(message, 'allow').some((method) => method.toUpperCase() === 'UPDATE')
