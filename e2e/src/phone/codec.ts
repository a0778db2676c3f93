import { Application, createDecoder, createEncoder } from 'libopus-wasm'
import { decodeG711, encodeG711 } from './g711.ts'
import { g722 } from './g722.ts'

export type Codec = 'PCMU' | 'PCMA' | 'G722' | 'opus'

/** One call's coding both ways, at 8 kHz whatever the codec could do. */
export type Coding = { encode(samples: Int16Array): Buffer; decode(payload: Uint8Array): Int16Array; close(): void }

/** Its payload type in our offers, and the clock of its timestamps (RFC 3551 section 6, RFC 7587 section 4.1). */
export const formats: Record<Codec, { payload: number; clockHz: number; rtpmap: string }> = {
  PCMU: { payload: 0, clockHz: 8000, rtpmap: 'PCMU/8000' },
  PCMA: { payload: 8, clockHz: 8000, rtpmap: 'PCMA/8000' },
  G722: { payload: 9, clockHz: 8000, rtpmap: 'G722/8000' },
  opus: { payload: 111, clockHz: 48_000, rtpmap: 'opus/48000/2' },
}

export async function openCoding(codec: Codec): Promise<Coding> {
  if (codec === 'opus') return opus()
  if (codec === 'G722') return { ...g722(), close() {} }
  return {
    encode: (samples) => encodeG711(codec, samples),
    decode: (payload) => decodeG711(codec, payload),
    close() {},
  }
}

async function opus(): Promise<Coding> {
  const format = { channels: 1, sampleRate: 8000 } as const
  const encoder = await createEncoder({ ...format, application: Application.Voip, frameSize: 160 })
  const decoder = await createDecoder(format)
  return {
    encode: (samples) => Buffer.from(encoder.encode(samples)),
    decode: (payload) => decoder.decode(payload),
    close() {
      encoder.free()
      decoder.free()
    },
  }
}
