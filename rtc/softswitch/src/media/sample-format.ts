import { createConverter } from './convert.ts'
import { frameSamples, newFrame, wideSamples } from './frame.ts'
import { aLaw, muLaw } from './g711.ts'
import type { Frame } from './types.ts'

/** Audio as bytes outside of RTP: frames of 20 ms, by the names that Asterisk gives to formats. */
export interface SampleFormat {
  frameBytes: number
  /** Of a frame of either rate. */
  encode(frame: Frame): Buffer
  /** Of exactly `frameBytes`; a frame that may be kept. */
  decode(bytes: Buffer): Frame
}

function law({ encode, decode }: typeof muLaw): SampleFormat {
  const narrow = createConverter(frameSamples)
  return {
    frameBytes: frameSamples,
    encode: (frame) => Buffer.from(Uint8Array.from(narrow(frame), (sample) => encode[sample & 0xffff]!)),
    decode(bytes) {
      const frame = newFrame()
      for (let i = 0; i < frameSamples; i++) frame[i] = decode[bytes[i]!]!
      return frame
    },
  }
}

/** 16 bit, little-endian. */
function linear(samples: number): SampleFormat {
  const convert = createConverter(samples)
  return {
    frameBytes: 2 * samples,
    encode(frame) {
      const bytes = Buffer.alloc(2 * samples)
      const converted = convert(frame)
      for (let i = 0; i < samples; i++) bytes.writeInt16LE(converted[i]!, 2 * i)
      return bytes
    },
    decode(bytes) {
      const frame = newFrame(samples)
      for (let i = 0; i < samples; i++) frame[i] = bytes.readInt16LE(2 * i)
      return frame
    },
  }
}

const formats = new Map<string, () => SampleFormat>([
  ['ulaw', () => law(muLaw)],
  ['alaw', () => law(aLaw)],
  ['slin', () => linear(frameSamples)],
  ['slin16', () => linear(wideSamples)],
])

export const sampleFormatNames = [...formats.keys()]

/** The format of one stream, which it keeps; undefined when there is none of that name. */
export const sampleFormat = (name: string): SampleFormat | undefined => formats.get(name)?.()
