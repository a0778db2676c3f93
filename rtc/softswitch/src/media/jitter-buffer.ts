import { frameSamples, newFrame } from './frame.ts'
import type { Frame } from './types.ts'

const capacity = 8192 // a power of two, so that positions are RTP timestamps modulo it, also where they wrap
const maxDepth = 8000
const startDelay = 2 * frameSamples
const shrinkWindowTicks = 50

/**
 * A ring of samples addressed by RTP timestamp: order of arrival and packet size do not matter, and what was lost reads as silence.
 * It starts with 40 ms of delay, takes more when packets come too late, and gives back what it has not needed for a second.
 */
export function createJitterBuffer() {
  const ring = new Int16Array(capacity)
  const frame = newFrame()
  let running = false
  let readAt = 0 // timestamp of the next sample to be heard
  let writtenTo = 0 // timestamp after the newest sample
  let leastDepth = capacity
  let windowTicks = 0

  function restart(timestamp: number) {
    ring.fill(0)
    readAt = (timestamp - startDelay) >>> 0
    writtenTo = timestamp
    running = true
    leastDepth = capacity
    windowTicks = 0
  }

  function skip(samples: number) {
    for (let i = 0; i < samples; i++) ring[(readAt + i) & (capacity - 1)] = 0
    readAt = (readAt + samples) >>> 0
  }

  // Delay that was not touched for a whole window is given back: half of it at once, so that the rest is not cut if it is needed again.
  function shrink(depth: number) {
    leastDepth = Math.min(leastDepth, depth)
    if (++windowTicks < shrinkWindowTicks) return
    const spareFrames = Math.floor((leastDepth - startDelay) / frameSamples)
    if (spareFrames > 1) skip(Math.ceil(spareFrames / 2) * frameSamples)
    leastDepth = capacity
    windowTicks = 0
  }

  return {
    /** `newest`: no later packet was seen before this one. */
    write(timestamp: number, payload: Uint8Array, decode: Int16Array, newest: boolean) {
      const length = payload.length
      if (length === 0 || length > maxDepth - startDelay) return
      const offset = running ? (timestamp - readAt) | 0 : -1
      if (offset < 0 || offset + length > maxDepth) {
        // The newest packet being late means that the buffer ran dry, or that the peer's timestamps jumped; an older one is just lost.
        if (running && !newest) return
        restart(timestamp)
      }
      for (let i = 0; i < length; i++) ring[(timestamp + i) & (capacity - 1)] = decode[payload[i]!]!
      const end = (timestamp + length) >>> 0
      if (((end - writtenTo) | 0) > 0) writtenTo = end
    },
    /** The next 20 ms, or `null` when there is nothing in them. */
    read(): Frame | null {
      if (!running) return null
      const depth = (writtenTo - readAt) | 0
      if (depth <= 0) {
        readAt = (readAt + frameSamples) >>> 0
        // Timestamps wrap after 149 hours: a buffer that stays dry must not believe one day that it is full.
        if (depth < -maxDepth) running = false
        return null
      }
      for (let i = 0; i < frameSamples; i++) {
        const at = (readAt + i) & (capacity - 1)
        frame[i] = ring[at]!
        ring[at] = 0
      }
      readAt = (readAt + frameSamples) >>> 0
      shrink(depth - frameSamples)
      return frame
    },
    reset() {
      running = false
    },
  }
}
