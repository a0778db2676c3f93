import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { header, headerList, type SipResponse } from '../src/sip/message.ts'
import { type Ari, connectAri } from './ari/ari-client.ts'
import { answerChallenge, openRawPeer, type RawPeer } from './sip/raw-peer.ts'
import { CUSTOMER, lookup, OTHER_CUSTOMER, startTestSwitch } from './start-test-switch.ts'

let server: Awaited<ReturnType<typeof startTestSwitch>>
let ari: Ari
const peers: RawPeer[] = []

beforeAll(async () => {
  server = await startTestSwitch()
  ari = await connectAri(server.access)
})
afterAll(async () => {
  await ari.close()
  await server.close()
})
afterEach(() => {
  for (const peer of peers.splice(0)) peer.close()
})

const peer = async (host?: string) => {
  const made = await openRawPeer(server.sipPort, host)
  peers.push(made)
  return made
}
const domain = 'sip:127.0.0.1'
const registering = (user: string, headers: string[] = [], host = '127.0.0.1') => ({
  uri: domain,
  to: `<sip:${user}@${host}>`,
  from: `sip:${user}@${host}`,
  headers,
})
const register = (
  raw: RawPeer,
  user: string,
  options: { password?: string; headers?: string[]; callId?: string; cseq?: number; host?: string } = {},
) =>
  raw.askAs(user, options.password ?? `pass${user}`, 'REGISTER', {
    ...registering(user, options.headers, options.host),
    ...(options.callId && { callId: options.callId }),
    ...(options.cseq && { cseq: options.cseq }),
  })
const contacts = (response: SipResponse) => headerList(response, 'contact')

