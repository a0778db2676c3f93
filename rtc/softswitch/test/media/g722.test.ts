import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { createG722Decoder, createG722Encoder } from '../../src/media/g722.ts'

// Half a second of a sweep, noise, a square wave and hiss, coded and decoded again by Asterisk 22's codec_g722 (`file convert`).
const vector = (name: string) => readFileSync(join(import.meta.dirname, 'vectors', name))
const samplesOf = (name: string) => {
  const bytes = vector(name)
  return Int16Array.from({ length: bytes.length / 2 }, (_, i) => bytes.readInt16LE(2 * i))
}
const codes = vector('g722-codes.g722')

test('each code is the one that another implementation makes', () => {
  const input = samplesOf('g722-input.sln16')
  const encoder = createG722Encoder()
  const made = new Uint8Array(input.length / 2)
  for (let at = 0; at < input.length; at += 320) encoder.encode(input.subarray(at, at + 320), made, at / 2)
  expect(Buffer.from(made).equals(codes)).toBe(true)
})

test('each sample is the one that another implementation makes, whatever the size of packets', () => {
  const decoder = createG722Decoder()
  const made: number[] = []
  for (let at = 0, size = 1; at < codes.length; at += size, size = (size % 240) + 7) {
    const payload = codes.subarray(at, at + size)
    const samples = new Int16Array(2 * payload.length)
    decoder.decode(payload, samples)
    made.push(...samples)
  }
  expect(made).toEqual([...samplesOf('g722-output.sln16')])
})

test('what is too loud is cut off, not turned over', () => {
  const [encoder, decoder] = [createG722Encoder(), createG722Decoder()]
  const square = Int16Array.from({ length: 3200 }, (_, i) => (i % 64 < 32 ? 32_767 : -32_768))
  const coded = new Uint8Array(1600)
  const heard = new Int16Array(3200)
  encoder.encode(square, coded, 0)
  decoder.decode(coded, heard)
  const turned = heard.slice(400).filter((sample, i) => Math.abs(sample) > 20_000 && sample * square[i + 400 - 22]! < 0)
  expect(turned.length).toBe(0)
})
