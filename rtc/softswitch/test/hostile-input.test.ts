import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Ari, connectAri } from './ari/ari-client.ts'
import { offer, openRawPeer, type RawPeer } from './sip/raw-peer.ts'
import { startTestSwitch } from './start-test-switch.ts'

// A running switch gets what nobody should send; it must go on, and find no fault of its own.
let server: Awaited<ReturnType<typeof startTestSwitch>>
let ari: Ari
let raw: RawPeer

beforeAll(async () => {
  server = await startTestSwitch({ sipT1Ms: 20 })
  ari = await connectAri(server.access)
  raw = await openRawPeer(server.sipPort)
})
afterAll(async () => {
  raw.close()
  await ari.close()
  await server.close()
})

const faults = () => server.logged.filter((message) => message === 'a request failed')

test('damaged SIP messages in and out of calls leave it working', async () => {
  const folder = join(import.meta.dirname, 'sip/torture')
  const audio = offer('m=audio 40000 RTP/AVP 0')
  const call = (method: string, extra: string) =>
    `${method} sip:+1@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:${raw.port};branch=z9hG4bK${method}\r\nFrom: <sip:x@carrier.example>;tag=f\r\nTo: <sip:+1@127.0.0.1>\r\nCall-ID: fuzz\r\nCSeq: 1 ${method}\r\nContact: <sip:x@127.0.0.1:${raw.port}>\r\n${extra}`
  const seeds = [
    ...readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.sip'))
      .map((name) => readFileSync(join(folder, name))),
    ...['INVITE', 'BYE', 'CANCEL', 'ACK', 'REGISTER', 'INFO', 'UPDATE'].map((method) =>
      Buffer.from(call(method, `Content-Type: application/sdp\r\nContent-Length: ${audio.length}\r\n\r\n${audio}`)),
    ),
  ]
  const edits = fc.array(
    fc.record({
      at: fc.nat(1500),
      remove: fc.nat(4),
      insert: fc.constantFrom('', '\r\n', '"', '<', '>', ';', ',', '@', ':', '%', 'a', '\u0000', '9'.repeat(12)),
    }),
    { maxLength: 4 },
  )
  const packets = fc.sample(fc.tuple(fc.constantFrom(...seeds), edits), 3000)
  for (const [index, [seed, changes]] of packets.entries()) {
    let bytes = seed
    for (const { at, remove, insert } of changes) {
      const where = at % bytes.length
      bytes = Buffer.concat([bytes.subarray(0, where), Buffer.from(insert), bytes.subarray(where + remove)])
      if (bytes.length === 0) break
    }
    raw.sendText(bytes)
    if (index % 100 === 0) await new Promise((resolve) => setTimeout(resolve, 5))
  }
  expect((await raw.ask('OPTIONS', { callId: 'alive' })).status).toBe(200)
  const metrics = await server.metrics()
  expect(metrics.sip_packets_malformed).toBeGreaterThan(100)
  expect(faults()).toEqual([])
})

test('whatever JSON an application sends, the answer is no fault of the switch', async () => {
  for (const { id } of (await ari.get('channels')).body) await ari.delete(`channels/${id}`)
  raw.send('INVITE', {
    from: 'sip:+44@carrier.example',
    uri: `sip:+1@127.0.0.1:${server.sipPort}`,
    callId: 'live',
    body: offer('m=audio 40000 RTP/AVP 0'),
  })
  const { channel } = await ari.next('StasisStart', { channel: { protocol_id: 'live' } })
  await ari.post('bridges', { body: { bridgeId: 'room' } })
  const paths = [
    'channels',
    'channels/create',
    ...['play', 'record', 'snoop', 'dtmf', 'mute', 'variable', 'moh', 'silence', 'dial'].map(
      (name) => `channels/${channel.id}/${name}`,
    ),
    'bridges',
    ...['addChannel', 'removeChannel', 'play', 'record'].map((name) => `bridges/room/${name}`),
    'asterisk/variable',
    'applications/sidetone/subscription',
  ]
  const value = fc.oneof(
    fc.jsonValue({ maxDepth: 2 }),
    fc.constantFrom(
      channel.id,
      'sidetone',
      'wav',
      'sound:beep',
      ['tone:440'],
      'PJSIP/call-out/sip:x@127.0.0.1:9',
      'in',
      'x',
      '1',
      -1,
      'constructor',
      '__proto__',
    ),
  )
  const names = [
    'media',
    'name',
    'format',
    'endpoint',
    'app',
    'appArgs',
    'channel',
    'channelId',
    'variables',
    'variable',
    'value',
    'spy',
    'direction',
    'dtmf',
    'timeout',
    'eventSource',
    'playbackId',
    'bridgeId',
    'callerId',
    '__proto__',
  ]
  const bodies = fc.tuple(fc.constantFrom(...paths), fc.dictionary(fc.constantFrom(...names), value, { maxKeys: 6 }))
  for (const [path, body] of fc.sample(bodies, 600)) {
    const reply = await ari.post(path, { body })
    expect(reply.body?.message, `${path} ${JSON.stringify(body)}`).not.toBe('Internal Server Error')
  }
  expect(faults()).toEqual([])
  expect((await ari.get('asterisk/ping')).status).toBe(200)
})
