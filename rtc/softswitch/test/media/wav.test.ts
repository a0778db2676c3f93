import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { aLaw, muLaw } from '../../src/media/g711.ts'
import { wavSource } from '../../src/media/index.ts'
import type { AudioSource } from '../../src/media/types.ts'
import { parseWav, wavHeader } from '../../src/media/wav.ts'
import { temporaryFolder } from './temporary-folder.ts'
import { amplitudeAt, heardOf, strongestFrequency } from './tones-heard.ts'
import { sine, wavFile } from './wav-file.ts'

// Away from the ends, where the filter still sees the silence around the file.
const middle = (source: AudioSource) => heardOf(source).slice(800, -800)

// The rates there are, and some that nobody uses.
const ratesHz = [
  4000, 7350, 8000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 44_101, 48_000, 96_000, 192_000,
]

test.each(ratesHz)('a file at %i Hz plays at its pitch, level and length', async (rateHz) => {
  const source = await wavSource(wavFile({ samples: sine(1000, rateHz, 400), rateHz }))
  const heard = heardOf(source)
  expect(Math.abs(heard.length - 3200)).toBeLessThan(161)
  expect(strongestFrequency(heard)).toBe(1000)
  const level = amplitudeAt(heard.slice(800, 2400), 1000)
  expect(level).toBeGreaterThan(9900)
  expect(level).toBeLessThan(10_100)
})

test.each(ratesHz.filter((rate) => rate >= 12_000))(
  'what a phone cannot carry does not fold into a file at %i Hz',
  async (rateHz) => {
    const inaudible = middle(await wavSource(wavFile({ samples: sine(5000, rateHz, 400), rateHz })))
    expect(Math.max(...inaudible.map(Math.abs))).toBeLessThan(30)
    const audible = middle(await wavSource(wavFile({ samples: sine(3300, rateHz, 400), rateHz })))
    expect(amplitudeAt(audible, 3300)).toBeGreaterThan(9500)
  },
)

test('both sides of a stereo file are heard', async () => {
  const [left, right] = [sine(500, 16_000, 400), sine(900, 16_000, 400)]
  const samples = new Float64Array(left.length * 2)
  left.forEach((sample, at) => void samples.set([sample, right[at]!], 2 * at))
  const heard = middle(await wavSource(wavFile({ samples, channels: 2, rateHz: 16_000 })))
  expect(amplitudeAt(heard, 500)).toBeCloseTo(5000, -2)
  expect(amplitudeAt(heard, 900)).toBeCloseTo(5000, -2)
})

test.each([
  ['µ-law', 7, muLaw],
  ['A-law', 6, aLaw],
] as const)('a file in %s is decoded', async (_, tag, { encode }) => {
  const file = wavFile({ samples: sine(440, 8000, 400), tag, bits: 8, encode: (sample) => encode[sample & 0xffff]! })
  const heard = heardOf(await wavSource(file))
  expect(strongestFrequency(heard)).toBe(440)
  expect(amplitudeAt(heard, 440)).toBeGreaterThan(9800)
})

test.each([8, 24, 32])('a file of %i bits is heard at its pitch and level', async (bits) => {
  const heard = heardOf(await wavSource(wavFile({ samples: sine(440, 8000, 400), bits })))
  expect(strongestFrequency(heard)).toBe(440)
  expect(amplitudeAt(heard, 440)).toBeCloseTo(10_000, -3)
})

test('a place in a file is gone to, and its ends are not passed', async () => {
  const samples = Float64Array.from([...sine(500, 16_000, 1000), ...sine(900, 16_000, 1000)])
  const source = await wavSource(wavFile({ samples, rateHz: 16_000 }))
  const next = (ms: number) => Int16Array.from(Array.from({ length: ms / 20 }, () => [...source.next()!]).flat())
  expect(strongestFrequency(next(500))).toBe(500)
  source.skip!(600)
  expect(strongestFrequency(next(500))).toBe(900)
  source.skip!(-1100)
  expect(strongestFrequency(next(400))).toBe(500)
  source.skip!(Number.NEGATIVE_INFINITY)
  expect(next(1900).length).toBe(15_200)
  source.skip!(60_000)
  expect(source.next()).toBeNull()
})

