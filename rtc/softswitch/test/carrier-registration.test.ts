import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { header, nameAddrList, type SipRequest } from '../src/sip/message.ts'
import { type Ari, connectAri } from './ari/ari-client.ts'
import { isLetIn } from './ari/carrier.ts'
import { offer, openRawPeer, type RawPeer } from './sip/raw-peer.ts'
import { startTestSwitch } from './start-test-switch.ts'

const login = { username: 'sidetone', password: 'secret' }
const audio = offer('m=audio 40000 RTP/AVP 0')
const challenge = ['WWW-Authenticate: Digest realm="carrier", nonce="47ebe028cda119c3", algorithm=SHA-256, qop="auth"']
const path = 'asterisk/config/dynamic/res_pjsip_outbound_registration/registration/carrier'
let server: Awaited<ReturnType<typeof startTestSwitch>>
let ari: Ari
let carrier: RawPeer

beforeAll(async () => {
  // Nobody is trusted for where it is.
  server = await startTestSwitch({ trustedCidrs: ['127.0.0.99/32'], sipT1Ms: 50 })
  ari = await connectAri(server.access)
  carrier = await openRawPeer(server.sipPort)
})
afterAll(async () => {
  carrier.close()
  await ari.close()
  await server.close()
})
afterEach(async () => {
  await ari.delete(path)
  for (const { id } of (await ari.get('channels')).body) await ari.delete(`channels/${id}`)
  ari.events.length = 0
  carrier.received.length = 0
})

const put = (where: string, values: Record<string, string>) =>
  ari.put(where, { body: { fields: Object.entries(values).map(([attribute, value]) => ({ attribute, value })) } })
async function register(expiration = '60') {
  await put('asterisk/config/dynamic/res_pjsip/auth/carrier', login)
  const host = `127.0.0.1:${carrier.port}`
  const values = { server_uri: `sip:${host}`, client_uri: `sip:sidetone@${host}`, contact_user: 'token', expiration }
  expect((await put(path, { ...values, outbound_auth: 'carrier' })).status).toBe(200)
}
async function state(): Promise<Record<string, string>> {
  const { body } = await ari.get(path)
  return Object.fromEntries(body.map(({ attribute, value }: Record<string, string>) => [attribute, value]))
}
/** The next REGISTER that has what the carrier asks for. */
async function letIn(): Promise<SipRequest> {
  for (;;) {
    const request = await carrier.nextRequest('REGISTER')
    if (isLetIn(request, login)) return request
    carrier.reply(request, 401, { headers: challenge })
  }
}
const accept = (request: SipRequest, seconds: number) =>
  carrier.reply(request, 200, {
    headers: [
      `${header(request, 'contact')!
        .replace(/^/, 'Contact: ')
        .replace(/expires=\d+/, `expires=${seconds}`)}`,
    ],
  })

test('it registers by digest, and again before that runs out', async () => {
  await register()
  const first = await letIn()
  expect(first).toMatchObject({ uri: `sip:127.0.0.1:${carrier.port}`, to: { uri: { user: 'sidetone' } } })
  expect(nameAddrList(first, 'contact')[0]).toMatchObject({ uri: { user: 'token', port: server.sipPort } })
  expect((await state()).status).toBe('registering')
  accept(first, 2)
  await expect.poll(state).toMatchObject({ status: 'registered', status_detail: '', server_uri: first.uri })
  const again = await letIn()
  expect(again.callId).toBe(first.callId)
  expect(again.cseq.number).toBeGreaterThan(first.cseq.number)
  accept(again, 60)

  // The same once more changes nothing.
  await register()
  expect((await state()).status).toBe('registered')
  await ari.delete(path)
  expect(header(await letIn(), 'expires')).toBe('0')
})

test('what the carrier says against it can be seen', async () => {
  await register()
  carrier.reply(await letIn(), 403)
  await expect.poll(state).toMatchObject({ status: 'rejected', status_detail: '403 Whatever' })
})

test('a carrier that wants it for longer gets it', async () => {
  await register('60')
  carrier.reply(await letIn(), 423, { headers: ['Min-Expires: 600'] })
  const longer = await letIn()
  expect(header(longer, 'expires')).toBe('600')
  accept(longer, 600)
  await expect.poll(async () => (await state()).status).toBe('registered')
})

test('a carrier that is not there is unreachable', async () => {
  await put('asterisk/config/dynamic/res_pjsip/auth/carrier', login)
  const values = { server_uri: 'sip:127.0.0.1:9', client_uri: 'sip:a@127.0.0.1', contact_user: 'token' }
  await put(path, values)
  await expect.poll(async () => (await state()).status, { timeout: 8_000 }).toBe('unreachable')
  expect((await put(path, { server_uri: 'sip:127.0.0.1:9' })).status).toBe(400)
})

test('calls to the contact are the carrier’s, and for the number that To names; without a registration they are nobody’s', async () => {
  const invite = {
    from: 'sip:+441234@carrier.example',
    uri: `sip:token@127.0.0.1:${server.sipPort}`,
    to: '<sip:+15550100000@carrier.example>',
    body: audio,
  }
  expect((await carrier.ask('INVITE', invite)).status).toBe(407)
  await register()
  accept(await letIn(), 60)
  await expect.poll(async () => (await state()).status).toBe('registered')
  carrier.send('INVITE', invite)
  const { channel } = await ari.next('StasisStart')
  expect(channel).toMatchObject({ dialplan: { exten: '+15550100000' }, caller: { number: '+441234' } })
  const other = await openRawPeer(server.sipPort, '127.0.0.61')
  expect((await other.ask('INVITE', invite)).status).toBe(407)
  other.close()
})
