import { frameSamples, newFrame, sampleRateHz } from './frame.ts'
import type { AudioSource } from './types.ts'
import type { Wav } from './wav.ts'

/** A low-pass filter cut into one set of taps per fractional position (polyphase). */
interface Kernel {
  up: number
  down: number
  taps: number
  phases: Float64Array[]
}

// Speech on the phone ends at 3.4 kHz; what lies above 4.4 kHz would fold back below 3.6 kHz.
const cutoffHz = 3900
const transitionHz = 1000
const stopBandDb = 60

const greatestCommonDivisor = (a: number, b: number): number => (b === 0 ? a : greatestCommonDivisor(b, a % b))

// Zeroth modified Bessel function of the first kind, as a power series.
function bessel(x: number): number {
  let sum = 1
  let term = 1
  for (let k = 1; term > 1e-12 * sum; k++) {
    term *= (x / (2 * k)) ** 2
    sum += term
  }
  return sum
}

// Kaiser's design formulas (Oppenheim and Schafer, section 7.6).
const beta = 0.1102 * (stopBandDb - 8.7)

function designKernel(rateHz: number): Kernel {
  const divisor = greatestCommonDivisor(sampleRateHz, rateHz)
  const [up, down] = [sampleRateHz / divisor, rateHz / divisor]
  const half = Math.ceil((stopBandDb - 8) / (2.285 * 2 * Math.PI * (transitionHz / rateHz)) / 2)
  const phases = Array.from({ length: up }, (_, phase) => {
    const taps = Float64Array.from({ length: 2 * half }, (_, tap) => {
      const x = tap - half + 1 - phase / up
      const window = bessel(beta * Math.sqrt(Math.max(0, 1 - (x / half) ** 2))) / bessel(beta)
      return (
        window *
        (x === 0 ? 1 : Math.sin((2 * Math.PI * cutoffHz * x) / rateHz) / ((2 * Math.PI * cutoffHz * x) / rateHz))
      )
    })
    const gain = taps.reduce((sum, tap) => sum + tap, 0)
    return taps.map((tap) => tap / gain)
  })
  return { up, down, taps: 2 * half, phases }
}

const kernels = new Map<number, Kernel>()

/** Plays a WAV file at any of its rates as 8 kHz frames; the work is done frame by frame, as they are played. */
export function resampledSource(wav: Wav): AudioSource {
  const frame = newFrame()
  const read = (at: number) => (at >= 0 && at < wav.length ? wav.sample(at) : 0)
  let played = 0

  if (wav.rateHz === sampleRateHz)
    return {
      next() {
        if (played >= wav.length) return null
        for (let i = 0; i < frameSamples; i++) frame[i] = read(played + i)
        played += frameSamples
        return frame
      },
    }

  const kernel = kernels.get(wav.rateHz) ?? designKernel(wav.rateHz)
  kernels.set(wav.rateHz, kernel)
  const { up, down, taps, phases } = kernel
  const length = Math.ceil((wav.length * up) / down)
  const input = new Float64Array(Math.ceil((frameSamples * down) / up) + taps + 1)

  return {
    next() {
      if (played >= length) return null
      const from = Math.floor((played * down) / up) - taps / 2 + 1
      for (let i = 0; i < input.length; i++) input[i] = read(from + i)
      for (let i = 0; i < frameSamples; i++) {
        const position = (played + i) * down
        const filter = phases[position % up]!
        const start = Math.floor(position / up) - taps / 2 + 1 - from
        let sum = 0
        for (let tap = 0; tap < taps; tap++) sum += filter[tap]! * input[start + tap]!
        frame[i] = Math.max(-32_768, Math.min(32_767, Math.round(sum)))
      }
      played += frameSamples
      return frame
    },
  }
}
