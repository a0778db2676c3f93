import { once } from 'node:events'
import { connect as tcpConnect } from 'node:net'
import { createPhone } from '@sidetone/e2e'
import fc from 'fast-check'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { type ClientOptions, WebSocket } from 'ws'
import { header, headerList, type SipRequest } from '../src/sip/message.ts'
import { MAX_BODY_BYTES, MAX_HEADER_BYTES } from '../src/sip/parse-message.ts'
import { type Ari, connectAri } from './ari/ari-client.ts'
import { offer, openWebSocketPeer, type WebSocketPeer } from './sip/raw-peer.ts'
import { CUSTOMER, startTestSwitch } from './start-test-switch.ts'

let server: Awaited<ReturnType<typeof startTestSwitch>>
let ari: Ari
const peers: WebSocketPeer[] = []

beforeAll(async () => {
  server = await startTestSwitch({ sipWsPort: 0, wsOrigins: ['https://app.example.com'] })
  ari = await connectAri(server.access)
})
afterAll(async () => {
  await ari.close()
  await server.close()
})
afterEach(() => {
  for (const peer of peers.splice(0)) peer.close()
})

const peer = async () => {
  const made = await openWebSocketPeer(server.sipWsPort!)
  peers.push(made)
  return made
}
const register = (raw: WebSocketPeer, user: string) =>
  raw.askAs(user, `pass${user}`, 'REGISTER', {
    uri: 'sip:127.0.0.1',
    to: `<sip:${user}@127.0.0.1>`,
    from: `sip:${user}@127.0.0.1`,
  })
const audio = offer('m=audio 40000 RTP/AVP 0')
const endpoint = (user: string) => `endpoints/PJSIP/${user}@${CUSTOMER}`

describe('SIP over WebSocket', () => {
  test('a contact without an address is called over its connection, and gone with it', async () => {
    const raw = await peer()
    const response = await register(raw, '1000')
    expect(response.status).toBe(200)
    expect(headerList(response, 'contact')[0]).toContain(raw.contact)
    expect(response.via.params.get('received')).toBe('127.0.0.1')

    await ari.post('channels', {
      query: {
        endpoint: `PJSIP/call-out/sip:1000@${CUSTOMER}.registrar.sidetone.test`,
        app: 'sidetone',
        channelId: 'to-ws',
      },
    })
    const invite = (await raw.next((message) => message.kind === 'request')) as SipRequest
    expect(invite.via).toMatchObject({ transport: 'WS', host: '127.0.0.1', port: server.sipWsPort })
    expect(header(invite, 'contact')).toBe(`<sip:127.0.0.1:${server.sipWsPort};transport=ws>`)

    raw.close()
    await ari.next('ChannelDestroyed', { channel: { id: 'to-ws' } })
    await expect.poll(async () => (await ari.get(endpoint('1000'))).status).toBe(404)
    expect(server.registrations.at(-1)).toMatchObject({ expires: 0, source: expect.stringMatching(/^ws:127/) })
  })

  test('who calls by WebSocket has to log in, even from a trusted address', async () => {
    const raw = await peer()
    const call = { uri: 'sip:+15550100001@127.0.0.1', from: 'sip:+49@carrier.example', body: audio }
    expect((await raw.ask('INVITE', call)).status).toBe(407)
    const phone = await createPhone({ server: { host: '127.0.0.1', port: server.sipPort } })
    const plain = await phone.call('sip:+15550100001@127.0.0.1')
    const { channel } = await ari.next('StasisStart', { channel: { protocol_id: plain.callId } })
    await ari.delete(`channels/${channel.id}`)
    await plain.ended
    await phone.close()
  })

  test('a call ends with a BYE over the connection that it came by', async () => {
    const raw = await peer()
    const call = { uri: 'sip:+1@127.0.0.1', from: 'sip:1001@127.0.0.1', body: audio, callId: 'ws-call' }
    const asking = raw.askAs('1001', 'pass1001', 'INVITE', call)
    const { channel } = await ari.next('StasisStart', { channel: { protocol_id: 'ws-call' } })
    await ari.post(`channels/${channel.id}/answer`)
    const answer = await asking
    expect(answer.status).toBe(200)
    raw.send('ACK', { ...call, cseq: 2, to: header(answer, 'to')!, body: '' })
    await ari.delete(`channels/${channel.id}`)
    const bye = (await raw.next((message) => message.kind === 'request')) as SipRequest
    expect([bye.method, bye.via.transport]).toEqual(['BYE', 'WS'])
  })

  test('pings are answered, those of WebSocket and those of SIP', async () => {
    const socket = new WebSocket(`ws://127.0.0.1:${server.sipWsPort}`, 'sip')
    await once(socket, 'open')
    socket.ping('here')
    expect(String((await once(socket, 'pong'))[0])).toBe('here')
    socket.send('\r\n\r\n')
    expect(String((await once(socket, 'message'))[0])).toBe('\r\n')
    socket.close()
  })
})

