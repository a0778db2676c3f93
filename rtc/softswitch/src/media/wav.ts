import type { Clip } from './clip.ts'
import { aLaw, muLaw } from './g711.ts'

const [minRateHz, maxRateHz] = [4000, 192_000]

const [pcm, aLawTag, muLawTag, extensible] = [1, 6, 7, 0xfffe]
const tagNames: Record<number, string> = { 2: 'ADPCM', 3: 'floating point', 17: 'IMA ADPCM', 49: 'GSM', 85: 'MP3' }

const fail = (problem: string): never => {
  throw new Error(`WAV: ${problem}`)
}

/** Reads a RIFF/WAVE file; throws an error that says what is wrong with it. */
export function parseWav(bytes: Buffer): Clip {
  if (bytes.length < 12 || bytes.toString('latin1', 0, 4) !== 'RIFF' || bytes.toString('latin1', 8, 12) !== 'WAVE')
    return fail('the file does not begin with RIFF and WAVE')
  let format: Buffer | undefined
  for (let at = 12; at + 8 <= bytes.length; ) {
    const id = bytes.toString('latin1', at, at + 4)
    const size = bytes.readUInt32LE(at + 4)
    const body = bytes.subarray(at + 8, at + 8 + size)
    if (id === 'fmt ') format = body
    if (id === 'data') {
      if (!format) return fail('there is no fmt chunk before the data')
      // Writers that stream do not know the length, and leave 0 or the greatest number.
      return readSamples(format, size === 0 ? bytes.subarray(at + 8) : body)
    }
    at += 8 + size + (size % 2)
  }
  return fail('there is no data chunk')
}

function readSamples(format: Buffer, data: Buffer): Clip {
  if (format.length < 16) return fail(`the fmt chunk has ${format.length} bytes, less than 16`)
  const isExtensible = format.readUInt16LE(0) === extensible && format.length >= 26
  const tag = format.readUInt16LE(isExtensible ? 24 : 0)
  const channels = format.readUInt16LE(2)
  const rateHz = format.readUInt32LE(4)
  const bits = format.readUInt16LE(14)
  if (tag !== pcm && tag !== aLawTag && tag !== muLawTag)
    return fail(`the encoding is ${tagNames[tag] ?? `number ${tag}`}; use PCM, µ-law or A-law`)
  if (tag === pcm ? ![8, 16, 24, 32].includes(bits) : bits !== 8)
    return fail(`samples have ${bits} bits; use PCM of 8, 16, 24 or 32 bits, µ-law or A-law`)
  if (channels !== 1 && channels !== 2) return fail(`there are ${channels} channels; use mono or stereo`)
  if (rateHz < minRateHz || rateHz > maxRateHz)
    return fail(`the rate is ${rateHz} Hz; use one from ${minRateHz} to ${maxRateHz}`)

  const value = tag === pcm ? pcmReader(data, bits / 8) : lawReader(data, tag === aLawTag ? aLaw : muLaw)
  const length = Math.floor(data.length / (channels * (bits / 8)))
  const sample = channels === 1 ? value : (at: number) => (value(2 * at) + value(2 * at + 1)) >> 1
  return { rateHz, length, sample, bytes: data.length }
}

/** Samples of one byte are unsigned, longer ones signed; of those the upper 16 bits are kept. */
function pcmReader(data: Buffer, bytes: number): (index: number) => number {
  if (bytes === 1) return (index) => (data[index]! - 128) << 8
  return (index) => data.readInt16LE(bytes * index + bytes - 2)
}

function lawReader(data: Buffer, { decode }: typeof muLaw): (index: number) => number {
  return (index) => decode[data[index]!]!
}

export const wavHeaderBytes = 44

/** The header of a 16-bit file at 8 kHz. */
export function wavHeader(dataBytes: number, channels: 1 | 2 = 1): Buffer {
  const header = Buffer.alloc(wavHeaderBytes)
  header.write('RIFF', 0, 'latin1')
  header.writeUInt32LE(wavHeaderBytes - 8 + dataBytes, 4)
  header.write('WAVEfmt ', 8, 'latin1')
  header.writeUInt32LE(16, 16)
  header.writeUInt16LE(pcm, 20)
  header.writeUInt16LE(channels, 22)
  header.writeUInt32LE(8000, 24)
  header.writeUInt32LE(16_000 * channels, 28)
  header.writeUInt16LE(2 * channels, 32)
  header.writeUInt16LE(16, 34)
  header.write('data', 36, 'latin1')
  header.writeUInt32LE(dataBytes, 40)
  return header
}
