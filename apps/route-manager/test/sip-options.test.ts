import { startSoftswitch } from '@sidetone/softswitch'
import { afterEach, expect, test } from 'vitest'
import { askOptions, placeOf } from '../src/sip-options.ts'
import { startSipPeer } from './sip-peer.ts'

const closing: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closing.splice(0)) await close()
})

const never = new AbortController().signal
const ask = (port: number, stop = never) =>
  askOptions({ hostname: 'carrier.example', address: '127.0.0.1', port }, stop)

async function peer(status?: number) {
  const started = await startSipPeer(status)
  closing.push(started.close)
  return started
}

test.each([
  ['sip.example.com', 'sip.example.com', 5060],
  ['sip.example.com:5080', 'sip.example.com', 5080],
  ['[2001:db8::1]', '2001:db8::1', 5060],
  ['[2001:db8::1]:5080', '2001:db8::1', 5080],
])('%s is %s, port %i', (hostname, host, port) => {
  expect(placeOf(hostname)).toEqual({ host, port })
})

test('the softswitch answers it', async () => {
  const options = { sipPort: 0, bindAddress: '127.0.0.1', rtpPortMin: 0, rtpPortMax: 0, lookup: async () => null }
  const softswitch = await startSoftswitch(options)
  closing.push(softswitch.close)
  expect(await ask(softswitch.sipPort)).toBe(200)
})

test('the final answer to this very request counts, whatever it is', async () => {
  const { port, requests } = await peer(404)
  expect(await ask(port)).toBe(404)
  expect(requests).toHaveLength(1)
  expect(requests[0]).toMatch(
    /^OPTIONS sip:carrier\.example SIP\/2\.0\r\nVia: SIP\/2\.0\/UDP 127\.0\.0\.1:\d+;branch=z9/,
  )
})

test('a port where nobody listens has no status', async () => {
  const { port, close } = await startSipPeer()
  close()
  expect(await ask(port)).toBeUndefined()
})

test('a request that gets lost is sent again', async () => {
  const { port, requests, answerWith } = await peer(0)
  const asked = ask(port)
  await expect.poll(() => requests.length).toBe(1)
  answerWith(200)
  expect(await asked).toBe(200)
  expect(requests[1]).toBe(requests[0])
})

test('whoever stops waiting gets no status', async () => {
  const { port, requests } = await peer(0)
  const stop = new AbortController()
  const asked = ask(port, stop.signal)
  await expect.poll(() => requests.length).toBe(1)
  stop.abort()
  expect(await asked).toBeUndefined()
  expect(requests).toHaveLength(1)
})
