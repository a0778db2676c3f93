/** What a stream loses and how unevenly it arrives, as receiver reports say it (RFC 3550 section 6.4.1, appendix A). */
export interface ReceptionReport {
  ssrc: number
  /** Of the packets since the last report, 0 to 1. */
  fractionLost: number
  /** Since the stream began; duplicates count as received, so it may be negative. */
  lost: number
  highestSequence: number
  jitterMs: number
}

/** Counts what arrives of one stream after the other. */
export function createReception() {
  let ssrc: number | undefined
  let first = 0
  let highest = 0 // extended by how often the sequence number wrapped
  let received = 0
  let bytes = 0
  let jitterMs = 0
  let lastTransit: number | undefined
  let expectedBefore = 0
  let receivedBefore = 0

  const expected = () => highest - first + 1

  return {
    start(newSsrc: number, sequence: number) {
      ssrc = newSsrc
      first = sequence
      highest = sequence - 1
      received = 0
      bytes = 0
      jitterMs = 0
      lastTransit = undefined
      expectedBefore = 0
      receivedBefore = 0
    },
    /** `timing` of audio: when it came, and its timestamp as milliseconds. */
    add(sequence: number, payloadBytes: number, timing?: { arrivalMs: number; mediaMs: number }) {
      received++
      bytes += payloadBytes
      const ahead = ((sequence - highest) << 16) >> 16
      if (ahead > 0) highest += ahead
      if (!timing) return
      const transit = timing.arrivalMs - timing.mediaMs
      const change = lastTransit === undefined ? 0 : Math.abs(transit - lastTransit)
      lastTransit = transit
      // A timestamp that wrapped or jumped is no jitter.
      if (change < 10_000) jitterMs += (change - jitterMs) / 16
    },
    /** What there is to report, `undefined` before anything arrived; ends the interval. */
    report(): ReceptionReport | undefined {
      if (ssrc === undefined) return undefined
      const expectedNow = expected()
      const lostNow = expectedNow - expectedBefore - (received - receivedBefore)
      const share = expectedNow > expectedBefore ? lostNow / (expectedNow - expectedBefore) : 0
      expectedBefore = expectedNow
      receivedBefore = received
      return {
        ssrc,
        fractionLost: Math.max(0, share),
        lost: expectedNow - received,
        highestSequence: highest >>> 0,
        jitterMs,
      }
    },
    /** The same since the stream began, without ending the interval. */
    soFar: () => ({ ssrc, expected: ssrc === undefined ? 0 : expected(), received, bytes, jitterMs }),
  }
}
