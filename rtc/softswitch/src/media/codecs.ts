import type { Codec, Codecs, Decoder } from './codec.ts'
import { createConcealer } from './conceal.ts'
import { frameSamples, newFrame, sampleRateHz, wideRateHz, wideSamples } from './frame.ts'
import { aLaw, type Law, muLaw } from './g711.ts'
import { createG722Decoder, createG722Encoder } from './g722.ts'
import { createOpusDecoder, createOpusEncoder } from './opus.ts'
import type { Frame } from './types.ts'

/** A decoder that knows nothing of loss, and what is heard in the place of lost audio. */
function concealing(
  rateHz: number,
  samplesPerByte: number,
  decode: (payload: Uint8Array, samples: Frame) => void,
): Decoder {
  const concealer = createConcealer(rateHz)
  let samples = newFrame(rateHz / 50)
  return {
    decode(payload) {
      const length = samplesPerByte * payload.length
      if (samples.length !== length) samples = newFrame(length)
      decode(payload, samples)
      concealer.heard(samples)
      return samples
    },
    conceal: concealer.lost,
  }
}

const g711 = (payloadType: number, law: Law): Codec => ({
  payloadType,
  clockHz: 8000,
  frameSamples,
  maxBytes: frameSamples,
  createEncoder: () => ({
    encode(frame, packet, offset) {
      for (let i = 0; i < frameSamples; i++) packet[offset + i] = law.encode[frame[i]! & 0xffff]!
      return frameSamples
    },
  }),
  createDecoder: () =>
    concealing(sampleRateHz, 1, (payload, samples) => {
      for (let i = 0; i < payload.length; i++) samples[i] = law.decode[payload[i]!]!
    }),
})

/** What we speak. Payload types below 96 are those of RFC 3551 section 6, the others those of our offers. */
export const codecs: Codecs = {
  PCMU: g711(0, muLaw),
  PCMA: g711(8, aLaw),
  G722: {
    payloadType: 9,
    clockHz: 8000, // an old mistake that has to be kept (RFC 3551 section 4.5.2): it samples at 16 kHz
    frameSamples: wideSamples,
    maxBytes: wideSamples / 2,
    createEncoder: createG722Encoder,
    createDecoder: () => concealing(wideRateHz, 2, createG722Decoder().decode),
  },
  opus: {
    payloadType: 107,
    clockHz: 48_000, // whatever it samples at (RFC 7587 section 4.1)
    frameSamples: wideSamples,
    maxBytes: 1275,
    createEncoder: createOpusEncoder,
    createDecoder: createOpusDecoder,
  },
}
