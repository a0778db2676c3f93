import fc from 'fast-check'
import { expect, test } from 'vitest'
import { codecs } from '../../src/media/codecs.ts'
import { createJitterBuffer } from '../../src/media/jitter-buffer.ts'
import { loadOpus } from '../../src/media/opus.ts'
import type { CodecName } from '../../src/media/types.ts'
import { dice, loudnesses, through } from './simulated-network.ts'
import { amplitudeAt } from './tones-heard.ts'

await loadOpus()

const amplitude = 8000
const tone = (frequency: number) => (ms: number) => amplitude * Math.sin((2 * Math.PI * frequency * ms) / 1000)
const loud = amplitude / Math.SQRT2
/** A beat of 200 ms in each second. */
const beats = (ms: number) => (ms % 1000 >= 500 && ms % 1000 < 700 ? tone(600)(ms) : 0)

/** How long after it was said each beat is heard. */
function delays({ heard, rateHz }: Awaited<ReturnType<typeof through>>, seconds: number) {
  return Array.from({ length: seconds - 1 }, (_, second) => {
    const from = second * 1000 + 450
    const start = heard(from, from + 800).findIndex((sample) => Math.abs(sample) > amplitude / 4)
    return (start * 1000) / rateHz - 50
  })
}

const names: CodecName[] = ['PCMU', 'PCMA', 'G722', 'opus']

test.each(names)('%s: a steady network adds two to three frames, and nothing is made up', async (codec) => {
  const run = await through({ codec, sound: beats, travel: () => 30 })
  for (const delay of delays(run, 5)) {
    expect(delay).toBeGreaterThan(30 + 38)
    expect(delay).toBeLessThan(30 + 66)
  }
  expect(run.counters).toEqual({ late: 0, concealed: 0 })
})

test.each(names.slice(0, 3))('%s: of 5 % lost packets no gap is heard, and the tone stays', async (codec) => {
  const random = dice(7)
  const travel = () => (random() < 0.05 ? null : 30)
  const run = await through({ codec, seconds: 10, sound: tone(440), travel })
  expect(run.counters.concealed).toBeGreaterThan(10)
  const heard = run.heard(500)
  const quietest = Math.min(...loudnesses(heard, run.rateHz))
  expect(quietest).toBeGreaterThan(0.4 * loud)
  // Over 200 ms, as the phase may shift where something was made up.
  for (let at = 0; at + run.rateHz / 5 <= heard.length; at += run.rateHz) {
    const level = amplitudeAt(heard.subarray(at, at + run.rateHz / 5), 440, run.rateHz)
    expect(level).toBeGreaterThan(0.75 * amplitude)
  }
})

/** Harmonics of 150 Hz that come and go: what Opus takes for a voice. */
const voice = (ms: number) => {
  let sum = 0
  for (let harmonic = 1; harmonic < 12; harmonic++)
    sum += Math.sin((2 * Math.PI * 150 * harmonic * ms) / 1000) / harmonic
  return 3000 * sum * (1 + 0.5 * Math.sin((2 * Math.PI * 3 * ms) / 1000))
}

test('opus: what is lost is made up, and nearer to what was said when the sender knows of the loss', async () => {
  const heardWith = async (toldLoss: number) => {
    const random = dice(7)
    const sent = { codec: 'opus', seconds: 10, sound: voice, toldLoss } as const
    const whole = await through(sent)
    const holed = await through({ ...sent, travel: () => (random() < 0.1 ? null : 30) })
    const [said, heard] = [whole.heard(500), holed.heard(500)]
    const before = loudnesses(said, whole.rateHz)
    const quietest = Math.min(...loudnesses(heard, whole.rateHz).map((level, block) => level / before[block]!))
    return { quietest, error: heard.reduce((sum, sample, i) => sum + (sample - said[i]!) ** 2, 0) }
  }
  const [ignorant, knowing] = [await heardWith(0), await heardWith(0.2)]
  expect(knowing.quietest).toBeGreaterThan(ignorant.quietest)
  expect(knowing.error).toBeLessThan(0.7 * ignorant.error)
})

test('a long loss fades out within 60 ms, and what follows is heard', async () => {
  const run = await through({
    sound: tone(440),
    seconds: 4,
    travel: (packet) => (packet >= 100 && packet < 125 ? null : 30),
  })
  const levels = loudnesses(run.heard(), run.rateHz)
  expect(Math.max(...levels.slice(218, 250))).toBeLessThan(0.02 * loud)
  expect(Math.min(...levels.slice(300, 390))).toBeGreaterThan(0.9 * loud)
  expect(run.heard(2000, 2600).length).toBe(4800)
})

test('the delay grows with the jitter until hardly anything comes too late, and shrinks when it is over', async () => {
  const random = dice(3)
  const isRough = (packet: number) => packet >= 250 && packet < 750
  const run = await through({
    sound: beats,
    seconds: 25,
    travel: (packet) => 30 + (isRough(packet) ? 100 * random() : 0),
  })
  const measured = delays(run, 25)
  for (const delay of measured.slice(1, 4)) expect(delay).toBeLessThan(100)
  for (const delay of measured.slice(9, 14)) {
    expect(delay).toBeGreaterThan(110)
    expect(delay).toBeLessThan(190)
  }
  for (const delay of measured.slice(20, 24)) expect(delay).toBeLessThan(105)
  expect(run.counters.late / 500).toBeLessThan(0.05)
})