describe('what is no SIP client is refused', () => {
  /** The status with which the upgrade is refused, or `open`. */
  async function connect(protocol: string | undefined, options: ClientOptions = {}) {
    const socket = new WebSocket(`ws://127.0.0.1:${server.sipWsPort}`, protocol ? [protocol] : [], options)
    const { promise, resolve } = Promise.withResolvers<number | string>()
    socket.on('unexpected-response', (_, { statusCode }) => resolve(statusCode ?? 0))
    socket.on('open', () => resolve('open'))
    socket.on('error', () => {})
    const result = await promise
    socket.terminate()
    return result
  }
  const refused = async () => (await server.metrics()).sip_connections_refused ?? 0

  test.each([
    ['another subprotocol', 'mqtt', {}, 400],
    ['no subprotocol', undefined, {}, 400],
    ['a page of another web site', 'sip', { origin: 'https://evil.example.com' }, 403],
    ['a page of the web site that is allowed', 'sip', { origin: 'https://app.example.com' }, 'open'],
    ['a program, which has no origin', 'sip', {}, 'open'],
  ])('%s', async (_, protocol, options, expected) => {
    const before = await refused()
    expect(await connect(protocol, options)).toBe(expected)
    expect((await refused()) - before).toBe(expected === 'open' ? 0 : 1)
  })

  test('its connection does not stay, even when it does not hang up', async () => {
    const socket = tcpConnect({ port: server.sipWsPort!, host: '127.0.0.1', allowHalfOpen: true })
    socket.on('error', () => {})
    const upgrade = [
      'GET / HTTP/1.1',
      'Host: a',
      'Connection: Upgrade',
      'Upgrade: websocket',
      'Sec-WebSocket-Version: 13',
    ]
    socket.write([...upgrade, 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==', '', ''].join('\r\n'))
    socket.resume()
    await once(socket, 'end')
    await expect
      .poll(() => {
        socket.write('x')
        return socket.closed
      })
      .toBe(true)
  })

  test('plain HTTP is told to upgrade', async () => {
    expect((await fetch(`http://127.0.0.1:${server.sipWsPort}/`)).status).toBe(426)
  })

  test('a message that is too large closes the connection', async () => {
    const raw = await peer()
    raw.sendText('x'.repeat(MAX_HEADER_BYTES + MAX_BODY_BYTES + 1))
    expect((await once(raw.socket, 'close'))[0]).toBe(1009)
  })

  test('nonsense in frames is counted and hurts nobody', async () => {
    const raw = await peer()
    const before = (await server.metrics()).sip_packets_malformed ?? 0
    const request = `OPTIONS sip:127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/WS x.invalid;branch=z9hG4bKfuzz\r\nFrom: <sip:a@x.invalid>;tag=a\r\nTo: <sip:b@127.0.0.1>\r\nCall-ID: f\r\nCSeq: 1 OPTIONS\r\n\r\n`
    const frames = fc.oneof(
      fc.string(),
      fc.uint8Array().map((bytes) => Buffer.from(bytes)),
      fc.tuple(fc.nat(request.length), fc.string()).map(([at, text]) => request.slice(0, at) + text),
      fc.constant(request + request),
    )
    for (const frame of fc.sample(frames, 500)) raw.sendText(frame)
    expect((await register(raw, '1002')).status).toBe(200)
    expect((await server.metrics()).sip_packets_malformed).toBeGreaterThan(before + 100)
    expect(server.logged.filter((message) => message === 'a request failed')).toEqual([])
  })
})
