import { frameMs } from './frame.ts'

/** The payload types of `telephone-event` in offers of our own, by clock rate; an answer repeats the peer's. */
export const telephoneEvents = { 8000: 101, 48000: 102 } as const

/** Digits in the order of their RFC 4733 event codes (section 3.2). */
export const dtmfDigits = '0123456789*#ABCD'

/** A DTMF event packet's payload (RFC 4733 section 2.3). */
export interface TelephoneEvent {
  event: number
  end: boolean
  volume: number
  /** In samples, since the event began. */
  duration: number
}

/** Reads a payload; `null` when it is too short. */
export function parseTelephoneEvent(payload: Buffer): TelephoneEvent | null {
  if (payload.length < 4) return null
  const flags = payload[1]!
  return { event: payload[0]!, end: flags >= 0x80, volume: flags & 0x3f, duration: payload.readUInt16BE(2) }
}

export function writeTelephoneEvent(
  bytes: Buffer,
  offset: number,
  { event, end, volume, duration }: TelephoneEvent,
): void {
  bytes[offset] = event
  bytes[offset + 1] = (end ? 0x80 : 0) | volume
  bytes.writeUInt16BE(duration, offset + 2)
}

// Section 2.5.2.2 leaves the time after which a lost end is assumed to the receiver; senders update every 20 to 50 ms.
const lostEndTicks = 200 / frameMs
/** What the duration field of one packet can say. */
export const maxEventDuration = 0xffff

// Bounded (10 s), so that a peer whose timestamps jump back is not ignored for hours.
const isLate = (timestamp: number, reference: number, clockHz: number) => {
  const behind = (reference - timestamp) | 0
  return behind > 0 && behind < 10 * clockHz
}

/** Turns event packets, which may be lost, repeated or out of order, into one report per digit. */
export function createDtmfReceiver(report: (digit: string, durationMs: number) => void) {
  let current: {
    event: number
    timestamp: number
    clockHz: number
    duration: number
    earlier: number
    quietTicks: number
  } | null = null
  let finishedAt: number | null = null

  function finish() {
    if (!current) return
    const { event, timestamp, clockHz, duration, earlier } = current
    finishedAt = timestamp
    current = null
    report(dtmfDigits[event]!, Math.round(((earlier + duration) * 1000) / clockHz))
  }

  return {
    receive(timestamp: number, { event, end, duration }: TelephoneEvent, clockHz: number) {
      if (event >= dtmfDigits.length) return
      if (finishedAt !== null && (timestamp === finishedAt || isLate(timestamp, finishedAt, clockHz))) return
      if (current && timestamp !== current.timestamp) {
        if (isLate(timestamp, current.timestamp, clockHz)) return
        // A tone longer than the field goes on in a new segment that starts where the last one ended (section 2.5.1.3).
        const ahead = (timestamp - current.timestamp) >>> 0
        const continues = event === current.event && current.duration === maxEventDuration && ahead === maxEventDuration
        if (continues) current = { ...current, timestamp, duration: 0, earlier: current.earlier + maxEventDuration }
        else finish()
      }
      current ??= { event, timestamp, clockHz, duration: 0, earlier: 0, quietTicks: 0 }
      current.duration = Math.max(current.duration, duration)
      current.quietTicks = 0
      if (end) finish()
    },
    tick() {
      if (current && ++current.quietTicks > lostEndTicks) finish()
    },
    /** The peer began a new stream, whose timestamps say nothing about the old one's. */
    reset() {
      finish()
      finishedAt = null
    },
  }
}
