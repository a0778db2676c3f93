import { readFile } from 'node:fs/promises'
import { frameMs, silence } from './frame.ts'
import { resampledSource } from './resample.ts'
import type { AudioSource } from './types.ts'
import { parseWav } from './wav.ts'

/** Plays a WAV file; rejects with an error that says what is wrong with it. Many sources may share one buffer. */
export async function wavSource(bufferOrPath: Buffer | string): Promise<AudioSource> {
  return resampledSource(parseWav(typeof bufferOrPath === 'string' ? await readFile(bufferOrPath) : bufferOrPath))
}

export function silenceSource(ms: number): AudioSource {
  let left = Math.ceil(ms / frameMs)
  return { next: () => (left-- > 0 ? silence : null) }
}

/** Plays one source after the other. */
export function sequenceSource(sources: AudioSource[]): AudioSource {
  const waiting = [...sources]
  return {
    next() {
      for (;;) {
        const frame = waiting[0]?.next()
        if (frame) return frame
        if (waiting.length === 0) return null
        waiting.shift()?.close?.()
      }
    },
    close() {
      for (const source of waiting.splice(0)) source.close?.()
    },
  }
}
