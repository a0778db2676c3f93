import { newFrame, saturate, wideSamples } from './frame.ts'
import type { Frame } from './types.ts'

/** Makes frames louder or quieter by a factor. */
export function createGain() {
  const out = newFrame(wideSamples)
  let factor = 1
  return {
    set(value: number) {
      factor = value
    },
    over(frame: Frame): Frame {
      if (factor === 1) return frame
      for (let i = 0; i < frame.length; i++) out[i] = saturate(Math.round(frame[i]! * factor))
      return out.subarray(0, frame.length)
    },
  }
}
