import { Worker } from 'node:worker_threads'
import type { Clip } from './clip.ts'
import type { Mp3Reply, Mp3Request } from './mp3-worker.ts'

export interface Mp3Decoder {
  /** Rejects with an error that says what is wrong with the file. */
  decode(bytes: Buffer): Promise<Clip>
  close(): Promise<void>
}

/** Decodes MP3 files in a thread of its own, which begins with the first: a minute of music takes longer than a tick may. */
export function createMp3Decoder(): Mp3Decoder {
  const waiting = new Map<number, { resolve(clip: Clip): void; reject(error: Error): void }>()
  let worker: Worker | undefined
  let lastId = 0

  function settle(reply: Mp3Reply) {
    const request = waiting.get(reply.id)
    waiting.delete(reply.id)
    if ('error' in reply) return request?.reject(new Error(`MP3: ${reply.error}`))
    const { rateHz, samples } = reply
    request?.resolve({
      rateHz,
      length: samples.length,
      sample: (at) => samples[at]!,
      bytes: samples.byteLength,
    })
  }

  function start(): Worker {
    const started = new Worker(new URL('./mp3-worker.ts', import.meta.url))
    started.on('message', settle)
    started.on('error', (error) => gone(started, error as Error))
    started.on('exit', () => gone(started, new Error('the decoder has ended')))
    started.unref()
    return started
  }

  function gone(which: Worker, error: Error) {
    if (worker !== which) return
    worker = undefined
    for (const { reject } of waiting.values()) reject(new Error(`MP3: ${error.message}`, { cause: error }))
    waiting.clear()
  }

  return {
    decode(bytes) {
      worker ??= start()
      const id = ++lastId
      const { promise, resolve, reject } = Promise.withResolvers<Clip>()
      waiting.set(id, { resolve, reject })
      worker.postMessage({ id, bytes } satisfies Mp3Request)
      return promise
    },
    async close() {
      await worker?.terminate()
    },
  }
}
