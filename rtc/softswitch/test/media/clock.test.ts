import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { createClock } from '../../src/media/clock.ts'
import type { ClockListener } from '../../src/media/types.ts'

const block = (ms: number) => {
  for (const until = performance.now() + ms; performance.now() < until; );
}
const unexpected = (error: unknown) => {
  throw error
}

test('ticks do not drift, however late the timers of a busy process are', async () => {
  const clock = createClock(unexpected)
  let ticks = 0
  const listener = { hear: () => ticks++ }
  const start = performance.now()
  clock.add(listener)
  const busy = setInterval(() => block(10), 12)
  await sleep(700)
  clearInterval(busy)
  clock.remove(listener)
  expect(Math.abs(ticks - (performance.now() - start) / 20)).toBeLessThan(3)
})

test('ticks keep up with time also over a stall, after which no more than two frames are sent at once', async () => {
  const clock = createClock(unexpected)
  const order: string[] = []
  let ticks = 0
  let burst = 0
  let longestBurst = 0
  const session: ClockListener = {
    hear: () => order.push('hear'),
    speak(skip) {
      ticks++
      if (skip) return
      if (burst++ === 0) setImmediate(() => (burst = 0))
      longestBurst = Math.max(longestBurst, burst)
    },
  }
  const bridge: ClockListener = { mix: () => order.push('mix') }
  clock.add(bridge)
  clock.add(session)
  const start = performance.now()
  await sleep(150)
  block(300)
  await sleep(150)
  const elapsedTicks = (performance.now() - start) / 20
  clock.remove(session)
  clock.remove(bridge)
  expect(Math.abs(ticks - elapsedTicks)).toBeLessThan(3)
  expect(clock.counters.skipped).toBeGreaterThan(8)
  expect(longestBurst).toBeLessThanOrEqual(2)
  expect(order.slice(0, 4)).toEqual(['hear', 'mix', 'hear', 'mix'])
})

test('it stands still while nobody listens', async () => {
  const clock = createClock(unexpected)
  const listener = {}
  clock.add(listener)
  await sleep(50)
  clock.remove(listener)
  const { ticks } = clock.counters
  expect(ticks).toBeGreaterThan(0)
  await sleep(60)
  expect(clock.counters.ticks).toBe(ticks)
})

test('a listener that throws is told of and left out; the others go on', async () => {
  const errors: unknown[] = []
  const clock = createClock((error) => errors.push(error))
  let others = 0
  const fine = { hear: () => others++ }
  const problem = new Error('broken sink')
  clock.add({
    hear() {
      throw problem
    },
  })
  clock.add(fine)
  await sleep(100)
  clock.remove(fine)
  expect(errors).toEqual([problem])
  expect(others).toBeGreaterThan(1)
})
