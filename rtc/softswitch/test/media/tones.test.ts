import { expect, test } from 'vitest'
import { beepSource, digitsSource, sequenceSource, silenceSource, toneSource } from '../../src/media/index.ts'
import { amplitudeAt, heardOf, loudPart, strongestFrequency } from './tones-heard.ts'

const slice = (samples: Int16Array, fromMs: number, toMs: number) => samples.slice(fromMs * 8, toMs * 8)
const isSilent = (samples: Int16Array) => samples.every((sample) => sample === 0)

test('a tone of two frequencies has both, for ever', () => {
  const heard = heardOf(toneSource('350+440'), 3)
  expect(heard.length).toBe(24_000)
  for (const part of [slice(heard, 100, 600), slice(heard, 2400, 2900)])
    for (const frequency of [350, 440]) expect(amplitudeAt(part, frequency)).toBeCloseTo(4550, -2)
})

test('a cadence repeats', () => {
  const heard = heardOf(toneSource('480+620/500,0/500'), 3)
  for (const second of [0, 1, 2]) {
    expect(amplitudeAt(slice(heard, second * 1000, second * 1000 + 500), 620)).toBeGreaterThan(4300)
    expect(isSilent(slice(heard, second * 1000 + 500, second * 1000 + 1000))).toBe(true)
  }
})

test('parts with ! play once, before what repeats; if nothing repeats the tone ends', () => {
  const heard = heardOf(toneSource('!950/330,!1400/330,0/100,600/100'), 2)
  expect(strongestFrequency(slice(heard, 0, 330))).toBe(950)
  expect(strongestFrequency(slice(heard, 330, 660))).toBe(1400)
  expect(isSilent(slice(heard, 660, 760))).toBe(true)
  expect(strongestFrequency(slice(heard, 760, 860))).toBeCloseTo(600, -1)
  expect(isSilent(slice(heard, 860, 960))).toBe(true)
  expect(heardOf(toneSource('!950/330,!1400/330')).length).toBe(5280)
})

test('a tone may be modulated', () => {
  const heard = heardOf(toneSource('425*25'), 1)
  expect(amplitudeAt(heard, 425)).toBeGreaterThan(2000)
  for (const side of [400, 450]) expect(amplitudeAt(heard, side) / amplitudeAt(heard, 425)).toBeCloseTo(0.45, 1)
})

test('a plain tone has the frequencies, duration and amplitude asked for', () => {
  const heard = heardOf(toneSource({ frequencies: [440, 1000], durationMs: 210, amplitude: 3000 }))
  expect(loudPart(heard, 50).length / 8).toBeCloseTo(210, -1)
  expect(heard.length).toBe(11 * 160)
  expect(amplitudeAt(slice(heard, 0, 200), 1000)).toBeCloseTo(3000, -2)
})

test('too loud a sum is cut off, not turned around', () => {
  const heard = heardOf(toneSource({ frequencies: [440, 441], durationMs: 100, amplitude: 30_000 }))
  expect(Math.max(...heard)).toBe(32_767)
  const steps = heard.slice(1).map((sample, at) => Math.abs(sample - heard[at]!))
  expect(Math.max(...steps)).toBeLessThan(25_000)
})

test.each(['', 'ring', '440/abc', '440,', '5000', '440++350', '!!440'])(
  'the tone "%s" is refused with an example',
  (spec) => {
    expect(() => toneSource(spec)).toThrow(`tone "${spec}": `)
  },
)

test('digits are tones of their row and column with pauses between them', () => {
  const heard = heardOf(digitsSource('5#', { durationMs: 80, gapMs: 60 }))
  const pairs = [slice(heard, 0, 80), slice(heard, 140, 220)].map((part) =>
    [697, 770, 852, 941, 1209, 1336, 1477, 1633].filter((frequency) => amplitudeAt(part, frequency) > 2000),
  )
  expect(pairs).toEqual([
    [770, 1336],
    [941, 1477],
  ])
  expect(isSilent(slice(heard, 80, 140))).toBe(true)
  expect(() => digitsSource('1x')).toThrow('digits: "x" is not a DTMF digit')
})

test('a sequence plays one source after the other and closes each once', () => {
  const closed: string[] = []
  const closing = (name: string, ms: number) => ({ ...silenceSource(ms), close: () => void closed.push(name) })
  const sequence = sequenceSource([closing('first', 40), beepSource(), closing('last', 30), closing('unplayed', 20)])
  for (let i = 0; i < 2 + 15 + 2; i++) {
    const frame = sequence.next()!
    expect(isSilent(frame)).toBe(i < 2 || i >= 17)
  }
  sequence.close!()
  expect(closed).toEqual(['first', 'last', 'unplayed'])
  expect(sequence.next()).toBeNull()
})
