const frameMs = 20
/** Of μ-law, a byte a sample. */
const frameBytes = 160
/** Half a minute: whoever sends a prompt at once has it spoken whole. */
const maxFrames = 1_500
/** Of what a stall of ours has held up, as much as a jitter buffer takes at once. */
const maxBurst = 5

/** 20 ms of what is to be said. */
export interface SpokenFrame {
  mulaw: Buffer
  /** Its place in the stream, in samples. */
  timestamp: number
  /** It follows a pause. */
  first: boolean
}

/** Audio comes in as the client sends it, in any amount at any time, and goes out a frame every 20 ms. Beyond half a minute the oldest is dropped. */
export function createPacer(startMs: number) {
  let frames: Buffer[] = []
  let rest: Buffer = Buffer.alloc(0)
  /** In frames since the start: where the next one goes. */
  let place = 0
  let first = true

  const placeAt = (nowMs: number): number => Math.floor((nowMs - startMs) / frameMs)
  function skipTo(earliest: number): void {
    if (place >= earliest) return
    place = earliest
    first = true
  }

  return {
    push(mulaw: Buffer, nowMs: number): void {
      if (frames.length === 0) skipTo(placeAt(nowMs))
      rest = rest.length === 0 ? mulaw : Buffer.concat([rest, mulaw])
      for (; rest.length >= frameBytes; rest = rest.subarray(frameBytes)) frames.push(rest.subarray(0, frameBytes))
      if (frames.length > maxFrames) frames = frames.slice(-maxFrames)
    },
    /** What is to be sent now. */
    take(nowMs: number): SpokenFrame[] {
      const present = placeAt(nowMs)
      const due: SpokenFrame[] = []
      if (frames.length > 0) skipTo(present - maxBurst + 1)
      while (place <= present && frames.length > 0) {
        due.push({ mulaw: frames.shift()!, timestamp: place * frameBytes, first })
        place += 1
        first = false
      }
      return due
    },
    /** How long until there is something to take; absent when nothing waits. */
    waitMs: (nowMs: number): number | undefined =>
      frames.length === 0 ? undefined : Math.max(0, startMs + place * frameMs - nowMs),
  }
}
