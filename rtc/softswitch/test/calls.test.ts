import { connect } from 'node:net'
import { describe, expect, test } from 'vitest'
import { header, type SipRequest, type SipResponse } from '../src/sip/message.ts'
import { parseMessage } from '../src/sip/parse-message.ts'
import { createStreamFramer } from '../src/sip/stream-framing.ts'
import { argsOf } from './ari/lab.ts'
import { offer } from './sip/raw-peer.ts'
import { CUSTOMER } from './start-test-switch.ts'
import { openSwitchLab } from './switch-lab.ts'

const lab = openSwitchLab({ trustedCidrs: ['127.0.0.1/32'], sipT1Ms: 50 })
const { closing, peer, phone } = lab
const audio = offer('m=audio 40000 RTP/AVP 0 101', 'a=rtpmap:101 telephone-event/8000')
const number = () => `sip:+15550100000@127.0.0.1:${lab.server.sipPort}`
const extension = (user: string) => phone({ username: user, password: `pass${user}` })
/** A phone in a call that the application has answered. */
async function answered() {
  const call = await (await phone()).call(number())
  const start = await lab.ari.next('StasisStart', { channel: { protocol_id: call.callId } })
  await lab.ari.post(`channels/${start.channel.id}/answer`)
  await call.answered
  return { call, id: start.channel.id as string }
}

describe('in a call', () => {
  test('a re-INVITE that fits nothing is refused, and the call goes on', async () => {
    const raw = await peer()
    const sent = raw.send('INVITE', { from: 'sip:+44@carrier.example', uri: number(), body: audio })
    const { channel } = await lab.ari.next('StasisStart')
    await lab.ari.post(`channels/${channel.id}/answer`)
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
    await lab.ari.next('ChannelDestroyed', { channel: { id: channel.id }, cause: 16 })
  })

  test('a 200 that is never acknowledged ends the call with a BYE', async () => {
    const raw = await peer()
    raw.send('INVITE', { from: 'sip:+44@carrier.example', uri: number(), body: audio })
    const { channel } = await lab.ari.next('StasisStart')
    await lab.ari.post(`channels/${channel.id}/answer`)
    const bye = await raw.next((message) => message.kind === 'request' && message.method === 'BYE', 6000)
    expect(header(bye, 'reason')).toBe('Q.850;cause=102')
    await lab.ari.next('ChannelDestroyed', { channel: { id: channel.id }, cause: 102 })
  })

  test('requests go along the recorded route, to its first proxy', async () => {
    const raw = await peer()
    const proxy = await peer()
    const headers = [`Record-Route: <sip:127.0.0.1:${proxy.port};lr>`, 'Record-Route: <sip:192.0.2.7;lr>']
    const sent = raw.send('INVITE', { from: 'sip:+44@carrier.example', uri: number(), body: audio, headers })
    const { channel } = await lab.ari.next('StasisStart')
    await lab.ari.post(`channels/${channel.id}/answer`)
    const ok = (await raw.next((message) => message.kind === 'response' && message.status === 200)) as SipResponse
    raw.send('ACK', { ...sent, to: header(ok, 'to')! })
    await lab.ari.delete(`channels/${channel.id}`)
    const bye = (await proxy.next((message) => message.kind === 'request')) as SipRequest
    expect(bye).toMatchObject({ method: 'BYE', uri: `sip:raw@127.0.0.1:${raw.port}` })
    expect(bye.headers.filter(([name]) => name === 'route').map(([, value]) => value)).toEqual([
      `<sip:127.0.0.1:${proxy.port};lr>`,
      '<sip:192.0.2.7;lr>',
    ])
  })

  test('a whole call over TCP', async () => {
    const socket = connect(lab.server.sipPort, '127.0.0.1')
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
    const { channel, ...start } = await lab.ari.next('StasisStart', { channel: { protocol_id: 'tcp-call' } })
    expect(argsOf(start).transport).toBe('tcp')
    await lab.ari.post(`channels/${channel.id}/answer`)
    await expect.poll(() => got).toContain('200')
    write('ACK', header(messages.at(-1)!, 'to')!)
    await lab.ari.delete(`channels/${channel.id}`)
    // The Contact cannot be reached; the connection that the call came over can.
    await expect.poll(() => got).toContain('BYE')
  })
})

