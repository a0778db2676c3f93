import { beforeEach, expect, test } from 'vitest'
import { createLatch } from '../../src/media/latch.ts'

const named = { address: '192.0.2.1', port: 4000 }
const nat = { address: '198.51.100.1', port: 61_000 }
const stranger = { address: '203.0.113.1', port: 5 }

let latch: ReturnType<typeof createLatch>
beforeEach(() => {
  latch = createLatch()
  latch.expect(named, 0)
})

test('until a packet comes, the address in the SDP is the target; then where it came from', () => {
  expect(latch.target()).toEqual(named)
  expect(latch.accepts(nat, 0)).toBe(true)
  expect(latch.target()).toEqual(nat)
})

test('nobody takes a stream over while it flows', () => {
  latch.accepts(nat, 0)
  for (let ms = 20; ms < 2000; ms += 20) {
    expect(latch.accepts(stranger, ms)).toBe(false)
    expect(latch.accepts(nat, ms)).toBe(true)
  }
  expect(latch.target()).toEqual(nat)
})

test('a source that moved is followed after silence', () => {
  latch.accepts(nat, 0)
  expect(latch.accepts(stranger, 999)).toBe(false)
  expect(latch.accepts(stranger, 1000)).toBe(true)
  expect(latch.target()).toEqual(stranger)
})

test('a stranger who was first gives way to the address in the SDP at once', () => {
  latch.accepts(stranger, 0)
  expect(latch.accepts(named, 20)).toBe(true)
  expect(latch.accepts(stranger, 40)).toBe(false)
  expect(latch.target()).toEqual(named)
})

test('after a re-INVITE with a new address, the last packets of the old source do not hold the stream back', () => {
  const moved = { address: '192.0.2.2', port: 4002 }
  latch.accepts(nat, 0)
  latch.expect(moved, 100)
  expect(latch.target()).toEqual(moved)
  expect(latch.accepts(nat, 110)).toBe(true)
  expect(latch.target()).toEqual(moved)
  expect(latch.accepts(stranger, 120)).toBe(true) // the new place behind its NAT
  expect(latch.target()).toEqual(stranger)
})

test('after a re-INVITE that only renamed the peer, the source it goes on sending from is taken back', () => {
  latch.accepts(nat, 0)
  latch.expect({ address: '192.0.2.2', port: 4002 }, 100)
  expect(latch.accepts(nat, 1101)).toBe(true)
  expect(latch.target()).toEqual(nat)
})

test('a re-INVITE with the same address changes nothing', () => {
  latch.accepts(nat, 0)
  latch.expect(named, 100)
  expect(latch.target()).toEqual(nat)
  expect(latch.accepts(stranger, 120)).toBe(false)
})
