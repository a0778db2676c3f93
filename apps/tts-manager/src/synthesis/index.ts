export {
  createSynthesizer,
  LanguageNotSupported,
  type SpeechRequest,
  type Synthesizer,
  TextNotSpeakable,
} from './synthesizer.ts'