test.each([0, 0xffffffff, 5_000_000])('a length of %i in the header means the rest of the file', async (dataSize) => {
  const wav = parseWav(wavFile({ samples: sine(440, 8000, 100), dataSize }))
  expect(wav.length).toBe(800)
})

test('a length shorter than the file ends it, other chunks are passed over, odd ones with their padding', async () => {
  const before = Buffer.from('LIST\x03\0\0\0abc\0', 'latin1')
  const file = Buffer.concat([
    wavFile({ samples: sine(440, 8000, 100), before }),
    Buffer.from('LIST\x04\0\0\0abcd', 'latin1'),
  ])
  expect(parseWav(file).length).toBe(800)
})

test('a path is read, and a missing file is named', async () => {
  const path = join(await temporaryFolder(), 'tone.wav')
  await writeFile(path, wavFile({ samples: sine(440, 8000, 100) }))
  expect(heardOf(await wavSource(path)).length).toBe(800)
  await expect(wavSource(`${path}.gone`)).rejects.toThrow(/ENOENT.*tone\.wav\.gone/)
})

const format = (file: Buffer, at: number, value: number) => {
  file.writeUInt16LE(value, at)
  return file
}

test.each([
  ['text', Buffer.from('<html>not found</html>'), 'does not begin with RIFF and WAVE'],
  ['nothing', Buffer.of(), 'does not begin with RIFF and WAVE'],
  ['no data', wavFile({}).subarray(0, 36), 'there is no data chunk'],
  ['no format', Buffer.from('RIFF\0\0\0\0WAVEdata\0\0\0\0', 'latin1'), 'there is no fmt chunk before the data'],
  [
    'a format too short',
    Buffer.from('RIFF\0\0\0\0WAVEfmt \x02\0\0\0\x01\0data\0\0\0\0', 'latin1'),
    'the fmt chunk has 2 bytes',
  ],
  ['MP3 inside', format(wavFile({}), 20, 0x55), 'the encoding is MP3; use PCM'],
  ['an unknown encoding', format(wavFile({}), 20, 0x1234), 'the encoding is number 4660; use PCM'],
  ['20 bits', format(wavFile({}), 34, 20), 'samples have 20 bits; use PCM of 8, 16, 24 or 32 bits'],
  ['six channels', format(wavFile({}), 22, 6), 'there are 6 channels; use mono or stereo'],
  ['an odd rate', format(wavFile({}), 24, 12), 'the rate is 12 Hz; use one from 4000'],
])('a file with %s is refused with the reason', async (_, file, message) => {
  await expect(wavSource(file)).rejects.toThrow(`WAV: ${/^(does)/.test(message) ? `the file ${message}` : message}`)
})

test('a damaged file plays what is in it or is refused with a reason, and is never read past its end', () => {
  const whole = wavFile({ samples: sine(440, 16_000, 5), rateHz: 16_000, channels: 2 })
  const damage = fc.array(fc.tuple(fc.nat(whole.length - 1), fc.integer({ min: 0, max: 255 })), { maxLength: 6 })
  fc.assert(
    fc.property(damage, fc.nat(whole.length), (changes, length) => {
      const file = Buffer.from(whole)
      for (const [at, byte] of changes) file[at] = byte
      try {
        const wav = parseWav(file.subarray(0, length))
        for (let at = 0; at < wav.length; at++) expect(Number.isInteger(wav.sample(at))).toBe(true)
      } catch (error) {
        expect((error as Error).message).toMatch(/^WAV: /)
      }
    }),
  )
})

test('what the recorder writes is read back sample by sample', () => {
  fc.assert(
    fc.property(fc.int16Array({ maxLength: 400 }), (samples) => {
      const data = Buffer.alloc(2 * samples.length)
      samples.forEach((sample, at) => void data.writeInt16LE(sample, 2 * at))
      const wav = parseWav(Buffer.concat([wavHeader(data.length), data]))
      expect(wav.rateHz).toBe(8000)
      expect(Array.from({ length: wav.length }, (_, at) => wav.sample(at))).toEqual([...samples])
    }),
  )
})