describe('registering', () => {
  test('with the right password the contact is bound, told and listed until it is removed', async () => {
    const raw = await peer()
    const bound = await register(raw, '1000', { headers: ['Expires: 120'], callId: 'reg-1000' })
    expect(bound.status).toBe(200)
    expect(contacts(bound)).toEqual([`<sip:raw@127.0.0.1:${raw.port}>;expires=120`])
    await expect
      .poll(() => server.registrations.at(-1))
      .toMatchObject({
        aor: `1000@${CUSTOMER}`,
        contact: `sip:raw@127.0.0.1:${raw.port}`,
        source: `udp:127.0.0.1:${raw.port}`,
      })
    expect((await ari.get(`endpoints/PJSIP/1000@${CUSTOMER}`)).body).toMatchObject({
      technology: 'PJSIP',
      state: 'online',
    })
    const told = await ari.next('ContactStatusChange', { contact_info: { contact_status: 'Created' } })
    expect(told.endpoint).toMatchObject({ resource: `1000@${CUSTOMER}`, state: 'online' })

    const gone = await register(raw, '1000', { headers: ['Expires: 0'], callId: 'reg-1000', cseq: 10 })
    expect(contacts(gone)).toEqual([])
    await expect.poll(() => server.registrations.at(-1)).toMatchObject({ aor: `1000@${CUSTOMER}`, expires: 0 })
    expect((await ari.get(`endpoints/PJSIP/1000@${CUSTOMER}`)).status).toBe(404)
  })

  test('works with SHA-256, for a phone that knows it', async () => {
    const raw = await peer()
    const response = await raw.askAs('1001', 'pass1001', 'REGISTER', registering('1001'), 'SHA-256')
    expect(response.status).toBe(200)
  })

  test('both algorithms are asked for, the stronger first, and either will do', async () => {
    const raw = await peer()
    const asked = await raw.ask('REGISTER', registering('1001'))
    const challenges = asked.headers.filter(([name]) => name === 'www-authenticate').map(([, value]) => value)
    expect(challenges.map((value) => /algorithm=([^,]+)/.exec(value)?.[1])).toEqual(['SHA-256', 'MD5'])
    expect((await raw.askAs('1001', 'pass1001', 'REGISTER', registering('1001'), 'MD5')).status).toBe(200)
  })

  test('the domain names the customer, whose extensions are others', async () => {
    const raw = await peer()
    const host = `${OTHER_CUSTOMER}.registrar.sidetone.test`
    expect((await register(raw, '1001', { host, password: 'pass1001' })).status).toBe(401)
    expect((await register(raw, '1001', { host, password: 'other1001' })).status).toBe(200)
    await expect.poll(() => server.registrations.at(-1)?.aor).toBe(`1001@${OTHER_CUSTOMER}`)
  })

  test('a contact runs out by itself', async () => {
    const raw = await peer()
    await register(raw, '1002', { headers: ['Expires: 1'] })
    await expect
      .poll(() => server.registrations.at(-1), { timeout: 4000 })
      .toMatchObject({ aor: `1002@${CUSTOMER}`, expires: 0 })
  })

  test('`Contact: *` removes all, but only with Expires: 0 and alone', async () => {
    const raw = await peer()
    const star = (...headers: string[]) =>
      raw.askAs('1003', 'pass1003', 'REGISTER', registering('1003', ['Contact: *', ...headers]))
    await register(raw, '1003', { headers: ['Contact: <sip:a@192.0.2.1>', 'Contact: <sip:b@192.0.2.1>'] })
    expect((await star('Expires: 60')).status).toBe(400)
    expect((await star('Expires: 0', 'Contact: <sip:a@192.0.2.1>')).status).toBe(400)
    expect(contacts(await register(raw, '1003'))).toHaveLength(3)
    const gone = await star('Expires: 0')
    expect(gone.status).toBe(200)
    expect(contacts(gone)).toEqual([])
    expect((await ari.get(`endpoints/PJSIP/1003@${CUSTOMER}`)).status).toBe(404)
  })

  test('a phone that comes back with another address has left the one before', async () => {
    const raw = await peer()
    const at = (address: string, instance: string) => ({
      headers: [`Contact: <sip:1008@${address}>;+sip.instance="<urn:uuid:${instance}>";reg-id=1`],
    })
    await register(raw, '1008', at('192.0.2.1', 'a'))
    await register(raw, '1008', at('192.0.2.2', 'b'))
    const moved = await register(raw, '1008', at('192.0.2.3', 'a'))
    expect(contacts(moved).map((contact) => /@([^>]+)>/.exec(contact)?.[1])).toEqual(['192.0.2.3', '192.0.2.2'])
    await expect
      .poll(() => server.registrations.filter(({ expires }) => expires === 0).map(({ contact }) => contact))
      .toContain('sip:1008@192.0.2.1')
  })

  test('a phone that wants to come back too often is told how often it may', async () => {
    const strict = await startTestSwitch({ minExpiresSeconds: 60 })
    const raw = await openRawPeer(strict.sipPort)
    const ask = (expires: number) =>
      raw.askAs('1000', 'pass1000', 'REGISTER', registering('1000', [`Expires: ${expires}`]))
    const refused = await ask(59)
    expect([refused.status, header(refused, 'min-expires')]).toEqual([423, '60'])
    expect((await ask(60)).status).toBe(200)
    expect((await ask(0)).status).toBe(200)
    raw.close()
    await strict.close()
  })

  test('a phone behind NAT is answered where it sent from, called there, and its way is kept open', async () => {
    const nat = await startTestSwitch({ natPingSeconds: 0.05 })
    const raw = await openRawPeer(nat.sipPort)
    const inside = { headers: ['Contact: <sip:1000@192.168.1.5:5060>'] }
    const bound = await raw.askAs('1000', 'pass1000', 'REGISTER', { ...registering('1000'), ...inside })
    expect(bound.via.params.get('rport')).toBe(String(raw.port))
    expect(bound.via.params.get('received')).toBe('127.0.0.1')
    await expect.poll(raw.pings).toBeGreaterThan(2)
    const app = await connectAri(nat.access)
    const endpoint = `PJSIP/call-out/sip:1000@${CUSTOMER}.registrar.sidetone.test`
    await app.post('channels', { query: { endpoint, app: 'sidetone' } })
    const invite = await raw.nextRequest('INVITE')
    expect(invite.uri).toBe('sip:1000@192.168.1.5:5060')
    raw.reply(invite, 486)
    raw.close()
    await app.close()
    await nat.close()
  })

  test('an older request of the same phone does not undo a newer one', async () => {
    const raw = await peer()
    expect((await register(raw, '1004', { callId: 'order', cseq: 20 })).status).toBe(200)
    expect((await register(raw, '1004', { callId: 'order', cseq: 5, headers: ['Expires: 0'] })).status).toBe(500)
    await register(raw, '1004', { callId: 'order', cseq: 30, headers: ['Expires: 0'] })
  })

  test('contacts beyond the limit of an address are refused', async () => {
    const raw = await peer()
    const many = Array.from({ length: 11 }, (_, i) => `Contact: <sip:phone${i}@192.0.2.1>`)
    expect((await register(raw, '1005', { headers: many })).status).toBe(403)
    expect((await ari.get(`endpoints/PJSIP/1005@${CUSTOMER}`)).status).toBe(404)
  })

  test('nobody registers for another', async () => {
    const raw = await peer()
    const response = await raw.askAs('1006', 'pass1006', 'REGISTER', registering('1007'))
    expect(response.status).toBe(403)
  })

  test('a foreign domain is not ours to register', async () => {
    const raw = await peer()
    expect((await raw.ask('REGISTER', registering('1000', [], 'example.com'))).status).toBe(404)
  })

  test('the way back is written into Via (RFC 3581)', async () => {
    const raw = await peer()
    const response = await raw.ask('REGISTER', registering('1000'))
    expect(response.via.params.get('rport')).toBe(String(raw.port))
    expect(response.via.params.get('received')).toBe('127.0.0.1')
  })
})

