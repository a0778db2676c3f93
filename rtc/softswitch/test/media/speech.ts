import load from '@echogarden/espeak-ng-emscripten'
import { resampledSource } from '../../src/media/index.ts'
import { heardOf } from './tones-heard.ts'

const texts = [
  'Hello, you have reached the voice mail of Lou and Oona Moore. We are out at the zoo, please call us soon, or leave a message after the tone.',
  'One two three four five six seven eight nine zero. Who do you do? Oooh! Mmmm. Aaah. Eeee, yes, we see three trees.',
  'Please listen carefully, as our menu options have changed. For sales, press one; for service and support, press two; to hear this again, press the star key.',
]
const voices = ['en-us', 'en', 'de', 'it']

let made: Promise<Int16Array[]> | undefined

/** People of different voices who speak, at 8 kHz: what no detector of tones may take for one. */
export function speech(): Promise<Int16Array[]> {
  made ??= synthesize()
  return made
}

async function synthesize(): Promise<Int16Array[]> {
  const { eSpeakNGWorker } = await load()
  const engine = new eSpeakNGWorker()
  return voices.flatMap((voice) => {
    if (engine.set_voice(voice) !== 0) throw new Error(`no voice ${voice}`)
    return texts.map((text) => {
      const samples: number[] = []
      engine.synthesize(text, (chunk) => {
        if (chunk) samples.push(...chunk)
        return false
      })
      const clip = { rateHz: engine.samplerate, length: samples.length, sample: (at: number) => samples[at]!, bytes: 0 }
      return heardOf(resampledSource(clip), 60)
    })
  })
}
