import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { header, headerList, type SipMessage, type SipRequest, type SipResponse } from '../../src/sip/message.ts'
import { type Ari, connectAri } from '../ari/ari-client.ts'
import { startTestSwitch } from '../start-test-switch.ts'
import { offer, openRawPeer, type RawPeer } from './raw-peer.ts'

let server: Awaited<ReturnType<typeof startTestSwitch>>
let ari: Ari
const closing: (() => unknown)[] = []

beforeAll(async () => {
  server = await startTestSwitch({ sipT1Ms: 50 })
  ari = await connectAri(server.access)
})
afterAll(async () => {
  await ari.close()
  await server.close()
})
afterEach(async () => {
  for (const { id } of (await ari.get('channels')).body) await ari.delete(`channels/${id}`)
  await expect.poll(async () => (await ari.get('channels')).body, { timeout: 5000 }).toEqual([])
  for (const close of closing.splice(0)) await close()
  ari.events.length = 0
})

const audio = (port = 40_000) =>
  offer(`m=audio ${port} RTP/AVP 0 101`, 'a=rtpmap:101 telephone-event/8000', 'a=sendrecv')
const peer = async (): Promise<RawPeer> => {
  const made = await openRawPeer(server.sipPort)
  closing.push(made.close)
  return made
}
const isRequest = (method: string) => (message: SipMessage) => message.kind === 'request' && message.method === method
const isResponse = (status: number) => (message: SipMessage) => message.kind === 'response' && message.status === status
const number = () => `sip:+15550100000@127.0.0.1:${server.sipPort}`

/** A caller whose INVITE has reached the application. */
async function calling(headers: string[] = []) {
  const raw = await peer()
  const sent = raw.send('INVITE', { from: 'sip:+44@carrier.example', uri: number(), body: audio(), headers })
  const { channel } = await ari.next('StasisStart', { channel: { protocol_id: sent.callId } })
  const path = `channels/${channel.id}`
  const inside = (response: SipMessage, cseq: number) => ({
    ...sent,
    ...{ branch: `z9hG4bK${cseq}${Math.random()}`, to: header(response, 'to')!, cseq },
  })
  return { raw, sent, id: channel.id as string, path, inside }
}
/** The same, answered. */
async function talking(headers: string[] = []) {
  const made = await calling(headers)
  await ari.post(`${made.path}/answer`)
  const ok = (await made.raw.next(isResponse(200))) as SipResponse
  made.raw.send('ACK', made.inside(ok, 1))
  const ask = (method: string, cseq: number, options: object = {}) =>
    made.raw.ask(method, { ...made.inside(ok, cseq), ...options })
  const say = (method: string, cseq: number, options: object = {}) =>
    made.raw.send(method, { ...made.inside(ok, cseq), ...options })
  return { ...made, ok, ask, say }
}

/** Somebody whom the application calls, and who answers by hand. */
async function called() {
  const raw = await peer()
  const { body } = await ari.post('channels', {
    query: { endpoint: `PJSIP/call-out/sip:raw@127.0.0.1:${raw.port}`, app: 'sidetone' },
  })
  const invite = (await raw.next(isRequest('INVITE'))) as SipRequest
  const respond = (to: SipMessage, status: number, headers: string[] = [], sdp = '') => {
    const copied = to.headers.filter(([name]) => ['via', 'from', 'call-id', 'cseq', 'record-route'].includes(name))
    const toHeader = header(to, 'to')!
    raw.sendText(
      [
        `SIP/2.0 ${status} Whatever`,
        ...copied.map(([name, value]) => `${name}: ${value}`),
        `To: ${toHeader.includes('tag=') ? toHeader : `${toHeader};tag=callee`}`,
        `Contact: <sip:raw@127.0.0.1:${raw.port}>`,
        ...headers,
        ...(sdp ? ['Content-Type: application/sdp'] : []),
        `Content-Length: ${sdp.length}`,
        '',
        sdp,
      ].join('\r\n'),
    )
  }
  return { raw, invite, respond, id: body.id as string, path: `channels/${body.id}` }
}

