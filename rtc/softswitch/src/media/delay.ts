/*
 * How long audio has to wait before it is played: the time packets need, beside the fastest of the last seconds. All times
 * in milliseconds; a packet's media time is its timestamp on the sender's clock.
 */

const rememberedPackets = 150
const reviewedEvery = 10
/** So large a share of packets may come too late. */
const lateShare = 0.02
/** What lies between the arrival of a packet and the tick that plays it. */
const marginMs = 10
const leastMs = 40
const mostMs = 500
/** A packet that is this far from the others has another clock: its sender restarted. */
const jumpMs = 2000

/** Estimates the delay that a stream needs. */
export function createDelayEstimate() {
  const transits = new Float64Array(rememberedPackets)
  let known = 0
  let next = 0
  let fastest = 0
  let targetMs = leastMs

  function review() {
    const recent = transits.slice(0, known).sort()
    fastest = recent[0]!
    const needed = recent[known - 1 - Math.floor(lateShare * known)]! - fastest + marginMs
    targetMs = Math.max(leastMs, Math.min(mostMs, needed))
  }

  return {
    /** False when the packet's clock has nothing to do with that of the packets before: begin anew. */
    add(arrivalMs: number, mediaMs: number): boolean {
      const transit = arrivalMs - mediaMs
      if (known > 0 && Math.abs(transit - fastest) > jumpMs) return false
      transits[next] = transit
      next = (next + 1) % rememberedPackets
      known = Math.min(known + 1, rememberedPackets)
      if (known === 1 || transit < fastest) fastest = transit
      if (next % reviewedEvery === 0) review()
      return true
    },
    reset() {
      known = 0
      next = 0
      targetMs = leastMs
    },
    /** How late something of that media time would be heard now, beside the earliest that it could be here. */
    delayOf: (mediaMs: number, nowMs: number) => nowMs - fastest - mediaMs,
    targetMs: () => targetMs,
  }
}
