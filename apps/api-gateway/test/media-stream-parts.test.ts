import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { encapsulations } from '../src/media-stream-encapsulations.ts'
import { mulawToPcm, pcmToMulaw } from '../src/media-stream-g711.ts'
import { createPacer } from '../src/media-stream-pacer.ts'
import { isLater, readRtp, writeRtp } from '../src/media-stream-rtp.ts'

const bytes = (maxLength: number) => fc.uint8Array({ maxLength }).map((array) => Buffer.from(array))
const uint = (bits: number) => fc.nat(2 ** bits - 1)

describe.each(Object.entries(encapsulations))('%s', (_, create) => {
  test('what is wrapped is unwrapped', () => {
    fc.assert(
      fc.property(bytes(2_000), (pcm) => {
        expect(create().unwrap(create().wrap(pcm))).toEqual(pcm)
      }),
    )
  })

  test('any frame of a client gives a part of it, or nothing', () => {
    fc.assert(
      fc.property(bytes(400), (frame) => {
        expect(create().unwrap(frame).length).toBeLessThanOrEqual(frame.length)
      }),
    )
  })
})

test('RTP of a stream counts frames from 1 and, as VoIPBIN does, bytes', () => {
  const { wrap, unwrap } = encapsulations.rtp()
  const frames = Array.from({ length: 70_000 }, () => wrap(Buffer.alloc(320)).toString('hex', 0, 12))
  expect(frames.slice(0, 2)).toEqual(['806000010000000000000000', '806000020000014000000000'])
  expect(frames[65_535]).toBe(`80600000${(65_535 * 320).toString(16).padStart(8, '0')}00000000`)
  const mulaw = writeRtp({ payloadType: 0, sequence: 1, timestamp: 0, ssrc: 0, payload: Buffer.alloc(320) })
  expect(unwrap(mulaw)).toHaveLength(0)
})

test('all audio in a frame of AudioSocket messages is taken, and only what is whole', () => {
  const message = fc.record({ kind: fc.constantFrom(0x00, 0x01, 0x03, 0x10, 0xff), payload: bytes(400) })
  fc.assert(
    fc.property(fc.array(message, { maxLength: 5 }), bytes(300), (messages, cutOff) => {
      const packed = messages.map(({ kind, payload }) =>
        Buffer.concat([Buffer.from([kind, payload.length >> 8, payload.length & 0xff]), payload]),
      )
      const part = Buffer.concat([Buffer.from([0x10, 1, 45]), cutOff])
      const audio = messages.filter(({ kind }) => kind === 0x10).map(({ payload }) => payload)
      expect(encapsulations.audiosocket().unwrap(Buffer.concat([...packed, part]))).toEqual(Buffer.concat(audio))
    }),
  )
})

describe('RTP', () => {
  const packet = fc.record({
    payloadType: uint(7),
    sequence: uint(16),
    timestamp: uint(32),
    ssrc: uint(32),
    marker: fc.boolean(),
    payload: bytes(400),
  })

  test('what is written is read', () => {
    fc.assert(fc.property(packet, (one) => void expect(readRtp(writeRtp(one))).toEqual(one)))
  })

  test('sources, a header extension and padding are left out', () => {
    fc.assert(
      fc.property(packet, fc.nat(15), fc.nat(20), fc.integer({ min: 1, max: 255 }), (one, sources, words, padding) => {
        const plain = writeRtp(one)
        plain[0] = 0xb0 | sources
        const extension = Buffer.from([0xbe, 0xde, 0, words])
        const end = Buffer.alloc(padding, padding)
        const before = [plain.subarray(0, 12), Buffer.alloc(4 * sources), extension, Buffer.alloc(4 * words)]
        expect(readRtp(Buffer.concat([...before, one.payload, end]))).toEqual(one)
      }),
    )
  })

  test('anything may arrive', () => {
    fc.assert(fc.property(bytes(100), (any) => void readRtp(any)))
    expect(readRtp(Buffer.from('GET / HTTP/1.1'))).toBeUndefined()
  })

  test('sequence numbers wrap', () => {
    fc.assert(
      fc.property(uint(16), fc.integer({ min: 1, max: 0x7fff }), (sequence, ahead) => {
        const later = (sequence + ahead) & 0xffff
        expect([isLater(later, sequence), isLater(sequence, later), isLater(later, later)]).toEqual([
          true,
          false,
          false,
        ])
      }),
    )
  })
})

