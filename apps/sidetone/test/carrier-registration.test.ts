import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Running, startForTest } from './harness.ts'

let app: Running
let carrier: Socket
const heard: string[] = []

beforeAll(async () => {
  app = await startForTest()
  carrier = createSocket('udp4').bind(0, '127.0.0.1')
  await once(carrier, 'listening')
  carrier.on('message', (data) => heard.push(data.toString()))
})
afterAll(async () => {
  carrier.close()
  await app.close()
})

/** What has come that begins so, once. */
async function next(start: string): Promise<string> {
  await expect.poll(() => heard.some((text) => text.startsWith(start)), { timeout: 15_000 }).toBe(true)
  return heard.splice(
    heard.findIndex((text) => text.startsWith(start)),
    1,
  )[0]!
}
const line = (text: string, name: string) => new RegExp(`^${name}: (.*)$`, 'mi').exec(text)![1]!.trim()
const reply = (request: string, status: string, lines: string[] = []) => {
  const kept = request.split('\r\n').filter((one) => /^(Via|From|To|Call-ID|CSeq):/.test(one))
  carrier.send(
    [`SIP/2.0 ${status}`, ...kept, ...lines, 'Content-Length: 0', '', ''].join('\r\n'),
    app.sipPort!,
    '127.0.0.1',
  )
}

test('a provider registers, says so, and its calls reach the number’s flow', { timeout: 60_000 }, async () => {
  const hostname = `127.0.0.1:${carrier.address().port}`
  const login = { username: 'admin@localhost', password: 'admin@localhost' }
  const { token } = (await app.request('POST', '/auth/login', { token: undefined, body: login })).body
  const fields = { type: 'sip', hostname, tech_prefix: '', tech_postfix: '', tech_headers: {}, name: 'one', detail: '' }
  const nameless = await app.request('POST', '/v1.0/providers', { token, body: { ...fields, register: true } })
  expect(nameless.body.error).toMatchObject({ reason: 'USERNAME_REQUIRED', details: [{ field: 'username' }] })
  const body = { ...fields, register: true, username: 'us', password: 'secret' }
  const { body: made } = await app.request('POST', '/v1.0/providers', { token, body })
  expect(made).toMatchObject({ register: true, registration_status: 'registering' })
  const provider = async () => (await app.request('GET', `/v1.0/providers/${made.id}`, { token })).body

  const asked = await next('REGISTER')
  reply(asked, '401 Unauthorized', ['WWW-Authenticate: Digest realm="carrier", nonce="abc", algorithm=MD5, qop="auth"'])
  await expect.poll(() => heard.some((text) => /^Authorization: Digest username="us"/m.test(text))).toBe(true)
  const proven = heard.find((text) => /^Authorization:/m.test(text))!
  reply(proven, '200 OK', [`Contact: ${line(proven, 'Contact')}`])
  await expect.poll(provider, { timeout: 10_000 }).toMatchObject({ registration_status: 'registered' })

  const target = /<sip:([^;>]+)/.exec(line(proven, 'Contact'))![1]!
  const sdp = 'v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 40000 RTP/AVP 0\r\n'
  carrier.send(
    [
      `INVITE sip:${target} SIP/2.0`,
      `Via: SIP/2.0/UDP ${hostname};branch=z9hG4bKcall;rport`,
      'From: <sip:+441234567@carrier.example>;tag=c',
      'To: <sip:+15550100001@carrier.example>',
      'Call-ID: through-the-trunk',
      'CSeq: 1 INVITE',
      `Contact: <sip:carrier@${hostname}>`,
      'Content-Type: application/sdp',
      `Content-Length: ${sdp.length}`,
      '',
      sdp,
    ].join('\r\n'),
    app.sipPort!,
    '127.0.0.1',
  )
  const answer = await next('SIP/2.0 200')
  expect(line(answer, 'Call-ID')).toBe('through-the-trunk')

  heard.length = 0
  const change = { ...fields, register: false }
  const { body: off } = await app.request('PUT', `/v1.0/providers/${made.id}`, { token, body: change })
  expect(off).toMatchObject({ register: false, registration_status: 'off' })
  expect(line(await next('REGISTER'), 'Expires')).toBe('0')
})
