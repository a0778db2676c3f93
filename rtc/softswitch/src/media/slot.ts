import { createConverter } from './convert.ts'
import { frameSamples, newFrame, saturate, wideSamples } from './frame.ts'
import type { Frame } from './types.ts'

/** Holds a copy of at most one frame, of either rate, until the tick is over. */
export function createSlot() {
  const memory = newFrame(wideSamples)
  let held: Frame | null = null
  return {
    put(frame: Frame) {
      held = memory.subarray(0, frame.length)
      held.set(frame)
    },
    get: (): Frame | null => held,
    clear() {
      held = null
    },
  }
}

/** What is whispered in a tick by any number of people, at 8 kHz, and said to the one phone beside all else. */
export function createWhispers() {
  const sum = new Int32Array(frameSamples)
  const whispered = newFrame()
  const out = newFrame(wideSamples)
  const widen = createConverter(wideSamples)
  let isAny = false

  return {
    add(frame: Frame) {
      for (let i = 0; i < frameSamples; i++) sum[i]! += frame[i]!
      isAny = true
    },
    any: () => isAny,
    /** With what is said anyway, at its rate. */
    over(frame: Frame): Frame {
      for (let i = 0; i < frameSamples; i++) whispered[i] = saturate(sum[i]!)
      const added = frame.length === frameSamples ? whispered : widen(whispered)
      for (let i = 0; i < frame.length; i++) out[i] = saturate(frame[i]! + added[i]!)
      return out.subarray(0, frame.length)
    },
    clear() {
      if (isAny) sum.fill(0)
      isAny = false
    },
  }
}
