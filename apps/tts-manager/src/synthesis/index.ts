export { createSynthesizer, LanguageNotSupported, TextNotSpeakable } from './synthesizer.ts'
