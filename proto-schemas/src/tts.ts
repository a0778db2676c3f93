import { defineContract, operation } from '@sidetone/contract'
import { z } from 'zod'

export const ttsContract = defineContract({
  name: 'tts',
  errors: {
    LANGUAGE_NOT_SUPPORTED: { status: 'INVALID_ARGUMENT', message: 'There is no voice for this language.' },
    TEXT_NOT_SPEAKABLE: { status: 'INVALID_ARGUMENT', message: 'There is nothing in this text that can be spoken.' },
  },
  resources: {
    speech: {
      operations: {
        synthesize: operation({
          http: 'POST /speeches/synthesize',
          summary: 'Turn a text into audio; the same text is made once',
          idempotent: true,
          input: z.object({
            text: z.string().min(1).max(5_000),
            language: z.string(),
            voice_id: z.string().default(''),
            provider: z.string().default(''),
          }),
          /** A WAV that the RTC layer can fetch. */
          output: z.object({ uri: z.string() }),
          errors: ['LANGUAGE_NOT_SUPPORTED', 'TEXT_NOT_SPEAKABLE'],
          timeoutMs: 15_000,
        }),
      },
      events: {},
    },
  },
})