test('jitter hardly ever interrupts the tone once the delay has grown', async () => {
  const random = dice(5)
  const run = await through({ sound: tone(440), seconds: 10, travel: () => 30 + 60 * random() })
  const levels = loudnesses(run.heard(2000), run.rateHz)
  expect(levels.filter((level) => level < 0.5 * loud).length / levels.length).toBeLessThan(0.02)
})

test.each([500, -500])('a sender whose clock is %i ppm off is heard without gaps, with the same delay', async (ppm) => {
  const steady = await through({ sound: tone(440), seconds: 120, fasterPpm: ppm, travel: () => 30 })
  expect(Math.min(...loudnesses(steady.heard(500), steady.rateHz))).toBeGreaterThan(0.5 * loud)
  const beating = await through({ sound: beats, seconds: 120, fasterPpm: ppm, travel: () => 30 })
  const drift = (second: number) => (second * 1000 * ppm) / 1e6
  delays(beating, 119)
    .map((delay, second) => delay + drift(second))
    .slice(2)
    .forEach((delay) => {
      expect(delay).toBeGreaterThan(30)
      expect(delay).toBeLessThan(125)
    })
})

test('order and repetition of packets make no difference', async () => {
  const plain = await through({ sound: tone(440), travel: () => 30 })
  const mixed = await through({
    sound: tone(440),
    travel: (packet) => (packet === 0 ? 30 : [[30], [30, 31, 45], [52]][packet % 3]!),
  })
  expect(Buffer.from(mixed.heard().slice().buffer).equals(Buffer.from(plain.heard().slice().buffer))).toBe(true)
})

test('timestamps may wrap', async () => {
  const plain = await through({ sound: tone(440) })
  const wrapped = await through({ sound: tone(440), firstTimestamp: 2 ** 32 - 8000 })
  expect(Buffer.from(wrapped.heard().slice().buffer).equals(Buffer.from(plain.heard().slice().buffer))).toBe(true)
})

test('a peer that sends nothing while it says nothing is heard as before when it goes on', async () => {
  const run = await through({
    sound: beats,
    seconds: 6,
    isPaused: (ms) => ms % 1000 < 400 || ms % 1000 >= 800,
    travel: () => 30,
  })
  for (const delay of delays(run, 6)) {
    expect(delay).toBeGreaterThan(30 + 30)
    expect(delay).toBeLessThan(30 + 80)
  }
})

test('of what waits after a stall the oldest is given up, and the delay is back within a second', async () => {
  const run = await through({
    sound: beats,
    seconds: 20,
    travel: (packet) => 30 + (packet >= 100 && packet < 150 ? (150 - packet) * 20 : 0),
  })
  for (const delay of delays(run, 20).slice(8)) expect(delay).toBeLessThan(110)
})

const packet = (value: number, samples = 160) => new Uint8Array(samples).fill(value)
const frameOf = (code: number) => codecs.PCMU.createDecoder().decode(packet(code))[0]

test('packets of any length fill frames of 20 ms', () => {
  const buffer = createJitterBuffer(codecs.PCMU)
  for (let at = 0; at < 6; at++) buffer.write({ timestamp: at * 80, payload: packet(1, 80) }, true, at * 10)
  buffer.write({ timestamp: 480, payload: packet(2, 480) }, true, 60)
  const heard = Array.from({ length: 9 }, (_, tick) => buffer.read(tick * 20)?.[80])
  const [one, two] = [frameOf(1), frameOf(2)]
  expect(heard.slice(0, 8)).toEqual([undefined, undefined, one, one, one, two, two, two])
})

test('a peer whose timestamps jump is heard again at once', () => {
  const buffer = createJitterBuffer(codecs.PCMU)
  buffer.write({ timestamp: 0, payload: packet(1) }, true, 0)
  for (let tick = 0; tick < 4; tick++) buffer.read(tick * 20)
  buffer.write({ timestamp: 1_000_000_000, payload: packet(2) }, true, 80)
  const heard = [80, 100, 120].map((ms) => buffer.read(ms)?.[80])
  expect(heard.at(-1)).toBe(frameOf(2))
})

test('nothing written makes it throw or give other than whole frames', () => {
  const step = fc.record({
    timestamp: fc.integer({ min: 0, max: 0xffffffff }),
    payload: fc.uint8Array({ maxLength: 1400 }),
    isNewest: fc.boolean(),
  })
  for (const name of names) {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        const buffer = createJitterBuffer(codecs[name])
        steps.forEach(({ isNewest, ...rtp }, index) => {
          buffer.write(rtp, isNewest, index * 20)
          const frame = buffer.read(index * 20 + 60)
          expect(frame?.length ?? codecs[name].frameSamples).toBe(codecs[name].frameSamples)
        })
        buffer.close()
      }),
      { numRuns: 50 },
    )
  }
})
