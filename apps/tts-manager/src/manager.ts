import { createHash } from 'node:crypto'
import { defineManager } from '@sidetone/manager'
import { ttsContract } from '@sidetone/proto-schemas/tts'
import { z } from 'zod'
import { createSynthesizer, LanguageNotSupported, TextNotSpeakable } from './synthesis/index.ts'

const expiresSeconds = 3_600
const warmUpAfterMs = 2_000

export const ttsManager = defineManager({
  contract: ttsContract,
  settings: z.object({}),
  migrations: [],
  build({ files, fileSigner, log }) {
    const synthesizer = createSynthesizer()
    let warmUp: NodeJS.Timeout | undefined
    const making = new Map<string, Promise<unknown>>()

    async function make(key: string, request: { text: string; language: string; voice: string }): Promise<void> {
      if (await files.stat(key)) return
      const wav = await synthesizer.synthesize(request)
      await files.put(key, wav, { contentType: 'audio/wav' })
    }

    return {
      handlers: {
        speech: {
          async synthesize({ text, language, voice_id }, { fail }) {
            const key = `tts/${createHash('sha256')
              .update(JSON.stringify([text, language, voice_id]))
              .digest('hex')}.wav`
            const running =
              making.get(key) ?? make(key, { text, language, voice: voice_id }).finally(() => making.delete(key))
            making.set(key, running)
            await running.catch((error: unknown) => {
              if (error instanceof LanguageNotSupported) throw fail('LANGUAGE_NOT_SUPPORTED', about('language', error))
              if (error instanceof TextNotSpeakable) throw fail('TEXT_NOT_SPEAKABLE', about('text', error))
              throw error
            })
            const uri = (await files.signedUrl(key, { expiresSeconds })) ?? fileSigner.url(key, { expiresSeconds })
            return { uri }
          },
        },
      },
      // The engine takes longer to start than a caller should wait, and would take processor time from the managers that start now.
      async start() {
        warmUp = setTimeout(() => {
          synthesizer
            .synthesize({ text: 'Ready.', language: 'en-US' })
            .catch((err: unknown) => log.info({ err }, 'the speech engine is not ready; the next text starts it anew'))
        }, warmUpAfterMs).unref()
      },
      async stop() {
        clearTimeout(warmUp)
        await synthesizer.close()
      },
    }
  },
})

const about = (field: string, { message: problem }: Error) => ({
  message: `${field}: ${problem}`,
  details: [{ field, problem }],
})
