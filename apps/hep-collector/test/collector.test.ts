import { createSocket } from 'node:dgram'
import { hepPacket } from '@sidetone/hep'
import type { CapturedSipMessage } from '@sidetone/proto-schemas/sip-message'
import { timelineContract } from '@sidetone/proto-schemas/timeline'
import { scripted, startTestPlatform, type TestPlatform } from '@sidetone/testing'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type HepCollector, startHepCollector } from '../src/collector.ts'

let kept: CapturedSipMessage[]
let app: TestPlatform
let collector: HepCollector
const sender = createSocket('udp4')

beforeEach(async () => {
  kept = []
  const timeline = scripted(timelineContract, {
    sip_message: {
      async append({ messages }) {
        kept.push(...messages)
        return {}
      },
    },
  })
  app = await startTestPlatform({ managers: [timeline] })
  const { transport, log } = app.platform
  collector = await startHepCollector({ host: '127.0.0.1', port: 0, transport, log })
})
afterEach(async () => {
  await collector.close()
  await app.close()
})

const sip = (method: string, ...lines: string[]) =>
  [
    method.startsWith('SIP/2.0') ? method : `${method} sip:bob@example.com SIP/2.0`,
    'Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1',
    'Call-ID: abc@192.0.2.1',
    ...lines,
  ].join('\r\n')
const request = (method: string, ...lines: string[]) => sip(method, `CSeq: 1 ${method}`, ...lines, '', '')

const send = (text: string | Buffer, timeUs = 1_763_710_000_123_456, key?: string) =>
  new Promise((resolve) => {
    const addresses = { srcAddress: '192.0.2.1', srcPort: 5060, dstAddress: '198.51.100.2', dstPort: 5062 }
    const packet = hepPacket({ protocol: 'UDP', ...addresses, timeUs, payload: Buffer.from(text), key }, 1)
    sender.send(packet, collector.port, '127.0.0.1', resolve)
  })

/** What is kept of one message; it is followed by one that is known to be kept. */
async function keptOf(text: string): Promise<string | undefined> {
  await send(text)
  await send(request('BYE'))
  await expect.poll(() => kept.at(-1)?.method).toBe('BYE')
  const [first] = kept.splice(0)
  return first!.raw === request('BYE') ? undefined : first!.raw
}

test('a message is kept with its time to the microsecond, its addresses and its Call-ID', async () => {
  await send(request('INVITE'))
  await expect
    .poll(() => kept)
    .toEqual([
      {
        id: expect.stringMatching(/^[0-9a-f-]{36}$/),
        sip_call_id: 'abc@192.0.2.1',
        timestamp: '2025-11-21T07:26:40.123456Z',
        method: 'INVITE',
        ...{ src_ip: '192.0.2.1', src_port: 5060, dst_ip: '198.51.100.2', dst_port: 5062 },
        raw: request('INVITE'),
      },
    ])
})

test('a response goes by its status, and short names of headers are known', async () => {
  await send('SIP/2.0 486 Busy Here\r\ni: short\r\nCSeq: 2 invite\r\n\r\n')
  await expect.poll(() => kept.map(({ method, sip_call_id }) => [method, sip_call_id])).toEqual([['486', 'short']])
})

test.each(['REGISTER', 'OPTIONS', 'SUBSCRIBE', 'PUBLISH', 'MESSAGE'])('%s belongs to no call', async (method) => {
  expect(await keptOf(request(method))).toBeUndefined()
  expect(await keptOf(sip('SIP/2.0 200 OK', `CSeq: 7 ${method}`, '', ''))).toBeUndefined()
})

test.each(['', '\0\0\0\0', 'GET / HTTP/1.1\r\nCall-ID: a\r\nCSeq: 1 INVITE\r\n\r\n', 'INVITE sip:a SIP/2.0\r\n\r\n'])(
  'what is no SIP is not kept: %j',
  async (text) => {
    expect(await keptOf(text)).toBeUndefined()
  },
)

test('no credential, media key or pressed key is kept', async () => {
  const raw = await keptOf(
    request(
      'INVITE',
      'Authorization: Digest username="1000", realm="r",',
      '  response="SECRET", nonce="SECRET"',
      'proxy-authorization : Basic SECRET',
      'X-After: stays',
      '',
      'v=0',
      'a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:SECRET',
      'Signal=SECRET',
    ),
  )
  expect(raw).not.toContain('SECRET')
  expect(raw).not.toContain('1000')
  expect(raw).toContain(
    '\r\nAuthorization: Digest [masked]\r\nproxy-authorization: Basic [masked]\r\nX-After: stays\r\n',
  )
  expect(raw).toContain('\r\na=crypto:[masked]\r\nSignal=[masked]\r\n')
  const digit = await keptOf(sip('INFO', 'CSeq: 3 INFO', 'Content-Type: application/dtmf', '', '7'))
  expect(digit).toMatch(/\r\n\r\n\[masked\]$/)
})

test('where a key is agreed upon, packets without it are not taken', async () => {
  await collector.close()
  const { transport, log } = app.platform
  collector = await startHepCollector({ host: '127.0.0.1', port: 0, key: 'agreed', transport, log })
  for (const key of [undefined, '', 'wrong', 'agreed']) await send(request('INVITE', `X-Key: ${key}`), 1, key)
  await expect.poll(() => kept.map(({ raw }) => /X-Key: (.*)\r/.exec(raw)?.[1])).toEqual(['agreed'])
})

test('what was taken before the end is kept', async () => {
  for (let n = 0; n < 120; n++) await send(request('INVITE'))
  await expect.poll(() => kept.length).toBeGreaterThan(0)
  await collector.close()
  expect(kept).toHaveLength(120)
  collector = { port: 0, close: async () => {} }
})
