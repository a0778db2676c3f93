import { parentPort } from 'node:worker_threads'
import { MPEGDecoder } from 'mpg123-decoder'
import { setThreadPriority } from '../thread-priority.ts'

/** What a phone call needs of a song; more would only fill memory. */
const maxSeconds = 600
const chunkBytes = 65_536

export type Mp3Request = { id: number; bytes: Uint8Array }
export type Mp3Reply = { id: number; rateHz: number; samples: Int16Array<ArrayBuffer> } | { id: number; error: string }

async function decode(bytes: Uint8Array): Promise<{ rateHz: number; samples: Int16Array<ArrayBuffer> }> {
  const decoder = new MPEGDecoder()
  await decoder.ready
  try {
    const parts: Int16Array[] = []
    let length = 0
    let rateHz = 0
    for (let at = 0; at < bytes.length; at += chunkBytes) {
      const { channelData, samplesDecoded, sampleRate } = decoder.decode(bytes.subarray(at, at + chunkBytes))
      if (samplesDecoded === 0) continue
      if (rateHz !== 0 && sampleRate !== rateHz) throw new Error('the sampling rate changes in the middle')
      rateHz = sampleRate
      length += samplesDecoded
      if (length > maxSeconds * rateHz) throw new Error(`it is longer than ${maxSeconds / 60} minutes`)
      parts.push(mono(channelData, samplesDecoded))
    }
    if (length === 0) throw new Error('there is no audio in it')
    const samples = new Int16Array(length)
    let at = 0
    for (const part of parts) {
      samples.set(part, at)
      at += part.length
    }
    return { rateHz, samples }
  } finally {
    decoder.free()
  }
}

function mono(channels: Float32Array[], length: number): Int16Array {
  const samples = new Int16Array(length)
  for (let i = 0; i < length; i++) {
    let sum = 0
    for (const channel of channels) sum += channel[i]!
    samples[i] = Math.max(-32_768, Math.min(32_767, Math.round((32_767 * sum) / channels.length)))
  }
  return samples
}

// It was started by a thread that goes first.
setThreadPriority('as all')
parentPort!.on('message', ({ id, bytes }: Mp3Request) => {
  decode(bytes).then(
    ({ rateHz, samples }) => parentPort!.postMessage({ id, rateHz, samples } satisfies Mp3Reply, [samples.buffer]),
    (error: Error) => parentPort!.postMessage({ id, error: error.message } satisfies Mp3Reply),
  )
})