describe('bridges', () => {
  test('two phones hear each other, a third hears both', async () => {
    const [one, two, three] = [await answered(), await answered(), await answered()]
    await lab.ari.post('bridges/room', { query: { type: 'mixing', name: 'room' } })
    await lab.ari.post('bridges/room/addChannel', { query: { channel: [one.id, two.id].join(',') } })
    void one.call.play({ frequency: 440, durationMs: 5000 })
    void two.call.play({ frequency: 1000, durationMs: 5000 })
    await Promise.all([one.call.waitForTone(1000), two.call.waitForTone(440)])
    await lab.ari.post('bridges/room/addChannel', { query: { channel: three.id } })
    await three.call.waitForTone(440)
    one.call.stopPlaying()
    await three.call.waitForTone(1000)
    await lab.ari.post('bridges/room/removeChannel', { query: { channel: two.id } })
    await three.call.waitForSilence()
    await lab.ari.delete('bridges/room')
    expect((await lab.ari.get(`channels/${one.id}`)).status).toBe(200)
  })

  test('digits of one reach the other, unless they are absorbed', async () => {
    const [one, two] = [await answered(), await answered()]
    await lab.ari.post('bridges/keys', { query: { type: 'mixing' } })
    await lab.ari.post('bridges/keys/addChannel', { query: { channel: one.id } })
    await lab.ari.post('bridges/keys/addChannel', { query: { channel: two.id, absorbDTMF: true } })
    await two.call.sendDtmf('7')
    await one.call.sendDtmf('5')
    await two.call.waitForDigits('5')
    expect(one.call.digits).toBe('')
  })

  test('the echo service gives back what it hears', async () => {
    const { call, id } = await answered()
    await lab.ari.post('channels', {
      query: { endpoint: 'Local/echo@svc-echo', app: 'sidetone', channelId: 'echo', appArgs: 'x' },
    })
    await lab.ari.next('StasisStart', { channel: { id: 'echo', state: 'Up' } })
    await lab.ari.post('bridges/b', { query: { type: 'mixing' } })
    await lab.ari.post('bridges/b/addChannel', { query: { channel: `${id},echo` } })
    void call.play({ frequency: 700, durationMs: 5000 })
    await call.waitForTone(700)
  })

  test('a snoop channel records what is heard, and ends with the call', async () => {
    const { call, id } = await answered()
    expect(
      (await lab.ari.post(`channels/${id}/snoop`, { query: { spy: 'in', app: 'sidetone', snoopId: 'ear' } })).status,
    ).toBe(200)
    await lab.ari.next('StasisStart', { channel: { id: 'ear' } })
    await lab.ari.post('channels/ear/record', { query: { name: 'heard', format: 'wav' } })
    await lab.ari.next('RecordingStarted')
    void call.play({ frequency: 440, durationMs: 5000 })
    await new Promise((resolve) => setTimeout(resolve, 400))
    await call.hangup()
    await lab.ari.next('ChannelDestroyed', { channel: { id: 'ear' } })
    await lab.ari.next('ChannelDestroyed', { channel: { id } })
    expect(lab.ari.events.map(({ type }) => type).indexOf('RecordingFinished')).toBeLessThan(
      lab.ari.events.findIndex((event) => event.type === 'ChannelDestroyed' && event.channel.id === 'ear'),
    )
    const file = (await lab.ari.get('recordings/stored/heard/file')).body as Buffer
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
    await lab.ari.post('channels', { query: { endpoint: customers('1002'), app: 'sidetone', channelId: 'to-1002' } })
    const call = await two.nextCall()
    await call.answer()
    await lab.ari.next('StasisStart', { channel: { id: 'to-1002', state: 'Up' } })
  })

  test('an address or a name of ours means no customer: no phone rings', async () => {
    const two = await extension('1002')
    await two.register()
    for (const host of [`127.0.0.1:${lab.server.sipPort}`, `localhost:${lab.server.sipPort}`]) {
      const query = { endpoint: `PJSIP/call-out/sip:1002@${host}`, app: 'sidetone', channelId: host }
      await lab.ari.post('channels', { query })
      await lab.ari.next('StasisStart', { channel: { dialplan: { exten: '1002' } } })
    }
    await expect(two.nextCall({ timeoutMs: 200 })).rejects.toThrow()
  })

  test('one that is not registered ends with cause 20', async () => {
    const query = { endpoint: customers('1003'), app: 'sidetone', channelId: 'absent' }
    expect((await lab.ari.post('channels', { query })).status).toBe(200)
    await lab.ari.next('ChannelDestroyed', { channel: { id: 'absent' }, cause: 20, cause_txt: 'Subscriber absent' })
    expect(lab.ari.events.filter(({ type }) => type === 'Dial').map(({ dialstatus }) => dialstatus)).toEqual([
      '',
      'CHANUNAVAIL',
    ])
  })

  test('headers of the stack cannot be replaced', async () => {
    const two = await extension('1002')
    const variables = { 'PJSIP_HEADER(add,From)': '<sip:fake@x>', 'PJSIP_HEADER(add,X-Own)': 'a\r\nX-Evil: b' }
    await lab.ari.post('channels', {
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
    await lab.ari.post('channels', {
      query: { endpoint: 'PJSIP/call-out/sip:x@127.0.0.1:1;transport=tcp', app: 'sidetone', channelId: 'refused' },
    })
    await lab.ari.next('ChannelDestroyed', { channel: { id: 'refused' }, cause: 34 })
  })
})
