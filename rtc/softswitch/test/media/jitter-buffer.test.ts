import fc from 'fast-check'
import { expect, test } from 'vitest'
import { g711 } from '../../src/media/g711.ts'
import { createJitterBuffer } from '../../src/media/jitter-buffer.ts'

const { decode } = g711.PCMU
const packet = (value: number, samples = 160) => new Uint8Array(samples).fill(value)

/** What each tick reads: the code of the frame's first sample, or `null` for silence. */
function driver() {
  const buffer = createJitterBuffer()
  const code = (sample: number) => decode.indexOf(sample)
  return {
    write: (timestamp: number, payload: Uint8Array, newest = true) =>
      buffer.write(timestamp >>> 0, payload, decode, newest),
    read(count: number) {
      return Array.from({ length: count }, () => {
        const frame = buffer.read()
        return frame && frame[0] !== 0 ? code(frame[0]!) : null
      })
    },
  }
}

test('audio comes out in order after 40 ms, what was lost is silent', () => {
  const { write, read } = driver()
  for (const number of [1, 3, 2, 5]) write(number * 160, packet(number), number !== 2)
  expect(read(8)).toEqual([null, null, 1, 2, 3, null, 5, null])
})

test('timestamps may wrap', () => {
  const { write, read } = driver()
  for (const number of [1, 2, 3]) write(-320 + number * 160, packet(number))
  expect(read(6)).toEqual([null, null, 1, 2, 3, null])
})

test('packets of any length fill frames of 20 ms', () => {
  const { write, read } = driver()
  for (let at = 0; at < 6; at++) write(at * 80, packet(1, 80))
  write(480, packet(2, 480))
  expect(read(9)).toEqual([null, null, 1, 1, 1, 2, 2, 2, null])
})

test('after a gap in the network nothing of what then arrives at once is lost, and the added delay is given back', () => {
  const { write, read } = driver()
  write(0, packet(1))
  expect(read(10).filter(Boolean)).toEqual([1])
  for (let at = 1; at <= 10; at++) write(at * 160, packet(10 + at))
  const heard = read(1)
  let delayed = 0
  for (let at = 11; at < 400; at++) {
    write(at * 160, packet(10 + (at % 100)))
    heard.push(...read(1))
    if (at === 60) delayed = at - heard.indexOf(10 + 50)
  }
  const burst = Array.from({ length: 20 }, (_, at) => 11 + at)
  expect(heard.filter(Boolean).slice(0, 20)).toEqual(burst)
  expect(delayed).toBeGreaterThan(0)
  expect(heard.at(-1)).toBeGreaterThanOrEqual(10 + (399 % 100) - 4)
})

test('a peer whose timestamps jump is heard again at once', () => {
  const { write, read } = driver()
  write(0, packet(1))
  read(4)
  write(1_000_000_000, packet(2))
  expect(read(4)).toEqual([null, null, 2, null])
  write(160, packet(3))
  expect(read(4)).toEqual([null, null, 3, null])
})

test('what was heard or given up is not heard again when its place in the ring comes round', () => {
  const { write, read } = driver()
  const heard: (number | null)[] = []
  for (let number = 0; number < 70; number++) {
    if (number !== 60) write(number * 160, packet(1))
    heard.push(...read(1))
  }
  heard.push(...read(3))
  expect(heard.flatMap((code, at) => (code === null ? [at] : []))).toEqual([0, 1, 62, 72])

  for (let number = 70; number < 80; number++) write(number * 160, packet(2))
  write(8192 * 1000 + 74 * 160, packet(3))
  expect(read(4)).toEqual([null, null, 3, null])
})

test('a packet that comes after its time is dropped, not played out of place', () => {
  const { write, read } = driver()
  for (const number of [1, 2, 4]) write(number * 160, packet(number))
  expect(read(5)).toEqual([null, null, 1, 2, null])
  write(480, packet(3), false)
  expect(read(2)).toEqual([4, null])
})

test('nothing written makes it throw or give other than whole frames', () => {
  const step = fc.tuple(fc.integer({ min: 0, max: 0xffffffff }), fc.integer({ min: 0, max: 9000 }), fc.boolean())
  fc.assert(
    fc.property(fc.array(step, { maxLength: 20 }), (steps) => {
      const buffer = createJitterBuffer()
      for (const [timestamp, length, newest] of steps) {
        buffer.write(timestamp, packet(1, length), decode, newest)
        expect(buffer.read()?.length ?? 160).toBe(160)
      }
    }),
  )
})
