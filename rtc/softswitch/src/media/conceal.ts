import { newFrame } from './frame.ts'
import type { Frame } from './types.ts'

/*
 * What is heard in the place of lost audio: the last pitch period again and again, fading, and then a short cross-fade
 * into what arrives. The idea is that of G.711 appendix I, without its delay.
 */

const historyMs = 45
const shortestPitchMs = 2.5
const longestPitchMs = 15
const comparedMs = 15
const fadeFromMs = 10
const fadeMs = 50
const joinMs = 5

/** How many samples back the signal looked as it looks at its end: the lag with the best correlation. */
export function pitchOf(samples: Frame, rateHz: number): number {
  const ms = rateHz / 1000
  const length = Math.round(comparedMs * ms)
  const shortest = Math.round(shortestPitchMs * ms)
  const longest = Math.round(longestPitchMs * ms)
  const end = samples.length
  const coarse = Math.max(1, Math.round(rateHz / 8000))
  const score = (lag: number, step: number) => {
    let product = 0
    let energy = 1
    for (let i = end - length; i < end; i += step) {
      const before = samples[i - lag]!
      product += samples[i]! * before
      energy += before * before
    }
    return product > 0 ? (product * product) / energy : 0
  }
  const best = (from: number, to: number, step: number) => {
    let found = from
    let most = -1
    for (let lag = from; lag <= to; lag += step) {
      const here = score(lag, step)
      if (here > most) [found, most] = [lag, here]
    }
    return found
  }
  const about = best(shortest, longest, coarse)
  return coarse === 1 ? about : best(Math.max(shortest, about - coarse), Math.min(longest, about + coarse), 1)
}

/** Wraps what decodes without memory of losses. `decode` must give frames in order. */
export function createConcealer(rateHz: number) {
  const ms = rateHz / 1000
  const history = newFrame(historyMs * ms)
  const out = newFrame(20 * ms)
  const joinSamples = joinMs * ms
  let lost = 0 // samples since the last real one
  let period = 0

  const gain = (at: number) => Math.max(0, Math.min(1, 1 - (at - fadeFromMs * ms) / (fadeMs * ms)))
  const substitute = (at: number) => history[history.length - period + (at % period)]! * gain(at)

  return {
    /** Remembers what was really heard, and joins it to what was made up before it. */
    heard(samples: Frame) {
      if (lost > 0) {
        const length = Math.min(joinSamples, samples.length)
        for (let i = 0; i < length; i++) {
          const share = (i + 1) / (length + 1)
          samples[i] = Math.round(share * samples[i]! + (1 - share) * substitute(lost + i))
        }
        lost = 0
      }
      if (samples.length >= history.length) {
        history.set(samples.subarray(samples.length - history.length))
        return
      }
      history.copyWithin(0, samples.length)
      history.set(samples, history.length - samples.length)
    },
    lost(samples: number): Frame {
      if (lost === 0) period = pitchOf(history, rateHz)
      const frame = samples === out.length ? out : newFrame(samples)
      for (let i = 0; i < samples; i++) frame[i] = Math.round(substitute(lost + i))
      lost += samples
      return frame
    },
  }
}
