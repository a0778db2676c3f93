import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
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
  askOptions({ hostname: 'carrier.example', protocol: 'UDP', address: '127.0.0.1', port }, stop)

async function peer(status?: number) {
  const started = await startSipPeer(status)
  closing.push(started.close)
  return started
}

test.each([
  ['sip.example.com', { host: 'sip.example.com' }],
  ['sip.example.com:5080', { host: 'sip.example.com', port: 5080 }],
  ['[2001:db8::1]', { host: '2001:db8::1' }],
  ['[2001:db8::1]:5080', { host: '2001:db8::1', port: 5080 }],
  ['sip.example.com;transport=tls', { host: 'sip.example.com', protocol: 'TLS' }],
  ['sip.example.com:5080;transport=tcp', { host: 'sip.example.com', port: 5080, protocol: 'TCP' }],
])('%s is read', (hostname, place) => {
  expect(placeOf(hostname)).toEqual(place)
})

test('the softswitch answers it', async () => {
  const options = { sipPort: 0, bindAddress: '127.0.0.1', rtpPortMin: 0, rtpPortMax: 0, lookup: async () => null }
  const softswitch = await startSoftswitch(options)
  closing.push(softswitch.close)
  expect(await ask(softswitch.sipPort)).toBe(200)
})

test('a carrier that is there by TCP alone is asked by TCP', async () => {
  const carrier = createServer((socket) =>
    socket.on('data', (data) => {
      const [, ...lines] = data.toString().split('\r\n')
      for (const status of ['100 Trying', '200 OK']) socket.write([`SIP/2.0 ${status}`, ...lines].join('\r\n'))
    }),
  )
  carrier.listen(0, '127.0.0.1')
  await once(carrier, 'listening')
  const { port } = carrier.address() as AddressInfo
  const place = { hostname: 'carrier.example', protocol: 'TCP', address: '127.0.0.1', port } as const
  expect(await askOptions(place, never)).toBe(200)
  await new Promise((resolve) => carrier.close(resolve))
  expect(await askOptions(place, never)).toBeUndefined()
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
