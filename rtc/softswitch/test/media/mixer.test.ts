import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, expect, test } from 'vitest'
import { createMediaEngine, echo, mixer, tapMixed, toneSource } from '../../src/media/index.ts'
import type { CodecName, MediaSession } from '../../src/media/types.ts'
import { amplitudeAt, ear, loudPart, strongestFrequency } from './tones-heard.ts'

const engine = createMediaEngine({ bindAddress: '127.0.0.1', portMin: 0, portMax: 0 })
afterEach(() => engine.close())

/** A phone that speaks one codec, and the switch's end of the call with it. */
async function phoneWith(codec: CodecName) {
  const [phone, leg] = [await engine.openSession(), await engine.openSession()]
  phone.setRemote({ address: '127.0.0.1', port: leg.localPort, codec })
  leg.setRemote({ address: '127.0.0.1', port: phone.localPort, codec })
  return { phone, leg }
}

/** A phone, and the switch's end of the call with it. */
async function phoneCall() {
  const [phone, leg] = [await engine.openSession(), await engine.openSession()]
  phone.setRemote({ address: '127.0.0.1', port: leg.localPort, codec: 'PCMU' })
  leg.setRemote({ address: '127.0.0.1', port: phone.localPort, codec: 'PCMA' })
  return { phone, leg }
}

const tone = (frequency: number, amplitude = 4000) => toneSource({ frequencies: [frequency], amplitude })

function listen(session: MediaSession) {
  const heard = ear()
  session.addSink(heard)
  return heard
}

const talkMs = 400
const levels = (samples: Int16Array, frequencies: number[]) =>
  frequencies.map((frequency) => Math.round(amplitudeAt(loudPart(samples).slice(-2000, -400), frequency) / 1000))

test('two participants hear each other, and not themselves', async () => {
  const [first, second] = [await phoneCall(), await phoneCall()]
  const bridge = mixer()
  bridge.add(first.leg)
  bridge.add(second.leg)
  const [atFirst, atSecond] = [listen(first.phone), listen(second.phone)]
  first.phone.play(tone(500))
  second.phone.play(tone(900))
  await sleep(talkMs + 100)
  expect(levels(atFirst.samples(), [500, 900])).toEqual([0, 4])
  expect(levels(atSecond.samples(), [500, 900])).toEqual([4, 0])
})

test('phones of all codecs hear each other in one room', async () => {
  const calls = await Promise.all((['PCMU', 'PCMA', 'G722', 'opus'] as const).map(phoneWith))
  const frequencies = [400, 600, 900, 1400]
  const bridge = mixer()
  calls.forEach(({ phone, leg }, index) => {
    bridge.add(leg)
    phone.play(tone(frequencies[index]!))
  })
  const ears = calls.map(({ phone }) => listen(phone))
  const now = () => ears.map((heard) => frequencies.map((one) => amplitudeAt(heard.samples().slice(-1600), one) > 2500))
  const others = frequencies.map((_, own) => frequencies.map((_, index) => index !== own))
  await expect.poll(now, { timeout: 5000, interval: 50 }).toEqual(others)
})

test('three participants each hear the other two, with what is played to all, and one who leaves is heard no more', async () => {
  const calls = [await phoneCall(), await phoneCall(), await phoneCall()]
  const frequencies = [400, 600, 900, 1400]
  const bridge = mixer()
  const [recorded, later] = [ear(), ear()]
  bridge.addSink(recorded)
  calls.forEach(({ phone, leg }, index) => {
    bridge.add(leg)
    phone.play(tone(frequencies[index]!))
  })
  const announcement = bridge.play(tone(1400))
  const ears = calls.map(({ phone }) => listen(phone))
  await sleep(talkMs + 100)
  const heard = ears.map((ear) => levels(ear.samples(), frequencies))
  expect(heard).toEqual([
    [0, 4, 4, 4],
    [4, 0, 4, 4],
    [4, 4, 0, 4],
  ])
  expect(levels(recorded.samples(), frequencies)).toEqual([4, 4, 4, 4])

  announcement.stop()
  expect(await announcement.done).toBe(false)
  bridge.remove(calls[2]!.leg)
  calls[1]!.leg.close() // closed without leaving: it must not be heard with its last frame
  await sleep(150)
  calls[0]!.phone.addSink(later)
  await sleep(100)
  expect(later.samples().every((sample) => Math.abs(sample) < 50)).toBe(true)
  bridge.close()
})

test('a sum too loud is cut off, not turned around', async () => {
  const calls = [await phoneCall(), await phoneCall(), await phoneCall()]
  const bridge = mixer()
  for (const { phone, leg } of calls) {
    bridge.add(leg)
    if (phone !== calls[0]!.phone) phone.play(tone(500, 25_000))
  }
  const loud = ear()
  bridge.addSink(loud)
  await sleep(talkMs)
  const samples = loud.samples()
  // The jump of a turned-around sample is nearly the whole range.
  const steps = samples.slice(1).map((sample, at) => Math.min(32_767, Math.abs(sample - samples[at]!)))
  expect(Math.max(...samples)).toBe(32_767)
  expect(Math.max(...steps)).toBeLessThan(32_767)
})

test.each([
  ['in', [4, 0]],
  ['out', [0, 4]],
  ['both', [4, 4]],
] as const)('listening in on "%s" gets what the session hears, says, or both', async (direction, expected) => {
  const { phone, leg } = await phoneCall()
  const heard = ear()
  const stop = tapMixed(leg, heard, direction)
  phone.play(tone(500))
  leg.play(tone(900))
  await sleep(talkMs)
  stop()
  const { length } = heard.samples()
  expect(levels(heard.samples(), [500, 900])).toEqual(expected)
  expect(Math.abs(length / 8 - talkMs)).toBeLessThan(60) // one frame per tick, whichever way
  await sleep(50)
  expect(heard.samples().length).toBe(length)
})

test('an echo sends back what it hears until it is ended', async () => {
  const { phone, leg } = await phoneCall()
  const stop = echo(leg)
  const heard = listen(phone)
  const talk = phone.play(tone(700))
  await sleep(talkMs)
  expect(strongestFrequency(loudPart(heard.samples()).slice(800, 2400))).toBe(700)
  stop()
  await sleep(150)
  const after = listen(phone)
  await sleep(60)
  expect(after.samples().every((sample) => sample === 0)).toBe(true)
  talk.stop()
})
