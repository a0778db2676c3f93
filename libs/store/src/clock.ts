import { randomFillSync } from 'node:crypto'
import { v7 } from 'uuid'

let lastMicros = 0

const idBytes = 16
/** Asking for random bytes costs more than the rest of an id: many ids' worth at a time. */
const random = Buffer.alloc(256 * idBytes)
let used = random.length
let lastId = { msecs: 0, seq: 0 }

/** The time as RFC 3339 in UTC with microseconds; later than every time it gave in this process before. */
export function now(): string {
  // Date.now() follows the system's clock, which performance.now() leaves behind after a suspend.
  lastMicros = Math.max(Date.now() * 1_000, lastMicros + 1)
  return format(lastMicros)
}

/** The time that is so far from now; negative for the past. */
export const timeAfter = (ms: number): string => format((Date.now() + ms) * 1_000)

/** A new id: UUIDv7, so that later rows of this process sort later. */
export function newId(): string {
  if (used === random.length) {
    randomFillSync(random)
    used = 0
  }
  const fresh = random.subarray(used, used + idBytes)
  used += idBytes
  const msecs = Date.now()
  // In the same millisecond they count on, so that they sort (RFC 9562 section 6.2, method 2); the first leaves room for that.
  if (msecs > lastId.msecs) lastId = { msecs, seq: fresh.readUInt32BE(0) >>> 1 }
  else lastId.seq++
  return v7({ random: fresh, ...lastId })
}

/** What no id of an earlier millisecond is greater than. */
export function firstIdAt(time: string): string {
  const hex = Date.parse(time).toString(16).padStart(12, '0')
  return `${hex.slice(0, 8)}-${hex.slice(8)}`
}

function format(micros: number): string {
  const ms = Math.floor(micros / 1_000)
  const rest = String(Math.floor(micros % 1_000)).padStart(3, '0')
  return `${new Date(ms).toISOString().slice(0, -1)}${rest}Z`
}
