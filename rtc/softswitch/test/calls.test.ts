import { connect } from 'node:net'
import { createPhone, type Phone, type PhoneOptions } from '@sidetone/e2e'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { header, type SipRequest, type SipResponse } from '../src/sip/message.ts'
import { parseMessage } from '../src/sip/parse-message.ts'
import { createStreamFramer } from '../src/sip/stream-framing.ts'
import { type Ari, connectAri } from './ari/ari-client.ts'
import { offer, openRawPeer, type RawPeer } from './sip/raw-peer.ts'
import { CUSTOMER, lookup, startTestSwitch } from './start-test-switch.ts'

let server: Awaited<ReturnType<typeof startTestSwitch>>
let ari: Ari
const closing: (() => unknown)[] = []

beforeAll(async () => {
  server = await startTestSwitch({ trustedCidrs: ['127.0.0.1/32', '127.0.0.21/32'], sipT1Ms: 50 })
  ari = await connectAri(server.access)
})
afterAll(async () => {
  await ari.close()
  await server.close()
})
afterEach(async () => {
  for (const close of closing.splice(0)) await close()
  for (const { id } of (await ari.get('bridges')).body) await ari.delete(`bridges/${id}`)
  for (const { id } of (await ari.get('channels')).body) await ari.delete(`channels/${id}`)
  await expect.poll(async () => (await ari.get('channels')).body, { timeout: 5000 }).toEqual([])
  ari.events.length = 0
})

const peer = async (host?: string): Promise<RawPeer> => {
  const made = await openRawPeer(server.sipPort, host)
  closing.push(made.close)
  return made
}
const phone = async (options: Partial<PhoneOptions> = {}): Promise<Phone> => {
  const made = await createPhone({ server: { host: '127.0.0.1', port: server.sipPort }, ...options })
  closing.push(made.close)
  return made
}
const extension = (user: string) => phone({ username: user, password: `pass${user}` })
const audio = offer('m=audio 40000 RTP/AVP 0 101', 'a=rtpmap:101 telephone-event/8000')
const number = () => `sip:+15550100000@127.0.0.1:${server.sipPort}`
const args = (start: { args: string[] }) => Object.fromEntries(start.args.map((arg) => arg.split('=')))
/** A phone in a call that the application has answered. */
async function answered(by?: Phone) {
  const from = by ?? (await phone())
  const call = await from.call(number())
  const start = await ari.next('StasisStart', { channel: { protocol_id: call.callId } })
  await ari.post(`channels/${start.channel.id}/answer`)
  await call.answered
  return { call, id: start.channel.id as string }
}

