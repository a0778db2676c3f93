import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createServer, connect as tlsConnect } from 'node:tls'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { header } from '../src/sip/message.ts'
import { type Ari, connectAri } from './ari/ari-client.ts'
import { offer, openRawPeer, openStreamPeer, type RawPeer } from './sip/raw-peer.ts'
import { writeCertificate } from './sip/tls-files.ts'
import { CUSTOMER, startTestSwitch } from './start-test-switch.ts'

const audio = offer('m=audio 40000 RTP/AVP 0')
const closing: (() => unknown)[] = []
let folder: string
let own: Awaited<ReturnType<typeof writeCertificate>>
let carrierCertificate: typeof own
let server: Awaited<ReturnType<typeof startTestSwitch>>
let ari: Ari

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sip-tls-'))
  own = await writeCertificate(folder, 'own', ['localhost', '127.0.0.1'])
  carrierCertificate = await writeCertificate(folder, 'carrier', ['127.0.0.1'])
  server = await startTestSwitch({
    sipTls: { port: 0, cert: own.cert, key: own.key, ca: carrierCertificate.cert },
    sipT1Ms: 50,
  })
  ari = await connectAri(server.access)
})
afterAll(async () => {
  await ari.close()
  await server.close()
  await rm(folder, { recursive: true })
})
afterEach(async () => {
  for (const close of closing.splice(0)) await close()
  for (const { id } of (await ari.get('channels')).body) await ari.delete(`channels/${id}`)
  await expect.poll(async () => (await ari.get('channels')).body, { timeout: 5_000 }).toEqual([])
  ari.events.length = 0
})

/** A phone that connects, and believes the switch by its certificate. */
async function phone() {
  const socket = tlsConnect({ host: '127.0.0.1', port: server.sipTlsPort!, servername: 'localhost', ca: own.pem.cert })
  await once(socket, 'secureConnect')
  const peer = openStreamPeer(socket, server.sipTlsPort!, 'TLS')
  closing.push(peer.close)
  return peer
}
const register = (peer: RawPeer, user: string) =>
  peer.askAs(user, `pass${user}`, 'REGISTER', {
    uri: 'sip:127.0.0.1',
    to: `<sip:${user}@127.0.0.1>`,
    from: `sip:${user}@127.0.0.1`,
    headers: [`Contact: <sip:${user}@192.0.2.1:4000;transport=tls>`],
  })
const call = (uri: string) => {
  const channelId = randomUUID()
  return ari.post('channels', { query: { endpoint: `PJSIP/call-out/${uri}`, app: 'sidetone', channelId } })
}

/** A carrier that listens. */
async function carrier(identity: { cert: string; key: string } = carrierCertificate.pem) {
  const peers: RawPeer[] = []
  const listening = createServer(identity, (socket) => {
    peers.push(openStreamPeer(socket, server.sipTlsPort!, 'TLS', port))
  })
  listening.listen(0, '127.0.0.1')
  await once(listening, 'listening')
  const { port } = listening.address() as AddressInfo
  closing.push(() => {
    for (const peer of peers) peer.close()
    listening.close()
  })
  return { port, peers }
}

test('a phone registers over TLS, and is called over the connection that it keeps', async () => {
  const one = await phone()
  expect((await register(one, '1000')).status).toBe(200)
  await expect.poll(() => server.registrations.at(-1)?.source).toMatch(/^tls:127\.0\.0\.1:/)
  await call(`sip:1000@${CUSTOMER}.registrar.sidetone.test`)
  const invite = await one.nextRequest('INVITE')
  expect(invite.via).toMatchObject({ transport: 'TLS', port: server.sipTlsPort })
  expect(header(invite, 'contact')).toBe(`<sip:127.0.0.1:${server.sipTlsPort};transport=tls>`)
  one.reply(invite, 200, { body: audio })
  await one.nextRequest('ACK')
  const { channel } = await ari.next('StasisStart')
  await ari.delete(`channels/${channel.id}`)
  one.reply(await one.nextRequest('BYE'), 200)
})

