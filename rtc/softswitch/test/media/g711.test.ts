import { expect, test } from 'vitest'
import { aLaw, muLaw } from '../../src/media/g711.ts'

// The reference code of ITU-T G.191 (G711 module), kept as it is written there.
function ulawCompress(sample: number): number {
  let absolute = (sample < 0 ? ~sample >> 2 : sample >> 2) + 33
  if (absolute > 0x1fff) absolute = 0x1fff
  let segment = 1
  for (let rest = absolute >> 6; rest !== 0; rest >>= 1) segment++
  const high = 0x0008 - segment
  const low = 0x000f - ((absolute >> segment) & 0x000f)
  return ((high << 4) | low | (sample >= 0 ? 0x80 : 0)) & 0xff
}

function ulawExpand(code: number): number {
  const sign = code < 0x80 ? -1 : 1
  const inverted = ~code
  const exponent = (inverted >> 4) & 7
  const step = 4 << (exponent + 1)
  return sign * ((0x80 << exponent) + step * (inverted & 0x0f) + step / 2 - 4 * 33)
}

function alawCompress(sample: number): number {
  let ix = sample < 0 ? ~sample >> 4 : sample >> 4
  if (ix > 15) {
    let exponent = 1
    while (ix > 16 + 15) {
      ix >>= 1
      exponent++
    }
    ix = ix - 16 + (exponent << 4)
  }
  return (sample >= 0 ? ix | 0x80 : ix) ^ 0x55
}

function alawExpand(code: number): number {
  const ix = (code ^ 0x55) & 0x7f
  const exponent = ix >> 4
  let mantissa = ix & 0x0f
  if (exponent > 0) mantissa += 16
  mantissa = (mantissa << 4) + 8
  if (exponent > 1) mantissa <<= exponent - 1
  return code > 127 ? mantissa : -mantissa
}

const codes = Array.from({ length: 256 }, (_, code) => code)
const samples = Array.from({ length: 65_536 }, (_, index) => index - 32_768)

test.each([
  ['µ-law', muLaw, ulawCompress, ulawExpand],
  ['A-law', aLaw, alawCompress, alawExpand],
] as const)('%s is exact for every sample and every code', (_, { encode, decode }, compress, expand) => {
  expect(samples.filter((sample) => encode[sample & 0xffff] !== compress(sample))).toEqual([])
  expect(codes.filter((code) => decode[code] !== expand(code) + 0)).toEqual([])
})