describe('reliable provisional responses (RFC 3262)', () => {
  test('who requires them gets each until its PRACK, one after the other', async () => {
    const { raw, path, inside } = await calling(['Require: 100rel'])
    await ari.post(`${path}/ring`)
    const ringing = await raw.next(isResponse(180))
    expect(header(ringing, 'require')).toBe('100rel')
    const rseq = Number(header(ringing, 'rseq'))
    expect(header(await raw.next(isResponse(180)), 'rseq')).toBe(String(rseq))
    await ari.post(`${path}/progress`)
    await ari.post(`${path}/answer`)
    const prack = (cseq: number, rack: string) =>
      raw.ask('PRACK', { ...inside(ringing, cseq), headers: [`RAck: ${rack}`] })
    expect((await prack(2, `${rseq + 1} 1 INVITE`)).status).toBe(481)
    expect((await prack(3, `${rseq} 1 INVITE`)).status).toBe(200)
    const early = await raw.next(isResponse(183))
    expect(header(early, 'rseq')).toBe(String(rseq + 1))
    expect(raw.received.filter(isResponse(200))).toEqual([]) // its SDP must have arrived first
    expect((await prack(4, `${rseq + 1} 1 INVITE`)).status).toBe(200)
    const ok = await raw.next(isResponse(200))
    raw.send('ACK', inside(ok, 1))
  })

  test('a PRACK that never comes ends the call', async () => {
    const { raw, path, id } = await calling(['Require: 100rel'])
    await ari.post(`${path}/ring`)
    await raw.next(isResponse(504), 6000)
    await ari.next('ChannelDestroyed', { channel: { id }, cause: 102 })
  })

  test('who merely supports them gets plain ones, as from Asterisk', async () => {
    const { raw, path } = await calling(['Supported: 100rel'])
    await ari.post(`${path}/ring`)
    const ringing = await raw.next(isResponse(180))
    expect([header(ringing, 'require'), header(ringing, 'rseq')]).toEqual([undefined, undefined])
  })

  test('those of whom we call are acknowledged once each and in order, and later requests count on', async () => {
    const { raw, invite, respond, path } = await called()
    expect(headerList(invite, 'supported')).toContain('100rel')
    respond(invite, 180, ['Require: 100rel', 'RSeq: 7'])
    const first = await raw.next(isRequest('PRACK'))
    expect(header(first, 'rack')).toBe(`7 ${invite.cseq.number} INVITE`)
    respond(first, 200)
    respond(invite, 183, ['Require: 100rel', 'RSeq: 9'], audio()) // 8 is missing
    respond(invite, 180, ['Require: 100rel', 'RSeq: 7']) // a repetition
    respond(invite, 183, ['Require: 100rel', 'RSeq: 8'], audio())
    const second = await raw.next(isRequest('PRACK'))
    expect(header(second, 'rack')).toBe(`8 ${invite.cseq.number} INVITE`)
    respond(second, 200)
    respond(invite, 200, [], audio())
    await raw.next(isRequest('ACK'))
    await ari.delete(path)
    const bye = await raw.next(isRequest('BYE'))
    expect(bye.cseq.number).toBeGreaterThan(second.cseq.number)
    respond(bye, 200)
    expect(raw.received.filter(isRequest('PRACK'))).toEqual([])
  })
})

