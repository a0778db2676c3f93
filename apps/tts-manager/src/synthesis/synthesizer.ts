import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { isSilent, speakable } from './speakable.ts'
import type { SpeechResult, SpeechTask } from './speech-engine.ts'

/** `text` is plain or SSML. This engine has one voice for each language, so that `voice` (of whichever provider) changes nothing. */
interface SpeechRequest {
  text: string
  language: string
  voice?: string | undefined
}

interface Synthesizer {
  /** A WAV file, 8 kHz, 16 bits, mono. Throws LanguageNotSupported or TextNotSpeakable. */
  synthesize(request: SpeechRequest): Promise<Buffer>
  voices(): { name: string; language: string }[]
  close(): Promise<void>
}

/** There is no voice for the language; the message names those there are. */
export class LanguageNotSupported extends Error {
  override name = 'LanguageNotSupported'
}

/** The text is too long, or nothing in it can be said. */
export class TextNotSpeakable extends Error {
  override name = 'TextNotSpeakable'
}

const voiceOf: Record<string, string> = {
  'en-US': 'gmw/en-US',
  'en-GB': 'gmw/en',
  'de-DE': 'gmw/de',
  'es-ES': 'roa/es',
  'fr-FR': 'roa/fr',
  'it-IT': 'roa/it',
}
const languages = Object.keys(voiceOf)
const longestText = 5000
const timeoutMs = 30_000

interface Waiting {
  resolve: (wav: Buffer) => void
  reject: (error: Error) => void
  timer: NodeJS.Timeout
}

const engineFile = fileURLToPath(new URL('./speech-engine.ts', import.meta.url))

/** Speech without a cloud, made in a process of its own: no call waits for it, and its licence ends at the process's border. */
export function createSynthesizer(): Synthesizer {
  const waiting = new Map<number, Waiting>()
  let running: ChildProcess | undefined
  let lastId = 0

  // Starts with the first text, and anew with the next one after it failed.
  const engine = (): ChildProcess => {
    if (running) return running
    const started = fork(engineFile, { serialization: 'advanced' })
    started.on('message', ({ id, wav }: SpeechResult) => settle(id)?.resolve(Buffer.from(wav)))
    started.on('error', (error) =>
      abandon(started, new Error(`the speech engine failed: ${error.message}`, { cause: error })),
    )
    started.on('exit', () => abandon(started, new Error('the speech engine stopped')))
    running = started
    return started
  }

  const settle = (id: number): Waiting | undefined => {
    const found = waiting.get(id)
    clearTimeout(found?.timer)
    waiting.delete(id)
    // An idle engine keeps no process alive.
    if (waiting.size === 0) keepAlive(running, false)
    return found
  }

  const abandon = (failed: ChildProcess, error: Error): void => {
    if (running !== failed) return
    running = undefined
    for (const id of [...waiting.keys()]) settle(id)?.reject(error)
    failed.kill('SIGKILL')
  }

  return {
    async synthesize({ text, language }) {
      const voice = voiceOf[supported(language)]!
      if (text.length > longestText) {
        throw new TextNotSpeakable(`text has ${text.length} characters; at most ${longestText} can be spoken at once`)
      }
      const spoken = speakable(text)
      if (isSilent(spoken)) throw new TextNotSpeakable('text holds nothing that can be spoken')
      const target = engine()
      keepAlive(target, true)
      const id = ++lastId
      return new Promise((resolve, reject) => {
        const late = () => abandon(target, new Error(`the speech engine did not answer within ${timeoutMs} ms`))
        waiting.set(id, { resolve, reject, timer: setTimeout(late, timeoutMs) })
        target.send({ id, spoken, voice } satisfies SpeechTask)
      })
    },
    voices: () => languages.map((language) => ({ name: language, language })),
    async close() {
      if (running) abandon(running, new Error('the synthesizer was closed'))
    },
  }
}

/** Whether this process waits for the engine before it may end. */
function keepAlive(engine: ChildProcess | undefined, on: boolean): void {
  const method = on ? 'ref' : 'unref'
  engine?.[method]()
  engine?.channel?.[method]()
}

/** The language as this engine spells it: `en`, `EN-us` and `en_US` are en-US. */
function supported(language: string): string {
  const wanted = language.toLowerCase().replace('_', '-')
  const found =
    languages.find((known) => known.toLowerCase() === wanted) ??
    languages.find((known) => known.split('-')[0] === wanted)
  if (found) return found
  throw new LanguageNotSupported(`there is no voice for '${language.slice(0, 40)}'; there is ${languages.join(', ')}`)
}