describe('μ-law', () => {
  test('each code is a sample of its own, but for the two zeros', () => {
    const codes = Buffer.from(Array.from({ length: 256 }, (_, code) => code))
    const again = pcmToMulaw(mulawToPcm(codes))
    codes[0x7f] = 0xff
    expect(again).toEqual(codes)
  })

  test('a sample is off by no more than half of its step of ITU-T G.711', () => {
    expect(mulawToPcm(Buffer.from([0x00, 0x7f, 0x80, 0xfe, 0xff]))).toEqual(pcmOf(-32_124, 0, 32_124, 8, 0))
    const samples = Array.from({ length: 65_536 }, (_, index) => index - 32_768)
    const heard = mulawToPcm(pcmToMulaw(pcmOf(...samples)))
    const off = samples.filter(
      (sample, at) => Math.abs(heard.readInt16LE(2 * at) - sample) > (Math.abs(sample) + 132) / 32,
    )
    expect(off).toEqual([])
  })

  const pcmOf = (...samples: number[]) => Buffer.from(Int16Array.from(samples).buffer)
})

describe('what is to be said', () => {
  /** Bytes that say their place, so that what is lost or out of order shows. */
  const numbered = (from: number, length: number) =>
    Buffer.from(Array.from({ length }, (_, index) => Math.floor((from + index) / 160) & 0xff))
  const steps = fc.array(fc.record({ waitMs: fc.nat(300), push: fc.nat(2_000) }), { maxLength: 60 })

  test('goes out whole and in order, a frame at a time, never ahead of time and never in a long burst', () => {
    fc.assert(
      fc.property(steps, (all) => {
        const pacer = createPacer(1_000)
        let nowMs = 1_000
        let pushed = 0
        let last = -160
        const taken: number[] = []
        const take = () => {
          const due = pacer.take(nowMs)
          expect(due.length).toBeLessThanOrEqual(5)
          for (const { mulaw, timestamp, first } of due) {
            expect(mulaw).toHaveLength(160)
            expect(timestamp % 160).toBe(0)
            expect(timestamp).toBeGreaterThan(last)
            expect(timestamp).toBeLessThanOrEqual((nowMs - 1_000) * 8)
            expect(first).toBe(taken.length === 0 || timestamp !== last + 160)
            last = timestamp
            taken.push(mulaw[0]!)
          }
        }
        for (const { waitMs, push } of all) {
          nowMs += waitMs
          pacer.push(numbered(pushed, push), nowMs)
          pushed += push
          take()
        }
        for (let wait = pacer.waitMs(nowMs); wait !== undefined; wait = pacer.waitMs(nowMs)) {
          nowMs += wait
          take()
        }
        expect(taken).toEqual(Array.from({ length: Math.floor(pushed / 160) }, (_, frame) => frame & 0xff))
      }),
    )
  })

  test('is begun at once, and goes on every 20 ms', () => {
    const pacer = createPacer(0)
    expect(pacer.waitMs(0)).toBeUndefined()
    pacer.push(Buffer.alloc(480), 1_007)
    expect([pacer.take(1_007).length, pacer.waitMs(1_007), pacer.take(1_019).length, pacer.take(1_020).length]).toEqual(
      [1, 13, 0, 1],
    )
  })

  test('is at most the last half minute', () => {
    const pacer = createPacer(0)
    for (let second = 0; second < 40; second++) pacer.push(Buffer.alloc(8_000, second), 0)
    expect(pacer.take(0)[0]!.mulaw[0]).toBe(10)
  })
})
