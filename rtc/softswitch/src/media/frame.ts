export const sampleRateHz = 8000
export const frameMs = 20
export const frameSamples = 160

export const newFrame = () => new Int16Array(frameSamples)

/** A sum of samples as a sample. */
export const saturate = (value: number) => (value > 32_767 ? 32_767 : value < -32_768 ? -32_768 : value)

/** Shared by everyone who has nothing to say: never written to. */
export const silence = newFrame()
