import { pitchOf } from './conceal.ts'
import { newFrame } from './frame.ts'
import type { Frame } from './types.ts'

/** Decoded samples that wait to be heard. */
export function createSampleQueue(rateHz: number) {
  const ms = rateHz / 1000
  const samples = newFrame(300 * ms)
  const frame = newFrame(20 * ms)
  let whole: Frame | undefined // a frame that came as it will be read: the usual case needs no copy
  let length = 0

  /** Copies what may be overwritten by the next that is decoded. */
  function keep() {
    if (!whole) return
    samples.set(whole)
    length = whole.length
    whole = undefined
  }

  return {
    length: () => whole?.length ?? length,
    keep,
    push(more: Frame) {
      if (length === 0 && !whole && more.length === frame.length) {
        whole = more
        return
      }
      keep()
      const fits = Math.min(more.length, samples.length - length)
      samples.set(fits === more.length ? more : more.subarray(0, fits), length)
      length += fits
    },
    shift(count: number): Frame {
      if (whole) {
        const given = whole
        whole = undefined
        return given
      }
      frame.set(samples.subarray(0, count))
      samples.copyWithin(0, count, length)
      length -= count
      return frame
    },
    /** Takes one pitch period out of the first 40 ms, by a cross-fade that keeps the wave in step. */
    shorten() {
      keep()
      if (length < 40 * ms) return
      const lag = pitchOf(samples.subarray(0, 40 * ms), rateHz)
      const fade = Math.round(10 * ms)
      for (let i = 0; i < fade; i++) {
        const share = i / fade
        samples[i] = Math.round((1 - share) * samples[i]! + share * samples[i + lag]!)
      }
      samples.copyWithin(fade, fade + lag, length)
      length -= lag
    },
    clear() {
      length = 0
      whole = undefined
    },
  }
}
