import { connect } from 'node:net'
import { describe, expect, test } from 'vitest'
import { header } from '../src/sip/message.ts'
import { argsOf } from './ari/lab.ts'
import { offer } from './sip/raw-peer.ts'
import { CUSTOMER } from './start-test-switch.ts'
import { openSwitchLab } from './switch-lab.ts'

const lab = openSwitchLab({
  trustedCidrs: ['127.0.0.1/32', '127.0.0.21/32'],
  sipT1Ms: 50,
})
const { closing, peer, phone } = lab
const audio = offer('m=audio 40000 RTP/AVP 0 101', 'a=rtpmap:101 telephone-event/8000')
const number = () => `sip:+15550100000@127.0.0.1:${lab.server.sipPort}`

describe('who may call', () => {
  test('a carrier at a trusted address calls without credentials', async () => {
    const carrier = await peer('127.0.0.21')
    carrier.send('INVITE', { from: 'sip:+441234@carrier.example', uri: number(), body: audio })
    const start = await lab.ari.next('StasisStart')
    expect(argsOf(start)).toMatchObject({ source: '127.0.0.21', username: '', customer_id: '' })
    expect(start.channel).toMatchObject({ caller: { number: '+441234' }, dialplan: { exten: '+15550100000' } })
  })

  test('its P-Asserted-Identity is believed, that of an extension elsewhere is not', async () => {
    const carrier = await peer('127.0.0.21')
    carrier.send('INVITE', {
      from: 'sip:anonymous@anonymous.invalid',
      uri: number(),
      body: audio,
      headers: ['P-Asserted-Identity: "Ann" <sip:+4499@carrier.example>'],
    })
    expect((await lab.ari.next('StasisStart')).channel.caller).toEqual({ name: 'Ann', number: '+4499' })
    lab.ari.events.length = 0
    const elsewhere = await peer('127.0.0.31')
    const pai = ['P-Asserted-Identity: <sip:+4499@carrier.example>']
    void elsewhere
      .askAs('1000', 'pass1000', 'INVITE', { from: 'sip:1000@127.0.0.1', uri: number(), body: audio, headers: pai })
      .catch(() => {})
    expect((await lab.ari.next('StasisStart')).channel.caller.number).toBe('1000')
  })

  test('who names one of our extensions has to prove it, at a trusted address too', async () => {
    const raw = await peer()
    expect((await raw.ask('INVITE', { from: 'sip:1000@127.0.0.1', uri: number(), body: audio })).status).toBe(407)
    const one = await phone({ username: '1000', password: 'pass1000' })
    const call = await one.call(number())
    const start = await lab.ari.next('StasisStart', { channel: { protocol_id: call.callId } })
    expect(argsOf(start)).toMatchObject({ username: '1000', customer_id: CUSTOMER })
  })

  test('elsewhere everyone is asked, whether the user exists or not, and guessing is stopped', async () => {
    const raw = await peer('127.0.0.32')
    for (const from of ['sip:1000@127.0.0.1', 'sip:4711@127.0.0.1', 'sip:+44@carrier.example']) {
      expect((await raw.ask('INVITE', { from, uri: number(), body: audio })).status).toBe(407)
    }
    const wrong = () => raw.askAs('1000', 'wrong', 'INVITE', { from: 'sip:1000@127.0.0.1', uri: number(), body: audio })
    for (let i = 0; i < 5; i++) expect((await wrong()).status).toBe(407)
    const right = await raw.askAs('1000', 'pass1000', 'INVITE', {
      from: 'sip:1000@127.0.0.1',
      uri: number(),
      body: audio,
    })
    expect(right.status).toBe(403)
    expect(Number(header(right, 'retry-after'))).toBeGreaterThan(0)
  })

  test('a stranger may call a direct hash, but not as one of our extensions', async () => {
    const raw = await peer('127.0.0.35')
    const uri = `sip:direct.0123@127.0.0.1:${lab.server.sipPort}`
    raw.send('INVITE', { from: 'sip:bob@elsewhere.example', uri, body: audio })
    const start = await lab.ari.next('StasisStart')
    expect(argsOf(start)).toMatchObject({ source: '127.0.0.35', username: '', customer_id: '' })
    expect((await raw.ask('INVITE', { from: 'sip:1000@127.0.0.1', uri, body: audio })).status).toBe(407)
    const pai = ['P-Asserted-Identity: <sip:+4499@carrier.example>']
    raw.send('INVITE', { from: 'sip:eve@elsewhere.example', uri, body: audio, headers: pai })
    const lied = await lab.ari.next('StasisStart', { channel: { caller: { number: 'eve' } } })
    expect(lied.channel.dialplan.exten).toBe('direct.0123')
  })

  test('a source that floods is not listened to', async () => {
    const flood = await peer('127.0.0.33')
    for (let i = 0; i < 1500; i++) flood.sendText('x'.repeat(20))
    await expect.poll(async () => (await lab.server.metrics()).sip_packets_limited ?? 0).toBeGreaterThan(500)
    const calm = await peer('127.0.0.34')
    expect((await calm.ask('OPTIONS')).status).toBe(200)
  })
})

describe('what is refused', () => {
  test.each([
    ['no codec we speak', { body: offer('m=audio 40000 RTP/AVP 18') }, 488],
    ['no SDP', { body: 'hello' }, 400],
    ['another body', { body: '<x/>', headers: ['Content-Type: text/xml'] }, 415],
    ['an extension we lack', { body: audio, headers: ['Require: precondition'] }, 420],
    ['TLS', { body: audio, uri: 'sips:x@127.0.0.1' }, 416],
    ['nobody called', { body: audio, uri: 'sip:127.0.0.1' }, 484],
  ])('an INVITE with %s', async (_, options, status) => {
    const raw = await peer()
    expect((await raw.ask('INVITE', { from: 'sip:+44@carrier.example', uri: number(), ...options })).status).toBe(
      status,
    )
    expect((await lab.ari.get('channels')).body).toEqual([])
  })

  test('requests for a dialog that is not there, and methods we do not know', async () => {
    const raw = await peer()
    expect((await raw.ask('BYE', { to: '<sip:x@127.0.0.1>;tag=gone' })).status).toBe(481)
    expect((await raw.ask('INVITE', { to: '<sip:x@127.0.0.1>;tag=gone', body: audio })).status).toBe(481)
    const unknown = await raw.ask('SUBSCRIBE')
    expect(unknown.status).toBe(405)
    expect(header(unknown, 'allow')).toContain('INVITE')
  })

  test('a malformed packet is counted and dropped', async () => {
    const raw = await peer()
    const before = (await lab.server.metrics()).sip_packets_malformed ?? 0
    raw.sendText('INVITE sip:x@127.0.0.1 SIP/2.0\r\n\r\n')
    raw.sendText(Buffer.from([0, 1, 2, 3, 255, 254, 10, 13, 0]))
    await expect.poll(async () => (await lab.server.metrics()).sip_packets_malformed).toBe(before + 2)
    expect(raw.received).toEqual([])
  })
})

test('connections beyond what one address may hold are closed', async () => {
  const sockets = Array.from({ length: 230 }, () => connect(lab.server.sipPort, '127.0.0.1'))
  closing.push(() => {
    for (const socket of sockets) socket.destroy()
  })
  const closed = () => sockets.filter((socket) => socket.closed).length
  await expect.poll(closed, { timeout: 5000 }).toBeGreaterThanOrEqual(30)
  expect(closed()).toBeLessThan(40)
})
