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
  const length = Math.ceil(ms / frameMs)
  let at = 0
  return {
    next: () => (at++ < length ? silence : null),
    skip(by) {
      at = Math.max(0, at + Math.round(by / frameMs))
    },
  }
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
