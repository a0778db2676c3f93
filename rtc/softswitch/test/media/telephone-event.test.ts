import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createDtmfSender } from '../../src/media/dtmf-sender.ts'
import {
  createDtmfReceiver,
  dtmfDigits,
  parseTelephoneEvent,
  type TelephoneEvent,
  writeTelephoneEvent,
} from '../../src/media/telephone-event.ts'

interface Sent {
  timestamp: number
  event: TelephoneEvent
}

/** The event packets of some digits, with the timestamps at which they go out. */
function packetsOf(digits: string, options?: { durationMs: number; gapMs: number }): Sent[] {
  const sender = createDtmfSender()
  let done = false
  void sender.send(digits, options).then(() => {
    done = true
  })
  const packets: Sent[] = []
  let timestamp = 0
  for (let tick = 0, empty = 0; empty < 20 && !done; tick++) {
    const step = sender.next(true)
    if (step && 'event' in step) {
      if (step.start) timestamp = tick * 160
      packets.push({ timestamp, event: step.event })
      empty = 0
    } else empty++
  }
  return packets
}

function receiver() {
  const heard: [string, number][] = []
  const dtmf = createDtmfReceiver((...digit) => heard.push(digit))
  return {
    heard,
    ...dtmf,
    receive: (timestamp: number, event: TelephoneEvent, clockHz = 8000) => dtmf.receive(timestamp, event, clockHz),
  }
}

const ticks = (count: number, tick: () => void) => {
  for (let i = 0; i < count; i++) tick()
}

test('the payload round-trips, and short ones are refused', () => {
  const events = fc.record({
    event: fc.integer({ min: 0, max: 255 }),
    end: fc.boolean(),
    volume: fc.integer({ min: 0, max: 63 }),
    duration: fc.integer({ min: 0, max: 0xffff }),
  })
  fc.assert(
    fc.property(events, (event) => {
      const bytes = Buffer.alloc(4)
      writeTelephoneEvent(bytes, 0, event)
      expect(parseTelephoneEvent(bytes)).toEqual(event)
    }),
  )
  expect(parseTelephoneEvent(Buffer.alloc(3))).toBeNull()
})

test('an event has one timestamp, a growing duration and three ends', () => {
  const packets = packetsOf('5', { durationMs: 80, gapMs: 0 })
  expect(packets.map(({ timestamp }) => timestamp)).toEqual([0, 0, 0, 0, 0, 0])
  expect(packets.map(({ event }) => event.duration)).toEqual([160, 320, 480, 640, 640, 640])
  expect(packets.map(({ event }) => event.end)).toEqual([false, false, false, true, true, true])
})

test('each digit of which anything arrives is reported once, in order, whatever is lost, doubled or swapped', () => {
  const digits = fc.string({ unit: fc.constantFrom(...dtmfDigits), minLength: 1, maxLength: 8 })
  const fates = fc.infiniteStream(
    fc.record({ copies: fc.constantFrom(0, 1, 1, 1, 2), late: fc.integer({ min: 0, max: 3 }) }),
  )
  fc.assert(
    fc.property(digits, fates, (sent, fate) => {
      const arriving = packetsOf(sent, { durationMs: 100, gapMs: 40 }).flatMap((packet, at) => {
        const { copies, late } = fate.next().value!
        return Array.from({ length: copies }, (_, copy) => ({ ...packet, at: at + late + copy }))
      })
      const { heard, receive, tick } = receiver()
      for (const { timestamp, event } of arriving.toSorted((a, b) => a.at - b.at)) receive(timestamp, event)
      ticks(12, tick)
      const starts = [...new Set(arriving.map(({ timestamp }) => timestamp))].toSorted((a, b) => a - b)
      const expected = starts.map((start) => dtmfDigits[arriving.find((p) => p.timestamp === start)!.event.event])
      expect(heard.map(([digit]) => digit)).toEqual(expected)
    }),
  )
})

test('a digit whose ends were all lost is reported after a while, with the duration known', () => {
  const { heard, receive, tick } = receiver()
  for (const { timestamp, event } of packetsOf('7', { durationMs: 100, gapMs: 0 }).filter((p) => !p.event.end))
    receive(timestamp, event)
  ticks(5, tick)
  expect(heard).toEqual([])
  ticks(10, tick)
  expect(heard).toEqual([['7', 80]])
})

test('a digit whose ends were all lost keeps its duration when the next one follows', () => {
  const { heard, receive } = receiver()
  const packets = packetsOf('78', { durationMs: 100, gapMs: 60 })
  for (const { timestamp, event } of packets.filter((p) => !(p.event.event === 7 && p.event.end)))
    receive(timestamp, event)
  expect(heard).toEqual([
    ['7', 80],
    ['8', 100],
  ])
})

test('packets of a digit that come after those of a later one change nothing', () => {
  const [one, two, three] = ['1', '2', '3'].map((digit, index) =>
    packetsOf(digit, { durationMs: 60, gapMs: 0 }).map(({ event }) => ({ timestamp: index * 2000, event })),
  )
  const after = receiver()
  for (const { timestamp, event } of [...one!, ...two!, one![1]!, ...three!]) after.receive(timestamp, event)
  expect(after.heard.map(([digit]) => digit)).toEqual(['1', '2', '3'])
  const within = receiver()
  for (const { timestamp, event } of [two![0]!, one![0]!, ...two!.slice(1)]) within.receive(timestamp, event)
  expect(within.heard).toEqual([['2', 60]])
})

test('a tone longer than the duration field is one digit', () => {
  const { heard, receive } = receiver()
  const part = (timestamp: number, duration: number, end = false) =>
    receive(timestamp, { event: 9, end, volume: 10, duration })
  part(1000, 160)
  part(1000, 0xffff)
  part(1000 + 0xffff, 160)
  part(1000 + 0xffff, 14_465, true)
  expect(heard).toEqual([['9', 10_000]])
})

test('the same digit pressed twice is two digits', () => {
  const { heard, receive } = receiver()
  for (const { timestamp, event } of packetsOf('44', { durationMs: 60, gapMs: 60 })) receive(timestamp, event)
  expect(heard).toEqual([
    ['4', 60],
    ['4', 60],
  ])
})

test('no sequence of events makes the receiver throw, and other events than digits are not reported', () => {
  const bytes = fc.uint8Array({ minLength: 4, maxLength: 8 }).map((array) => Buffer.from(array))
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.integer({ min: 0, max: 0xffffffff }), bytes)), (packets) => {
      const { heard, receive, tick } = receiver()
      for (const [timestamp, payload] of packets) {
        receive(timestamp, parseTelephoneEvent(payload)!)
        tick()
      }
      for (const [digit] of heard) expect(dtmfDigits).toContain(digit)
    }),
  )
})

test.each([
  ['12x', {}, 'digits: "x" is not a DTMF digit; use 0123456789*#ABCD'],
  ['1', { durationMs: 9000 }, 'durationMs: 9000 must be from 20 to 8000'],
  ['1', { gapMs: -1 }, 'gapMs: -1 must be from 0 to 8000'],
])('digits %s with %j are refused', async (digits, options, message) => {
  await expect(createDtmfSender().send(digits, options)).rejects.toThrow(message)
})
