import load from '@echogarden/espeak-ng-emscripten'
import { telephoneWav } from './wav.ts'

// A process of its own around eSpeak NG, which brings its languages inside its package (SVOX Pico's package has none) and is
// licensed under GPL-3.0, unlike the rest: this file is the only one that touches it.

/** What the engine is asked, and answers by the same id. */
export interface SpeechTask {
  id: number
  spoken: string
  voice: string
}

export interface SpeechResult {
  id: number
  wav: Uint8Array<ArrayBuffer>
}

const { eSpeakNGWorker } = await load()
const engine = new eSpeakNGWorker()

// A Ctrl-C reaches the whole process group; the parent decides when this ends, and takes it along when it dies.
process.on('SIGINT', () => {})
process.on('disconnect', () => process.exit(0))
process.on('message', ({ id, spoken, voice }: SpeechTask) => {
  if (engine.set_voice(voice) !== 0) throw new Error(`the engine has no voice '${voice}'`)
  const chunks: Int16Array[] = []
  engine.synthesize(spoken, (samples) => {
    if (samples) chunks.push(samples)
    return false
  })
  const wav = telephoneWav(concatenated(chunks), engine.samplerate)
  process.send!({ id, wav } satisfies SpeechResult)
})

function concatenated(chunks: Int16Array[]): Int16Array {
  const all = new Int16Array(chunks.reduce((length, chunk) => length + chunk.length, 0))
  let at = 0
  for (const chunk of chunks) {
    all.set(chunk, at)
    at += chunk.length
  }
  return all
}