describe('guessing passwords', () => {
  test('an unknown user and a wrong password cannot be told apart', async () => {
    const raw = await peer('127.0.0.11')
    const shape = async (user: string) => {
      const first = await raw.ask('REGISTER', registering(user))
      const second = await register(raw, user, { password: 'wrong' })
      const blank = (response: SipResponse) =>
        response.headers
          .map(([name, value]) =>
            `${name}: ${value}`.replace(/nonce="[^"]*"|branch=[^;]*|^call-id.*|^cseq.*/g, '').replaceAll(user, 'USER'),
          )
          .join('\n')
      return [first.status, blank(first), second.status, blank(second)]
    }
    expect(await shape('1008')).toEqual(await shape('4711'))
  })

  test('after five failures even the right password is refused for a while, from that address only', async () => {
    const raw = await peer('127.0.0.12')
    for (let i = 0; i < 5; i++) expect((await register(raw, '1008', { password: 'wrong' })).status).toBe(401)
    const refused = await register(raw, '1008')
    expect(refused.status).toBe(403)
    expect(Number(header(refused, 'retry-after'))).toBeGreaterThan(50)
    expect((await register(raw, '1009')).status).toBe(200)
    expect((await register(await peer('127.0.0.13'), '1008')).status).toBe(200)
    expect(await server.metrics()).toMatchObject({
      sip_auth_throttled: expect.any(Number),
      sip_auth_failed: expect.any(Number),
    })
  })

  test('credentials sent again are stale', async () => {
    const raw = await peer('127.0.0.14')
    const challenge = await raw.ask('REGISTER', registering('1009'))
    const line = answerChallenge(challenge, { user: '1009', password: 'pass1009', method: 'REGISTER', uri: domain })
    expect((await raw.ask('REGISTER', registering('1009', [line]))).status).toBe(200)
    const replayed = await raw.ask('REGISTER', registering('1009', [line]))
    expect(replayed.status).toBe(401)
    expect(header(replayed, 'www-authenticate')).toContain('stale=true')
  })
})

test('accounts that are gone lose their registrations, and are asked for anew', async () => {
  let known = true
  const server = await startTestSwitch({ lookup: async (who) => (known ? lookup(who) : null) })
  const app = await connectAri(server.access)
  const raw = await openRawPeer(server.sipPort)
  const register = async (user: string) => (await raw.askAs(user, `pass${user}`, 'REGISTER', registering(user))).status
  const online = async () => (await server.metrics()).registrations_active
  try {
    for (const user of ['1000', '1001', '1002']) expect(await register(user)).toBe(200)
    server.accountsChanged({ gone: { customer_id: OTHER_CUSTOMER } })
    server.accountsChanged({ gone: { customer_id: CUSTOMER, username: '1001' } })
    await expect.poll(online).toBe(2)
    expect(await register('1002')).toBe(200)
    known = false
    expect(await register('1002')).toBe(200) // it is remembered
    server.accountsChanged({ gone: { customer_id: CUSTOMER } })
    await expect.poll(online).toBe(0)
    expect(await register('1002')).toBe(401)
    const gone = server.registrations.filter(({ expires }) => expires === 0).map(({ aor }) => aor)
    expect(gone.sort()).toEqual(['1000', '1001', '1002'].map((user) => `${user}@${CUSTOMER}`))
  } finally {
    raw.close()
    await app.close()
    await server.close()
  }
})

test('registrations outlive a restart', async () => {
  const first = await startTestSwitch()
  const raw = await openRawPeer(first.sipPort)
  await raw.askAs('1000', 'pass1000', 'REGISTER', registering('1000'))
  await first.close()
  const second = await startTestSwitch({ registrations: first.registrations })
  const app = await connectAri(second.access)
  try {
    expect((await app.get(`endpoints/PJSIP/1000@${CUSTOMER}`)).body.state).toBe('online')
    await app.post('channels', {
      query: {
        endpoint: `PJSIP/call-out/sip:1000@${CUSTOMER}.registrar.sidetone.test`,
        app: 'sidetone',
        channelId: 'again',
      },
    })
    const invite = await raw.next((message) => message.kind === 'request')
    expect(invite.cseq.method).toBe('INVITE')
  } finally {
    raw.close()
    await app.close()
    await second.close()
  }
})
