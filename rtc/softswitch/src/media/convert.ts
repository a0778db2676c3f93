import { bessel } from './bessel.ts'
import { frameSamples, newFrame, saturate, wideSamples } from './frame.ts'
import type { Frame } from './types.ts'

// A half-band low-pass (Kaiser window, 60 dB): passes up to 3.5 kHz, stops from 4.5 kHz. All its even taps but the middle
// one are zero, so that each direction costs `taps` multiplications for each sample at 8 kHz.
const taps = 32
const half = taps / 2
const beta = 5.65

/** The odd taps, scaled to a sum of 1: what lies half a narrow sample away, 1.5, 2.5 … */
const filter = (() => {
  const odd = Float64Array.from({ length: taps }, (_, i) => {
    const n = 2 * i + 1 - taps
    const window = bessel(beta * Math.sqrt(1 - (n / taps) ** 2)) / bessel(beta)
    return (Math.sin((Math.PI * n) / 2) / (Math.PI * n)) * window
  })
  const sum = odd.reduce((total, tap) => total + tap, 0)
  return odd.map((tap) => tap / sum)
})()

/**
 * Brings the frames of one stream to one rate, 8 or 16 kHz; a frame's length tells its rate. Keeps what the filter needs
 * from one frame to the next. A frame that has the rate already is passed as it is.
 */
export function createConverter(samples: number): (frame: Frame) => Frame {
  const before = samples === wideSamples ? taps - 1 : 2 * taps - 2
  let out: Frame | undefined // most streams never need another rate
  let history: Float64Array | undefined

  return (frame) => {
    if (frame.length === samples) return frame
    out ??= newFrame(samples)
    history ??= new Float64Array(before + frame.length)
    history.set(frame, before)
    if (samples === wideSamples) widen(history, out)
    else narrow(history, out)
    history.copyWithin(0, frame.length)
    return out
  }
}

function widen(history: Float64Array, out: Frame) {
  for (let k = 0; k < frameSamples; k++) {
    let between = 0
    for (let i = 0; i < taps; i++) between += filter[i]! * history[k + i]!
    out[2 * k] = history[k + half - 1]!
    out[2 * k + 1] = saturate(Math.round(between))
  }
}

function narrow(history: Float64Array, out: Frame) {
  for (let k = 0; k < frameSamples; k++) {
    let between = 0
    for (let i = 0; i < taps; i++) between += filter[i]! * history[2 * (k + i)]!
    out[k] = saturate(Math.round((history[2 * (k + half) - 1]! + between) / 2))
  }
}
