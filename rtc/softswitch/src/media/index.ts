export { createMediaEngine, type MediaEngine, type MediaEngineOptions } from './engine.ts'
export { telephoneEventPt } from './telephone-event.ts'
export { beepSource, digitsSource, type PlainTone, toneSource } from './tones.ts'
export type * from './types.ts'