describe('session timers (RFC 4028)', () => {
  test('too short a session is refused, by INVITE and by UPDATE', async () => {
    const raw = await peer()
    const headers = ['Supported: timer', 'Session-Expires: 60']
    const refused = await raw.ask('INVITE', { from: 'sip:+44@carrier.example', uri: number(), body: audio(), headers })
    expect([refused.status, header(refused, 'min-se')]).toEqual([422, '90'])
    const { ask } = await talking()
    expect((await ask('UPDATE', 2, { headers })).status).toBe(422)
  })

  test.each([
    ['by itself unless it asks us to', ['Supported: timer', 'Session-Expires: 90'], '90;refresher=uac', 'timer'],
    ['or has us do it', ['Supported: timer', 'Session-Expires: 200;refresher=uas'], '200;refresher=uas', undefined],
    ['and we do for one that cannot', ['Session-Expires: 200'], '200;refresher=uas', undefined],
    ['and nobody when nobody asks', ['Supported: timer'], undefined, undefined],
  ])('a caller refreshes, %s', async (_, headers, expires, require) => {
    const { ok, ask } = await talking(headers)
    expect([header(ok, 'session-expires'), header(ok, 'require')]).toEqual([expires, require])
    const updated = await ask('UPDATE', 2, { headers })
    expect([updated.status, header(updated, 'session-expires')]).toEqual([200, expires])
  })

  test('we ask whom we call, and for longer when that is too short', async () => {
    const { raw, invite, respond } = await called()
    expect([header(invite, 'session-expires'), header(invite, 'min-se')]).toEqual(['1800', '90'])
    respond(invite, 422, ['Min-SE: 3600'])
    const again = await raw.next((message) => isRequest('INVITE')(message) && message.cseq.number > invite.cseq.number)
    expect(header(again, 'session-expires')).toBe('3600')
    respond(again, 486)
    await raw.next(isRequest('ACK'))
  })

  test('a session that is ours to keep is refreshed in time by UPDATE, again and again', async () => {
    const { raw, invite, respond } = await called()
    const expires = 'Session-Expires: 1;refresher=uac'
    respond(invite, 200, [expires, 'Allow: INVITE, UPDATE'], audio())
    await raw.next(isRequest('ACK'))
    for (let times = 0; times < 3; times++) {
      const update = await raw.next(isRequest('UPDATE'))
      expect([header(update, 'session-expires'), update.body.length]).toEqual(['1;refresher=uac', 0])
      respond(update, 200, [expires])
    }
    expect(raw.received.filter(isRequest('BYE'))).toEqual([])
  })

  test('or by re-INVITE, which waits when both try at once; the peer is told to wait too', async () => {
    const { raw, invite, respond, id } = await called()
    const expires = 'Session-Expires: 8;refresher=uac'
    respond(invite, 200, ['Session-Expires: 1;refresher=uac'], audio())
    await raw.next(isRequest('ACK'))
    const refresh = (await raw.next(isRequest('INVITE'))) as SipRequest
    expect(refresh.body.toString()).toContain('m=audio')
    const theirs = await raw.ask('INVITE', {
      ...{ callId: invite.callId, cseq: 1, uri: number(), to: header(invite, 'from')!, body: audio() },
      ...{ from: `sip:raw@127.0.0.1:${raw.port}`, fromTag: 'callee' },
    })
    expect(theirs.status).toBe(491)
    respond(refresh, 200, [expires], audio())
    const ack = await raw.next(isRequest('ACK'))
    expect(ack.cseq.number).toBe(refresh.cseq.number)
    expect((await ari.get(`channels/${id}`)).body.state).toBe('Up')
  })

  test('after a 491 of theirs our refresh comes again, after the wait of who owns the Call-ID', async () => {
    const { raw, invite, respond } = await called()
    respond(invite, 200, ['Session-Expires: 8;refresher=uac'], audio())
    await raw.next(isRequest('ACK'))
    const refused = (await raw.next(isRequest('INVITE'), 6000)) as SipRequest
    respond(refused, 491)
    const refusedAt = performance.now()
    const later = (message: SipMessage) => isRequest('INVITE')(message) && message.cseq.number > refused.cseq.number
    const again = await raw.next(later, 5000)
    expect(performance.now() - refusedAt).toBeGreaterThan(2000)
    respond(again, 200, [], audio())
    await raw.next((message) => isRequest('ACK')(message) && message.cseq.number === again.cseq.number)
  })

  test('a session that nobody refreshes ends with a BYE before its time is over', async () => {
    const { raw, invite, respond, id } = await called()
    respond(invite, 200, ['Session-Expires: 2;refresher=uas'], audio())
    await raw.next(isRequest('ACK'))
    const bye = await raw.next(isRequest('BYE'))
    respond(bye, 200)
    await ari.next('ChannelDestroyed', { channel: { id }, cause: 102 })
  })

  test.each([408, 481])('a refresh that is answered %i ends the call', async (status) => {
    const { raw, invite, respond, id } = await called()
    respond(invite, 200, ['Session-Expires: 2;refresher=uac', 'Allow: UPDATE'], audio())
    await raw.next(isRequest('ACK'))
    respond(await raw.next(isRequest('UPDATE')), status)
    respond(await raw.next(isRequest('BYE')), 200)
    await ari.next('ChannelDestroyed', { channel: { id }, cause: 102 })
  })
})