test('with its connection the phone has gone', async () => {
  const one = await phone()
  await register(one, '1001')
  const path = `endpoints/PJSIP/1001@${CUSTOMER}`
  expect((await ari.get(path)).body.state).toBe('online')
  one.close()
  await expect.poll(async () => (await ari.get(path)).status).toBe(404)
  await expect.poll(() => server.registrations.at(-1)).toMatchObject({ aor: `1001@${CUSTOMER}`, expires: 0 })
})

test('a sips URI is taken over TLS alone, and its Contact is one too', async () => {
  const invite = { uri: 'sips:+15550100000@127.0.0.1', from: 'sip:+44@carrier.example', body: audio }
  const one = await phone()
  const sent = one.send('INVITE', invite)
  const { channel } = await ari.next('StasisStart')
  await ari.post(`channels/${channel.id}/answer`)
  const answer = await one.next((message) => message.kind === 'response' && message.status === 200)
  expect(header(answer, 'contact')).toBe(`<sips:127.0.0.1:${server.sipTlsPort}>`)
  one.send('ACK', { ...sent, to: header(answer, 'to')! })

  const plain = await openRawPeer(server.sipPort)
  closing.push(plain.close)
  expect((await plain.ask('INVITE', invite)).status).toBe(416)
})

test('calls go out over TLS, several over one connection', async () => {
  const { port, peers } = await carrier()
  for (const uri of [`sip:+1@127.0.0.1:${port};transport=tls`, `sips:+1@127.0.0.1:${port}`]) {
    await call(uri)
    await expect.poll(() => peers.length).toBe(1)
    const invite = await peers[0]!.nextRequest('INVITE')
    const scheme = uri.slice(0, uri.indexOf(':'))
    expect(header(invite, 'contact')).toContain(`<${scheme}:127.0.0.1:${server.sipTlsPort}`)
    peers[0]!.reply(invite, 200, { body: audio })
    await peers[0]!.nextRequest('ACK')
    const { channel } = await ari.next('StasisStart')
    await ari.delete(`channels/${channel.id}`)
    peers[0]!.reply(await peers[0]!.nextRequest('BYE'), 200)
    ari.events.length = 0
  }
  expect(peers).toHaveLength(1)
})

test('a carrier whose certificate is not believed gets no call', async () => {
  const strangers = await writeCertificate(folder, 'strange', ['127.0.0.1'])
  const { port, peers } = await carrier(strangers.pem)
  await call(`sips:+1@127.0.0.1:${port}`)
  expect(await ari.next('ChannelDestroyed')).toMatchObject({ cause: 34 })
  expect(peers.flatMap(({ received }) => received)).toEqual([])
  expect(server.logged).toContain('a SIP message could not be sent')
})

test('nor one that connects but is another host', async () => {
  const misnamed = await writeCertificate(folder, 'carrier', ['sip.carrier.example'])
  const other = await startTestSwitch({ sipTls: { port: 0, cert: own.cert, key: own.key, ca: misnamed.cert } })
  closing.push(other.close)
  const its = await connectAri(other.access)
  closing.unshift(its.close)
  const { port } = await carrier(misnamed.pem)
  await its.post('channels', { query: { endpoint: `PJSIP/call-out/sips:+1@127.0.0.1:${port}`, app: 'sidetone' } })
  expect(await its.next('ChannelDestroyed')).toMatchObject({ cause: 34 })
})

test('what is wrong with the settings is said by their names', async () => {
  const start = (sipTls: { cert: string; key: string; ca?: string }) =>
    startTestSwitch({ sipTls: { port: 0, ...sipTls } })
  await expect(start({ cert: '/nowhere.crt', key: own.key })).rejects.toThrow(/^SIP_TLS_CERT: .*nowhere/)
  await expect(start({ cert: own.cert, key: carrierCertificate.key })).rejects.toThrow(/SIP_TLS_KEY must be/)
  await expect(start({ cert: own.cert, key: own.key, ca: '/no.crt' })).rejects.toThrow(/^SIP_TLS_CA: /)
})
