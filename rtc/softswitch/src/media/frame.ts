import type { Frame } from './types.ts'

export const frameMs = 20

/** What audio inside the switch is made of, unless somebody asks for more: 8 kHz, as phone lines have it. */
export const sampleRateHz = 8000
export const frameSamples = 160

/** What wideband codecs carry. */
export const wideRateHz = 16_000
export const wideSamples = 320

export const newFrame = (samples: number = frameSamples): Frame => new Int16Array(samples)

/** A sum of samples as a sample. */
export const saturate = (value: number) => (value > 32_767 ? 32_767 : value < -32_768 ? -32_768 : value)

/** Shared by everyone who has nothing to say: never written to. */
export const silence = newFrame()
