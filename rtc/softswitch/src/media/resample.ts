import { bessel } from './bessel.ts'
import type { Clip } from './clip.ts'
import { frameSamples, newFrame, sampleRateHz, saturate } from './frame.ts'
import type { AudioSource } from './types.ts'

/** A low-pass filter cut into one set of taps per fractional position (polyphase). */
interface Kernel {
  up: number
  down: number
  taps: number
  phases: Float64Array[]
}

// The common rates need less (11 025 Hz has 320); between so many the nearest is as good as the right one.
const maxPhases = 512

// Speech on the phone ends at 3.4 kHz; what lies above 4.4 kHz would fold back below 3.6 kHz.
const cutoffHz = 3900
const transitionHz = 1000
const stopBandDb = 60

const greatestCommonDivisor = (a: number, b: number): number => (b === 0 ? a : greatestCommonDivisor(b, a % b))

// Kaiser's design formulas (Oppenheim and Schafer, section 7.6).
const beta = 0.1102 * (stopBandDb - 8.7)

function designKernel(rateHz: number): Kernel {
  const cutoff = Math.min(cutoffHz, 0.45 * rateHz)
  const divisor = greatestCommonDivisor(sampleRateHz, rateHz)
  const [up, down] = [sampleRateHz / divisor, rateHz / divisor]
  const half = Math.ceil((stopBandDb - 8) / (2.285 * 2 * Math.PI * (transitionHz / rateHz)) / 2)
  const count = Math.min(up, maxPhases)
  const phases = Array.from({ length: count }, (_, phase) => {
    const taps = Float64Array.from({ length: 2 * half }, (_, tap) => {
      const x = tap - half + 1 - phase / count
      const window = bessel(beta * Math.sqrt(Math.max(0, 1 - (x / half) ** 2))) / bessel(beta)
      return (
        window * (x === 0 ? 1 : Math.sin((2 * Math.PI * cutoff * x) / rateHz) / ((2 * Math.PI * cutoff * x) / rateHz))
      )
    })
    const gain = taps.reduce((sum, tap) => sum + tap, 0)
    return taps.map((tap) => tap / gain)
  })
  return { up, down, taps: 2 * half, phases }
}

const kernels = new Map<number, Kernel>()

/** Plays a clip of any rate as frames; the work is done frame by frame, as they are played. */
export function resampledSource(clip: Clip): AudioSource {
  const frame = newFrame()
  const length = Math.ceil((clip.length * sampleRateHz) / clip.rateHz)
  const fill = clip.rateHz === sampleRateHz ? copier(clip, frame) : filter(clip, frame)
  let played = 0
  return {
    next() {
      if (played >= length) return null
      fill(played)
      played += frameSamples
      return frame
    },
    skip(ms) {
      played = Math.max(0, Math.min(length, played + Math.round((ms * sampleRateHz) / 1000)))
    },
  }
}

const reader =
  ({ length, sample }: Clip) =>
  (at: number) =>
    at >= 0 && at < length ? sample(at) : 0

function copier(clip: Clip, frame: Int16Array) {
  const read = reader(clip)
  return (played: number) => {
    for (let i = 0; i < frameSamples; i++) frame[i] = read(played + i)
  }
}

function filter(clip: Clip, frame: Int16Array) {
  const read = reader(clip)
  const kernel = kernels.get(clip.rateHz) ?? designKernel(clip.rateHz)
  kernels.set(clip.rateHz, kernel)
  const { up, down, taps, phases } = kernel
  const input = new Float64Array(Math.ceil((frameSamples * down) / up) + taps + 1)
  return (played: number) => {
    const from = Math.floor((played * down) / up) - taps / 2 + 1
    for (let i = 0; i < input.length; i++) input[i] = read(from + i)
    for (let i = 0; i < frameSamples; i++) {
      const position = (played + i) * down
      const phase = phases[Math.floor(((position % up) * phases.length) / up)]!
      const start = Math.floor(position / up) - taps / 2 + 1 - from
      let sum = 0
      for (let tap = 0; tap < taps; tap++) sum += phase[tap]! * input[start + tap]!
      frame[i] = saturate(Math.round(sum))
    }
  }
}