describe('who may call', () => {
  test('a carrier at a trusted address calls without credentials', async () => {
    const carrier = await peer('127.0.0.21')
    carrier.send('INVITE', { from: 'sip:+441234@carrier.example', uri: number(), body: audio })
    const start = await ari.next('StasisStart')
    expect(args(start as never)).toMatchObject({ source: '127.0.0.21', username: '', customer_id: '' })
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
    expect((await ari.next('StasisStart')).channel.caller).toEqual({ name: 'Ann', number: '+4499' })
    ari.events.length = 0
    const elsewhere = await peer('127.0.0.31')
    const pai = ['P-Asserted-Identity: <sip:+4499@carrier.example>']
    void elsewhere
      .askAs('1000', 'pass1000', 'INVITE', { from: 'sip:1000@127.0.0.1', uri: number(), body: audio, headers: pai })
      .catch(() => {})
    expect((await ari.next('StasisStart')).channel.caller.number).toBe('1000')
  })

  test('who names one of our extensions has to prove it, at a trusted address too', async () => {
    const raw = await peer()
    expect((await raw.ask('INVITE', { from: 'sip:1000@127.0.0.1', uri: number(), body: audio })).status).toBe(407)
    const one = await extension('1000')
    const call = await one.call(number())
    const start = await ari.next('StasisStart', { channel: { protocol_id: call.callId } })
    expect(args(start as never)).toMatchObject({ username: '1000', customer_id: CUSTOMER })
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
    const uri = `sip:direct.0123@127.0.0.1:${server.sipPort}`
    raw.send('INVITE', { from: 'sip:bob@elsewhere.example', uri, body: audio })
    const start = await ari.next('StasisStart')
    expect(args(start as never)).toMatchObject({ source: '127.0.0.35', username: '', customer_id: '' })
    expect((await raw.ask('INVITE', { from: 'sip:1000@127.0.0.1', uri, body: audio })).status).toBe(407)
    const pai = ['P-Asserted-Identity: <sip:+4499@carrier.example>']
    raw.send('INVITE', { from: 'sip:eve@elsewhere.example', uri, body: audio, headers: pai })
    const lied = await ari.next('StasisStart', { channel: { caller: { number: 'eve' } } })
    expect(lied.channel.dialplan.exten).toBe('direct.0123')
  })

  test('a source that floods is not listened to', async () => {
    const flood = await peer('127.0.0.33')
    for (let i = 0; i < 1500; i++) flood.sendText('x'.repeat(20))
    await expect.poll(async () => (await server.metrics()).sip_packets_limited ?? 0).toBeGreaterThan(500)
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
    expect((await ari.get('channels')).body).toEqual([])
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
    const before = (await server.metrics()).sip_packets_malformed ?? 0
    raw.sendText('INVITE sip:x@127.0.0.1 SIP/2.0\r\n\r\n')
    raw.sendText(Buffer.from([0, 1, 2, 3, 255, 254, 10, 13, 0]))
    await expect.poll(async () => (await server.metrics()).sip_packets_malformed).toBe(before + 2)
    expect(raw.received).toEqual([])
  })
})

