import { afterEach, expect, test } from 'vitest'
import { createLocator } from '../src/index.ts'
import { type Records, startDnsServer } from './dns-server.ts'

const closing: (() => unknown)[] = []
afterEach(() => {
  for (const close of closing.splice(0)) close()
})

async function knowing(records: Records, random?: () => number) {
  const dns = await startDnsServer(records)
  closing.push(dns.close)
  const locate = createLocator({ family: 4, servers: [dns.server], ...(random && { random }) })
  const places = async (...args: Parameters<typeof locate>) =>
    (await locate(...args)).map(({ protocol, address, port }) => `${protocol} ${address}:${port}`)
  return { places, asked: dns.asked }
}
const carrier: Records = {
  'carrier.test': {
    NAPTR: [
      [20, 10, 's', 'SIP+D2U', '_sip._udp.carrier.test'],
      [10, 10, 's', 'SIPS+D2T', '_sips._tcp.carrier.test'],
      [10, 20, 's', 'SIP+D2T', '_sip._tcp.carrier.test'],
      [1, 1, 'u', 'E2U+sip', ''],
    ],
  },
  '_sip._udp.carrier.test': { SRV: [[1, 1, 5070, 'localhost']] },
  '_sip._tcp.carrier.test': { SRV: [[1, 1, 5080, 'localhost']] },
  '_sips._tcp.carrier.test': { SRV: [[1, 1, 5090, 'localhost']] },
}

test('an address, or a port, leaves nothing to ask for', async () => {
  const { places, asked } = await knowing(carrier)
  expect(await places({ host: '192.0.2.1' })).toEqual(['UDP 192.0.2.1:5060'])
  expect(await places({ host: '192.0.2.1', secure: true })).toEqual(['TLS 192.0.2.1:5061'])
  expect(await places({ host: '2001:db8::1', protocol: 'TCP' })).toEqual(['TCP 2001:db8::1:5060'])
  expect(await places({ host: 'localhost', port: 7 })).toEqual(['UDP 127.0.0.1:7'])
  expect(asked).toEqual([])
})

test('NAPTR says by what and in which order', async () => {
  const { places } = await knowing(carrier)
  expect(await places({ host: 'carrier.test' })).toEqual([
    'TLS 127.0.0.1:5090',
    'TCP 127.0.0.1:5080',
    'UDP 127.0.0.1:5070',
  ])
})

test('what the URI asks for is all that is looked for', async () => {
  const { places } = await knowing(carrier)
  expect(await places({ host: 'carrier.test', protocol: 'TCP' })).toEqual(['TCP 127.0.0.1:5080'])
  expect(await places({ host: 'carrier.test', secure: true })).toEqual(['TLS 127.0.0.1:5090'])
})

test('without NAPTR the SRV records of each protocol count, UDP first', async () => {
  const { 'carrier.test': _, ...srvAlone } = carrier
  const { places } = await knowing(srvAlone)
  expect(await places({ host: 'carrier.test' })).toEqual([
    'UDP 127.0.0.1:5070',
    'TCP 127.0.0.1:5080',
    'TLS 127.0.0.1:5090',
  ])
})

test('without any record the addresses of the host are meant; a host without one has no place', async () => {
  const { places } = await knowing({})
  expect(await places({ host: 'localhost' })).toEqual(['UDP 127.0.0.1:5060'])
  expect(await places({ host: 'nowhere.invalid' })).toEqual([])
})

test('a service that is expressly not there is none', async () => {
  const { places } = await knowing({ '_sip._udp.gone.invalid': { SRV: [[0, 0, 5060, '.']] } })
  expect(await places({ host: 'gone.invalid' })).toEqual([])
})

test('the smaller priority is tried first, and the heavier weight more often', async () => {
  const { places } = await knowing({
    '_sip._udp.carrier.test': {
      SRV: [
        [20, 1, 3, 'localhost'],
        [10, 90, 1, 'localhost'],
        [10, 10, 2, 'localhost'],
      ],
    },
  })
  const orders = await Promise.all(Array.from({ length: 400 }, () => places({ host: 'carrier.test' })))
  expect(orders.every((order) => order.length === 3 && order[2] === 'UDP 127.0.0.1:3')).toBe(true)
  const heavyFirst = orders.filter(([first]) => first === 'UDP 127.0.0.1:1').length
  expect(heavyFirst).toBeGreaterThan(320)
  expect(heavyFirst).toBeLessThan(400)
})

test('a name server is not asked again for what it has just said', async () => {
  const { places, asked } = await knowing(carrier)
  await places({ host: 'carrier.test' })
  const once = asked.length
  await places({ host: 'carrier.test' })
  expect(asked).toHaveLength(once)
})
