import { createLocator } from '@sidetone/sip-locate'
import { startDnsServer } from '@sidetone/sip-locate/testing'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { isCarrierHost } from '../src/carrier-hosts.ts'

let dns: Awaited<ReturnType<typeof startDnsServer>>
beforeAll(async () => {
  dns = await startDnsServer({ '_sip._udp.carrier.example': { SRV: [[1, 1, 5060, '203.0.113.99']] } })
})
afterAll(() => dns.close())

test.each([
  ['its name, however it is written', 'SIP.Carrier.example.', true],
  ['its address', '203.0.113.7', true],
  ['its address as IPv6', '::ffff:203.0.113.7', true],
  ['its address in hexadecimal', '0xcb007107', true],
  ['its other address', '2001:db8::7', true],
  ['an address of a server that SRV names', '203.0.113.99', true],
  ['another address', '203.0.113.8', false],
  ['a name below its own', 'phones.sip.carrier.example', false],
  ['this machine, where it is another program', '127.0.0.1', false],
])('%s', async (_, host, is_carrier) => {
  const carriers = ['sip.carrier.example', '203.0.113.7:5070', '[2001:db8::7]:5060', '127.0.0.1:5999']
  const locate = createLocator({ family: 0, servers: [dns.server] })
  expect(await isCarrierHost(host, [...carriers, 'carrier.example'], locate)).toBe(is_carrier)
})
