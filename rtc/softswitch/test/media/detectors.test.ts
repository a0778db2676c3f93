import { describe, expect, test } from 'vitest'
import { createDtmfDetector } from '../../src/media/dtmf-detector.ts'
import { muLaw } from '../../src/media/g711.ts'
import {
  createBeepDetector,
  createToneDetector,
  digitsSource,
  sequenceSource,
  silenceSource,
  toneSource,
} from '../../src/media/index.ts'
import type { AudioSource } from '../../src/media/types.ts'
import { speech } from './speech.ts'
import { heardOf } from './tones-heard.ts'

/** As a phone hears it: through µ-law, with noise, in frames that begin anywhere. */
function frames(samples: Int16Array, { noise = 0, shift = 37 } = {}): Int16Array[] {
  const { encode, decode } = muLaw
  let seed = 1
  const random = () => {
    seed = (seed * 16_807) % 2_147_483_647
    return (2 * seed) / 2_147_483_647 - 1
  }
  const heard = Int16Array.from([...new Int16Array(shift), ...samples, ...new Int16Array(1600)], (sample) => {
    const noisy = Math.max(-32_768, Math.min(32_767, Math.round(sample + noise * random())))
    return decode[encode[noisy & 0xffff]!]!
  })
  return Array.from({ length: Math.floor(heard.length / 160) }, (_, i) => heard.subarray(160 * i, 160 * i + 160))
}
const tone = (frequency: number, durationMs: number, amplitude = 4000) =>
  toneSource({ frequencies: [frequency], durationMs, amplitude })
const of = (...sources: AudioSource[]) => heardOf(sequenceSource(sources), 60)

describe('digits as tones', () => {
  const heard = (samples: Int16Array, options = {}) => {
    const digits: { digit: string; durationMs: number }[] = []
    const detector = createDtmfDetector((digit, durationMs) => digits.push({ digit, durationMs }))
    for (const frame of frames(samples, options)) detector.write(frame)
    return digits
  }
  const text = (samples: Int16Array, options = {}) =>
    heard(samples, options)
      .map(({ digit }) => digit)
      .join('')
  const pair = (row: number, column: number, [rowLevel, columnLevel] = [3000, 3000], ms = 100) => {
    const [low, high] = [tone(row, ms, rowLevel), tone(column, ms, columnLevel)].map((source) => heardOf(source))
    return low!.map((sample, i) => sample + high![i]!)
  }

  test('every digit is heard, with its length', () => {
    const digits = '1234567890*#ABCD'
    const found = heard(of(digitsSource(digits, { durationMs: 100, gapMs: 60 })))
    expect(found.map(({ digit }) => digit).join('')).toBe(digits)
    for (const { durationMs } of found) expect(Math.abs(durationMs - 100)).toBeLessThan(26)
  })

  test.each([0, 13, 55, 90, 131])('the shortest digits are heard wherever a frame begins (%i)', (shift) => {
    expect(text(of(digitsSource('159D0', { durationMs: 45, gapMs: 50 })), { shift })).toBe('159D0')
  })

  test('one digit twice is two digits, and one that goes on is one', () => {
    expect(text(of(digitsSource('55', { gapMs: 50 })))).toBe('55')
    expect(heard(of(digitsSource('5', { durationMs: 2000 })))).toEqual([
      { digit: '5', durationMs: expect.closeTo(2000, -2) },
    ])
  })

  test('noise on the line does no harm', () => {
    expect(text(of(digitsSource('1590')), { noise: 700 })).toBe('1590')
  })

  test.each([0.985, 1.015])('frequencies that are off by 1.5 % are heard (%d)', (factor) => {
    expect(text(pair(770 * factor, 1336 * factor))).toBe('5')
  })

  test.each([0.96, 1.04])('frequencies that are off by 4 % are not (%d)', (factor) => {
    expect(text(pair(770 * factor, 1336 * factor))).toBe('')
  })

  test('a column may be weaker by 7 dB or stronger by 3 dB, not by 12 dB', () => {
    expect(text(pair(852, 1477, [4500, 2010]))).toBe('9')
    expect(text(pair(852, 1477, [2830, 4000]))).toBe('9')
    expect(text(pair(852, 1477, [1000, 4000]))).toBe('')
    expect(text(pair(852, 1477, [6000, 1000]))).toBe('')
  })

  test.each([
    ['a dial tone', '350+440/2000'],
    ['a busy signal', '480+620/500,0/500,480+620/500'],
    ['one frequency of a digit', '770/500'],
    ['two rows', '697+852/500'],
  ])('%s is no digit', (_, spec) => {
    expect(text(heardOf(toneSource(spec), 2))).toBe('')
  })

  test('nothing anybody says is a digit', async () => {
    for (const samples of await speech()) expect(text(samples)).toBe('')
  })
})

describe('single tones', () => {
  const times = (frequency: number, minMs: number, samples: Int16Array) => {
    let count = 0
    const detector = createToneDetector(frequency, minMs, () => count++)
    for (const frame of frames(samples)) detector.write(frame)
    return count
  }

  test('the calling tone of a fax is heard each time, and so is the answering tone', () => {
    // ITU-T T.30 section 4.3.3: half a second of 1100 Hz, every three seconds; 4.3.2: 2100 Hz for about three.
    const cng = () => sequenceSource([tone(1100, 500), silenceSource(3000)])
    expect(times(1100, 400, of(cng(), cng(), cng()))).toBe(3)
    expect(times(2100, 1000, of(tone(2100, 3000)))).toBe(1)
    expect(times(2100, 1000, of(cng()))).toBe(0)
  })

  test('one that is too short or of another frequency is not heard', () => {
    expect(times(1100, 400, of(tone(1100, 300)))).toBe(0)
    expect(times(1100, 400, of(tone(1200, 1000)))).toBe(0)
  })

  test('nothing anybody says is a fax', async () => {
    for (const samples of await speech()) expect(times(1100, 400, samples) + times(2100, 400, samples)).toBe(0)
  })
})

describe('the beep of an answering machine', () => {
  const beeps = (samples: Int16Array) => {
    const found: number[] = []
    const detector = createBeepDetector((frequency) => found.push(frequency))
    for (const frame of frames(samples)) detector.write(frame)
    return found
  }

  test.each([440, 777, 1000, 1400, 2000])('%i Hz is heard after a greeting, with its frequency', async (frequency) => {
    const [greeting] = await speech()
    const found = beeps(
      Int16Array.from([...greeting!, ...of(silenceSource(300), tone(frequency, 400), silenceSource(300))]),
    )
    expect(found).toHaveLength(1)
    expect(Math.abs(found[0]! - frequency)).toBeLessThan(8)
  })

  test('a click, a melody and a tone that does not end are none', () => {
    expect(beeps(of(tone(1000, 60), silenceSource(200)))).toEqual([])
    expect(beeps(of(tone(1000, 100), tone(1200, 100), tone(900, 100), silenceSource(200)))).toEqual([])
    expect(beeps(of(tone(1000, 10_000), silenceSource(200)))).toEqual([])
  })

  test('nothing anybody says is a beep', async () => {
    for (const samples of await speech()) expect(beeps(samples)).toEqual([])
  })
})
