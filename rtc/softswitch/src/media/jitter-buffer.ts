import type { Codec, Decoder } from './codec.ts'
import { createDelayEstimate } from './delay.ts'
import { frameMs } from './frame.ts'
import { createSampleQueue } from './sample-queue.ts'
import type { Frame } from './types.ts'

interface Waiting {
  /** Its RTP timestamp, without the wrap. */
  at: number
  payload: Uint8Array
}

const mostPackets = 100
/** After so long without a packet the peer has paused, and begins again when it does. */
const pauseMs = 100
// The delay is left alone between these, relative to what is needed, and changed when it is outside for so many ticks.
const spareMs = 30
const scarceMs = -15
const patienceTicks = 10

/**
 * Packets of one stream in the order of their timestamps, decoded when they are due: an order of arrival, sizes of packets
 * and gaps need no cases. Waits as long as the network makes it necessary; takes back what it does not need, so that a
 * sender whose clock is faster or slower than ours does no harm either.
 */
export function createJitterBuffer(codec: Codec) {
  const decoder: Decoder = codec.createDecoder()
  const rateHz = (codec.frameSamples * 1000) / frameMs
  const unitsPerSample = codec.clockHz / rateHz
  const unitsPerMs = codec.clockHz / 1000
  const delay = createDelayEstimate()
  const queue = createSampleQueue(rateHz)
  const packets: Waiting[] = []
  const counters = { late: 0, concealed: 0 }
  let newest = 0 // the last timestamp, unwrapped: what the next one is measured by
  let isPlaying = false
  let position = 0 // timestamp of what is decoded next
  let waitedMs = 0 // heard in place of what has not come yet
  let outside = 0 // ticks for which the delay has been too long (positive) or too short

  function restart() {
    packets.length = 0
    queue.clear()
    delay.reset()
    isPlaying = false
  }

  function insert(packet: Waiting) {
    let index = packets.length
    while (index > 0 && packets[index - 1]!.at > packet.at) index--
    if (packets[index - 1]?.at === packet.at) return
    packets.splice(index, 0, packet)
    if (packets.length > mostPackets) packets.shift()
  }

  function conceal(units: number, next?: Uint8Array) {
    const samples = Math.min(codec.frameSamples, Math.max(1, Math.round(units / unitsPerSample)))
    queue.keep()
    queue.push(decoder.conceal(samples, next))
    counters.concealed++
    return samples * unitsPerSample
  }

  /** Nothing is here: it is late, or the peer has ended what it says. So it dies away within one frame. */
  function wait() {
    const made = decoder.conceal(codec.frameSamples)
    const { length } = made
    for (let i = 0; i < length; i++) made[i] = waitedMs > 0 ? 0 : Math.round((made[i]! * (length - i)) / length)
    queue.keep()
    queue.push(made)
    waitedMs += frameMs
  }

  /** Decodes what is next, or makes something up. False: the peer pauses. */
  function decodeNext(): boolean {
    const first = packets[0]
    if (!first) {
      if (waitedMs >= pauseMs) return false
      wait()
      return true
    }
    const missing = first.at - position
    if (missing <= 0) {
      packets.shift()
      queue.keep()
      const samples = decoder.decode(first.payload)
      queue.push(samples)
      position = first.at + samples.length * unitsPerSample
      waitedMs = 0
    } else {
      const isLast = missing <= frameMs * unitsPerMs
      position += conceal(missing, isLast ? first.payload : undefined)
    }
    return true
  }

  function adapt(nowMs: number) {
    const heardAt = position / unitsPerMs - (queue.length() * 1000) / rateHz
    const spare = delay.delayOf(heardAt, nowMs) - delay.targetMs()
    if (spare > spareMs) outside = Math.max(1, outside + 1)
    else if (spare < scarceMs) outside = Math.min(-1, outside - 1)
    else outside = 0
    if (Math.abs(outside) < patienceTicks) return
    outside = Math.sign(outside) * (patienceTicks - 3) // and again soon, until it is enough
    if (spare < 0) {
      conceal(frameMs * unitsPerMs)
      return
    }
    if (spare > 10 * frameMs) skip(spare)
    while (queue.length() < 2 * codec.frameSamples && packets[0] && decodeNext());
    queue.shorten()
  }

  /** Far too much waits, as after a stall: the oldest of it is given up. */
  function skip(spareToMs: number) {
    const until = position + spareToMs * unitsPerMs
    while (packets.length > 1 && packets[1]!.at <= until) packets.shift()
    position = packets[0]?.at ?? position
  }

  return {
    counters,
    /** `isNewest`: none later in sequence was seen before. The payload is kept. */
    write({ timestamp, payload }: { timestamp: number; payload: Uint8Array }, isNewest: boolean, nowMs: number) {
      if (payload.length === 0) return
      const at = newest + ((timestamp - newest) | 0)
      if (!delay.add(nowMs, at / unitsPerMs)) {
        if (!isNewest) return // from before a restart
        restart()
        delay.add(nowMs, at / unitsPerMs)
      }
      if (isNewest) newest = at
      if (isPlaying && at < position) counters.late++
      else insert({ at, payload })
    },
    /** The next 20 ms, or `null` when there is nothing to be heard. */
    read(nowMs: number): Frame | null {
      // What was waited for was lost, or never said. It is silent by now, so there is no better time for the right delay.
      if (waitedMs > 0 && packets[0] && packets[0].at > position) isPlaying = false
      if (!isPlaying) {
        const first = packets[0]
        if (!first || delay.delayOf(first.at / unitsPerMs, nowMs) < delay.targetMs()) return null
        isPlaying = true
        position = first.at
        waitedMs = 0
        outside = 0
      }
      adapt(nowMs)
      while (queue.length() < codec.frameSamples) {
        if (!decodeNext()) {
          isPlaying = false
          queue.clear()
          return null
        }
      }
      return queue.shift(codec.frameSamples)
    },
    close: () => decoder.close?.(),
  }
}

export type JitterBuffer = ReturnType<typeof createJitterBuffer>
