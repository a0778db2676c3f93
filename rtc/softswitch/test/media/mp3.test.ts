import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { createMp3Decoder, resampledSource } from '../../src/media/index.ts'
import { amplitudeAt, heardOf } from './tones-heard.ts'

// 1.2 s, stereo, 22.05 kHz: 440 Hz on the left, 1000 Hz on the right.
const file = await readFile(join(import.meta.dirname, 'files/440-and-1000.mp3'))
const decoder = createMp3Decoder()
afterAll(() => decoder.close())

test('an MP3 is heard with both its sides, at its pitch and length', async () => {
  const clip = await decoder.decode(file)
  expect(clip.rateHz).toBe(22_050)
  const heard = heardOf(resampledSource(clip))
  expect(Math.abs(heard.length / 8 - 1200)).toBeLessThan(80)
  const middle = heard.slice(1600, 8000)
  for (const frequency of [440, 1000]) expect(amplitudeAt(middle, frequency)).toBeGreaterThan(3500)
  expect(amplitudeAt(middle, 700)).toBeLessThan(100)
})

test('several at once are told apart', async () => {
  const clips = await Promise.all([decoder.decode(file), decoder.decode(file.subarray(0, 4000)), decoder.decode(file)])
  expect(clips[0]!.length).toBe(clips[2]!.length)
  expect(clips[1]!.length).toBeLessThan(clips[0]!.length)
})

test('what is no MP3 is refused with a reason, and the next is decoded', async () => {
  await expect(decoder.decode(Buffer.from('ID3, and then nothing'))).rejects.toThrow('MP3: there is no audio in it')
  expect((await decoder.decode(file)).length).toBeGreaterThan(20_000)
})
