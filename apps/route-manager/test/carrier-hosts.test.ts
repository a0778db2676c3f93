import { expect, test } from 'vitest'
import { isCarrierHost } from '../src/carrier-hosts.ts'

test.each([
  ['its name, however it is written', 'SIP.Carrier.example.', true],
  ['its address', '203.0.113.7', true],
  ['its address as IPv6', '::ffff:203.0.113.7', true],
  ['its address in hexadecimal', '0xcb007107', true],
  ['its other address', '2001:db8::7', true],
  ['another address', '203.0.113.8', false],
  ['a name below its own', 'phones.sip.carrier.example', false],
  ['this machine, where it is another program', '127.0.0.1', false],
])('%s', async (_, host, is_carrier) => {
  const carriers = ['sip.carrier.example', '203.0.113.7:5070', '[2001:db8::7]:5060', '127.0.0.1:5999']
  expect(await isCarrierHost(host, carriers)).toBe(is_carrier)
})