describe('a re-INVITE', () => {
  test('moves the audio to another address, and requests to another Contact', async () => {
    const { raw, ask, path, say, ok } = await talking()
    const elsewhere = createSocket('udp4').bind(0, '127.0.0.1')
    closing.push(() => elsewhere.close())
    await once(elsewhere, 'listening')
    const contact = await peer()
    const moved = await ask('INVITE', 2, {
      body: audio(elsewhere.address().port),
      headers: [`Contact: <sip:moved@127.0.0.1:${contact.port}>`],
    })
    expect(moved.status).toBe(200)
    say('ACK', 2, { to: header(ok, 'to') })
    await ari.post(`${path}/play`, { query: { media: 'tone:440' } })
    await once(elsewhere, 'message', { signal: AbortSignal.timeout(2000) })
    await ari.delete(path)
    expect(await contact.next(isRequest('BYE'))).toMatchObject({ uri: `sip:moved@127.0.0.1:${contact.port}` })
    expect(raw.received.filter(isRequest('BYE'))).toEqual([])
  })

  test('after one whose ACK got lost is taken; while our own offer is open it is not', async () => {
    const { ask, say } = await talking()
    expect((await ask('INVITE', 2, { body: audio() })).status).toBe(200)
    expect((await ask('INVITE', 3, { body: audio() })).status).toBe(200) // nobody has acknowledged the first
    expect((await ask('INVITE', 4)).status).toBe(200)
    expect((await ask('INVITE', 5, { body: audio() })).status).toBe(491)
    expect((await ask('UPDATE', 6, { body: audio() })).status).toBe(491)
    expect((await ask('UPDATE', 7)).status).toBe(200) // offers nothing
    say('ACK', 4, { body: audio() })
    expect((await ask('UPDATE', 8, { body: audio() })).status).toBe(200)
  })

  test('before the answer an offer by UPDATE has to wait', async () => {
    const { raw, path, inside } = await calling()
    await ari.post(`${path}/ring`)
    const ringing = await raw.next(isResponse(180))
    const update = await raw.ask('UPDATE', { ...inside(ringing, 2), body: audio() })
    expect(update.status).toBe(500)
    expect(Number(header(update, 'retry-after'))).toBeLessThanOrEqual(10)
  })
})

test.each([
  ['OPTIONS', 200],
  ['MESSAGE', 405],
  ['NOTIFY', 481],
  ['SUBSCRIBE', 489],
  ['PRACK', 481],
])('%s inside a call is answered %i', async (method, status) => {
  const { ask } = await talking()
  expect((await ask(method, 2)).status).toBe(status)
})

test('what a request in a call requires and we lack is named', async () => {
  const { ask } = await talking()
  const refused = await ask('INVITE', 2, { body: audio(), headers: ['Require: timer, precondition'] })
  expect([refused.status, header(refused, 'unsupported')]).toEqual([420, 'precondition'])
})

describe('routes', () => {
  test('a strict router becomes the Request-URI, and the Contact the last Route (RFC 3261 12.2.1.1)', async () => {
    const router = await peer()
    const { raw, path } = await talking([
      `Record-Route: <sip:127.0.0.1:${router.port}>`,
      'Record-Route: <sip:192.0.2.7;lr>',
    ])
    await ari.delete(path)
    const bye = (await router.next(isRequest('BYE'))) as SipRequest
    expect(bye.uri).toBe(`sip:127.0.0.1:${router.port}`)
    expect(headerList(bye, 'route')).toEqual(['<sip:192.0.2.7;lr>', `<sip:raw@127.0.0.1:${raw.port}>`])
  })

  test('whom we call by way of proxies is sent its ACK and BYE along them, the last first', async () => {
    const { raw, invite, respond, path } = await called()
    const proxy = await peer()
    const routes = ['Record-Route: <sip:192.0.2.7;lr>', `Record-Route: <sip:127.0.0.1:${proxy.port};lr>`]
    respond(invite, 200, routes, audio())
    const wanted = [`<sip:127.0.0.1:${proxy.port};lr>`, '<sip:192.0.2.7;lr>']
    const ack = (await proxy.next(isRequest('ACK'))) as SipRequest
    expect([ack.uri, headerList(ack, 'route')]).toEqual([`sip:raw@127.0.0.1:${raw.port}`, wanted])
    await ari.delete(path)
    expect(headerList(await proxy.next(isRequest('BYE')), 'route')).toEqual(wanted)
  })
})
