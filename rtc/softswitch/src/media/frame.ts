export const sampleRateHz = 8000
export const frameMs = 20
export const frameSamples = 160

export const newFrame = () => new Int16Array(frameSamples)

/** Shared by everyone who has nothing to say: never written to. */
export const silence = newFrame()