describe('in a call', () => {
  test('a re-INVITE that fits nothing is refused, and the call goes on', async () => {
    const raw = await peer()
    const sent = raw.send('INVITE', { from: 'sip:+44@carrier.example', uri: number(), body: audio })
    const { channel } = await ari.next('StasisStart')
    await ari.post(`channels/${channel.id}/answer`)
    const ok = (await raw.next((message) => message.kind === 'response' && message.status === 200)) as SipResponse
    const inside = { ...sent, branch: undefined as never, to: header(ok, 'to')! }
    raw.send('ACK', { ...inside, branch: 'z9hG4bKack1' })
    const refused = await raw.ask('INVITE', {
      ...inside,
      branch: 'z9hG4bKre',
      cseq: 2,
      body: offer('m=audio 40000 RTP/AVP 18'),
    })
    expect(refused.status).toBe(488)
    expect((await raw.ask('OPTIONS', { ...inside, branch: 'z9hG4bKopt', cseq: 3 })).status).toBe(200)
    expect((await raw.ask('INFO', { ...inside, branch: 'z9hG4bKold', cseq: 1 })).status).toBe(500)
    const bye = await raw.ask('BYE', { ...inside, branch: 'z9hG4bKbye', cseq: 4 })
    expect(bye.status).toBe(200)
    await ari.next('ChannelDestroyed', { channel: { id: channel.id }, cause: 16 })
  })

  test('a 200 that is never acknowledged ends the call with a BYE', async () => {
    const raw = await peer()
    raw.send('INVITE', { from: 'sip:+44@carrier.example', uri: number(), body: audio })
    const { channel } = await ari.next('StasisStart')
    await ari.post(`channels/${channel.id}/answer`)
    const bye = await raw.next((message) => message.kind === 'request' && message.method === 'BYE', 6000)
    expect(header(bye, 'reason')).toBe('Q.850;cause=102')
    await ari.next('ChannelDestroyed', { channel: { id: channel.id }, cause: 102 })
  })

  test('requests go along the recorded route, to its first proxy', async () => {
    const raw = await peer()
    const proxy = await peer()
    const headers = [`Record-Route: <sip:127.0.0.1:${proxy.port};lr>`, 'Record-Route: <sip:192.0.2.7;lr>']
    const sent = raw.send('INVITE', { from: 'sip:+44@carrier.example', uri: number(), body: audio, headers })
    const { channel } = await ari.next('StasisStart')
    await ari.post(`channels/${channel.id}/answer`)
    const ok = (await raw.next((message) => message.kind === 'response' && message.status === 200)) as SipResponse
    raw.send('ACK', { ...sent, to: header(ok, 'to')! })
    await ari.delete(`channels/${channel.id}`)
    const bye = (await proxy.next((message) => message.kind === 'request')) as SipRequest
    expect(bye).toMatchObject({ method: 'BYE', uri: `sip:raw@127.0.0.1:${raw.port}` })
    expect(bye.headers.filter(([name]) => name === 'route').map(([, value]) => value)).toEqual([
      `<sip:127.0.0.1:${proxy.port};lr>`,
      '<sip:192.0.2.7;lr>',
    ])
  })

  test('a whole call over TCP', async () => {
    const socket = connect(server.sipPort, '127.0.0.1')
    closing.push(() => socket.destroy())
    const got: string[] = []
    const framer = createStreamFramer(() => {})
    const messages: SipResponse[] = []
    socket.on('data', (data) => {
      for (const bytes of framer.push(data) ?? []) {
        const result = parseMessage(bytes)
        if (!result.ok) continue
        got.push(result.message.kind === 'request' ? result.message.method : String(result.message.status))
        messages.push(result.message as SipResponse)
      }
    })
    const write = (method: string, to: string, body = '') =>
      socket.write(
        `${method} ${number()} SIP/2.0\r\nVia: SIP/2.0/TCP 127.0.0.1:9;branch=z9hG4bKtcp${method}\r\nFrom: <sip:+44@carrier.example>;tag=t\r\nTo: ${to}\r\nCall-ID: tcp-call\r\nCSeq: 1 ${method}\r\nContact: <sip:t@127.0.0.1:9;transport=tcp>\r\nContent-Type: application/sdp\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
      )
    write('INVITE', '<sip:x@127.0.0.1>', audio)
    const { channel, ...start } = await ari.next('StasisStart', { channel: { protocol_id: 'tcp-call' } })
    expect(args(start as never).transport).toBe('tcp')
    await ari.post(`channels/${channel.id}/answer`)
    await expect.poll(() => got).toContain('200')
    write('ACK', header(messages.at(-1)!, 'to')!)
    await ari.delete(`channels/${channel.id}`)
    // The Contact cannot be reached; the connection that the call came over can.
    await expect.poll(() => got).toContain('BYE')
  })
})

describe('bridges', () => {
  test('two phones hear each other, a third hears both', async () => {
    const [one, two, three] = [await answered(), await answered(), await answered()]
    await ari.post('bridges/room', { query: { type: 'mixing', name: 'room' } })
    await ari.post('bridges/room/addChannel', { query: { channel: [one.id, two.id].join(',') } })
    void one.call.play({ frequency: 440, durationMs: 5000 })
    void two.call.play({ frequency: 1000, durationMs: 5000 })
    await Promise.all([one.call.waitForTone(1000), two.call.waitForTone(440)])
    await ari.post('bridges/room/addChannel', { query: { channel: three.id } })
    await three.call.waitForTone(440)
    one.call.stopPlaying()
    await three.call.waitForTone(1000)
    await ari.post('bridges/room/removeChannel', { query: { channel: two.id } })
    await three.call.waitForSilence()
    await ari.delete('bridges/room')
    expect((await ari.get(`channels/${one.id}`)).status).toBe(200)
  })

  test('digits of one reach the other, unless they are absorbed', async () => {
    const [one, two] = [await answered(), await answered()]
    await ari.post('bridges/keys', { query: { type: 'mixing' } })
    await ari.post('bridges/keys/addChannel', { query: { channel: one.id } })
    await ari.post('bridges/keys/addChannel', { query: { channel: two.id, absorbDTMF: true } })
    await two.call.sendDtmf('7')
    await one.call.sendDtmf('5')
    await two.call.waitForDigits('5')
    expect(one.call.digits).toBe('')
  })

  test('the echo service gives back what it hears', async () => {
    const { call, id } = await answered()
    await ari.post('channels', {
      query: { endpoint: 'Local/echo@svc-echo', app: 'sidetone', channelId: 'echo', appArgs: 'x' },
    })
    await ari.next('StasisStart', { channel: { id: 'echo', state: 'Up' } })
    await ari.post('bridges/b', { query: { type: 'mixing' } })
    await ari.post('bridges/b/addChannel', { query: { channel: `${id},echo` } })
    void call.play({ frequency: 700, durationMs: 5000 })
    await call.waitForTone(700)
  })

  test('a snoop channel records what is heard, and ends with the call', async () => {
    const { call, id } = await answered()
    expect(
      (await ari.post(`channels/${id}/snoop`, { query: { spy: 'in', app: 'sidetone', snoopId: 'ear' } })).status,
    ).toBe(200)
    await ari.next('StasisStart', { channel: { id: 'ear' } })
    await ari.post('channels/ear/record', { query: { name: 'heard', format: 'wav' } })
    await ari.next('RecordingStarted')
    void call.play({ frequency: 440, durationMs: 5000 })
    await new Promise((resolve) => setTimeout(resolve, 400))
    await call.hangup()
    await ari.next('ChannelDestroyed', { channel: { id: 'ear' } })
    await ari.next('ChannelDestroyed', { channel: { id } })
    expect(ari.events.map(({ type }) => type).indexOf('RecordingFinished')).toBeLessThan(
      ari.events.findIndex((event) => event.type === 'ChannelDestroyed' && event.channel.id === 'ear'),
    )
    const file = (await ari.get('recordings/stored/heard/file')).body as Buffer
    expect(file.subarray(0, 4).toString()).toBe('RIFF')
    expect(
      Math.max(...new Int16Array(file.buffer.slice(file.byteOffset + 44, file.byteOffset + 44 + 4000))),
    ).toBeGreaterThan(1000)
  })
})

describe('calling a registered phone', () => {
  const customers = (user: string) => `PJSIP/call-out/sip:${user}@${CUSTOMER}.registrar.sidetone.test`

  test('by extension at the domain of its customer', async () => {
    const two = await extension('1002')
    await two.register()
    await ari.post('channels', { query: { endpoint: customers('1002'), app: 'sidetone', channelId: 'to-1002' } })
    const call = await two.nextCall()
    await call.answer()
    await ari.next('StasisStart', { channel: { id: 'to-1002', state: 'Up' } })
  })

  test('an address or a name of ours means no customer: no phone rings', async () => {
    const two = await extension('1002')
    await two.register()
    for (const host of [`127.0.0.1:${server.sipPort}`, `localhost:${server.sipPort}`]) {
      const query = { endpoint: `PJSIP/call-out/sip:1002@${host}`, app: 'sidetone', channelId: host }
      await ari.post('channels', { query })
      await ari.next('StasisStart', { channel: { dialplan: { exten: '1002' } } })
    }
    await expect(two.nextCall({ timeoutMs: 200 })).rejects.toThrow()
  })

  test('one that is not registered ends with cause 20', async () => {
    const query = { endpoint: customers('1003'), app: 'sidetone', channelId: 'absent' }
    expect((await ari.post('channels', { query })).status).toBe(200)
    await ari.next('ChannelDestroyed', { channel: { id: 'absent' }, cause: 20, cause_txt: 'Subscriber absent' })
    expect(ari.events.filter(({ type }) => type === 'Dial').map(({ dialstatus }) => dialstatus)).toEqual([
      '',
      'CHANUNAVAIL',
    ])
  })

  test('headers of the stack cannot be replaced', async () => {
    const two = await extension('1002')
    const variables = { 'PJSIP_HEADER(add,From)': '<sip:fake@x>', 'PJSIP_HEADER(add,X-Own)': 'a\r\nX-Evil: b' }
    await ari.post('channels', {
      query: { endpoint: `PJSIP/call-out/${two.uri}`, app: 'sidetone', channelId: 'h' },
      body: { variables },
    })
    const call = await two.nextCall()
    const names = call.invite.headers.map(([name]) => name.toLowerCase())
    expect(names.filter((name) => name === 'from')).toHaveLength(1)
    expect(names).toContain('x-own')
    expect(names).not.toContain('x-evil')
  })

  test('over TCP to a port where nobody listens fails at once', async () => {
    await ari.post('channels', {
      query: { endpoint: 'PJSIP/call-out/sip:x@127.0.0.1:1;transport=tcp', app: 'sidetone', channelId: 'refused' },
    })
    await ari.next('ChannelDestroyed', { channel: { id: 'refused' }, cause: 34 })
  })
})

test('connections beyond what one address may hold are closed', async () => {
  const sockets = Array.from({ length: 230 }, () => connect(server.sipPort, '127.0.0.1'))
  closing.push(() => {
    for (const socket of sockets) socket.destroy()
  })
  const closed = () => sockets.filter((socket) => socket.closed).length
  await expect.poll(closed, { timeout: 5000 }).toBeGreaterThanOrEqual(30)
  expect(closed()).toBeLessThan(40)
})

describe('the switch itself', () => {
  test('says 503 with Retry-After when no application is there, or it is full', async () => {
    const small = await startTestSwitch({ maxCalls: 1 })
    const raw = await openRawPeer(small.sipPort)
    closing.push(raw.close, small.close)
    const uri = `sip:1@127.0.0.1:${small.sipPort}`
    const busy = async () => {
      const response = await raw.ask('INVITE', { from: 'sip:+44@carrier.example', uri, body: audio })
      expect(Number(header(response, 'retry-after'))).toBeGreaterThan(0)
      return response.status
    }
    expect(await busy()).toBe(503)
    const app = await connectAri(small.access)
    raw.send('INVITE', { from: 'sip:+44@carrier.example', uri, body: audio })
    await app.next('StasisStart')
    expect(await busy()).toBe(503)
    await app.close()
  })

  test('ends its calls with BYE when it closes', async () => {
    const other = await startTestSwitch()
    const app = await connectAri(other.access)
    const caller = await createPhone({ server: { host: '127.0.0.1', port: other.sipPort } })
    closing.push(caller.close)
    const ringing = await caller.call(`sip:2@127.0.0.1:${other.sipPort}`)
    await app.next('StasisStart', { channel: { protocol_id: ringing.callId } })
    const call = await caller.call(`sip:1@127.0.0.1:${other.sipPort}`)
    const { channel } = await app.next('StasisStart', { channel: { protocol_id: call.callId } })
    await app.post(`channels/${channel.id}/answer`)
    await call.answered
    await other.close()
    expect(await call.ended).toMatchObject({ by: 'them', cause: 16 })
    expect(await ringing.ended).toMatchObject({ by: 'them', status: 503 })
    await app.close()
  })

  test('names the port and the setting when a port is taken', async () => {
    await expect(startTestSwitch({ sipPort: server.sipPort })).rejects.toThrow(
      /port \d+ is already in use; set SIP_PORT/,
    )
  })

  test('refuses settings that make no sense', async () => {
    await expect(startTestSwitch({ sipPort: 70_000 })).rejects.toThrow(/sipPort/)
    await expect(startTestSwitch({ trustedCidrs: ['localhost'] })).rejects.toThrow(/trustedCidrs/)
  })

  test('answers 503 while nobody tells it who a caller is', async () => {
    const deaf = await startTestSwitch({ lookup: () => Promise.reject(new Error('the database is away')) })
    const raw = await openRawPeer(deaf.sipPort)
    closing.push(raw.close, deaf.close)
    const response = await raw.askAs('1000', 'pass1000', 'REGISTER', {
      to: '<sip:1000@127.0.0.1>',
      from: 'sip:1000@127.0.0.1',
    })
    expect(response.status).toBe(503)
  })

  test('an account is looked up once for a burst of requests', async () => {
    let asked = 0
    const counted = await startTestSwitch({
      lookup: (who) => {
        asked++
        return lookup(who)
      },
    })
    const raw = await openRawPeer(counted.sipPort)
    closing.push(raw.close, counted.close)
    for (let i = 0; i < 3; i++) {
      const response = await raw.askAs('1000', 'pass1000', 'REGISTER', {
        to: '<sip:1000@127.0.0.1>',
        from: 'sip:1000@127.0.0.1',
      })
      expect(response.status).toBe(200)
    }
    expect(asked).toBe(1)
  })
})
