import { randomUUID } from 'node:crypto'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { type Ari, connectAri } from './ari/ari-client.ts'
import { isLetIn, startCarrier } from './ari/carrier.ts'
import { startTestSwitch } from './start-test-switch.ts'

// What a real Asterisk does otherwise, or not at all; the rest is in ari/carriers.ts.
const login = { username: 'sidetone', password: 'secret' }
const digest = 'Digest realm="carrier", nonce="47ebe028cda119c3"'
const once = { status: 407 as const, values: [`${digest}, algorithm=MD5, qop="auth"`] }

let server: Awaited<ReturnType<typeof startTestSwitch>>
let ari: Ari
const closing: (() => unknown)[] = []

beforeAll(async () => {
  server = await startTestSwitch()
  ari = await connectAri(server.access)
  const push = (path: string, values: Record<string, string>) =>
    ari.put(`asterisk/config/dynamic/res_pjsip/${path}`, {
      body: { fields: Object.entries(values).map(([attribute, value]) => ({ attribute, value })) },
    })
  await push('auth/carrier', login)
  await push('endpoint/carrier', { outbound_auth: 'carrier' })
})
afterAll(async () => {
  await ari.close()
  await server.close()
})
afterEach(async () => {
  for (const close of closing.splice(0)) await close()
  ari.events.length = 0
})

async function call(decide: Parameters<typeof startCarrier>[0]) {
  const carrier = await startCarrier(decide)
  closing.push(carrier.close)
  const channelId = randomUUID()
  const query = { endpoint: `PJSIP/carrier/sip:1000@${carrier.host}`, app: ari.app, channelId }
  expect(await ari.post('channels', { query })).toMatchObject({ status: 200 })
  return { ...carrier, path: `channels/${channelId}`, channel: { id: channelId } }
}

test('the first challenge that can be answered is answered, whatever stands before it', async () => {
  const values = ['Basic realm="carrier"', `${digest}, algorithm=SHA-512-256`, `${digest}, qop="auth-int,auth"`]
  const { channel, path } = await call((request) =>
    isLetIn(request, login) || request.method === 'BYE' ? undefined : { status: 401, values },
  )
  await ari.next('StasisStart', { channel })
  await ari.delete(path)
  await ari.next('ChannelDestroyed', { channel })
})

test.each(['Digest realm="carrier"', `${digest}, algorithm=MD5-sess`, `${digest}, qop="auth-int"`, 'Digest "'])(
  'a challenge that cannot be answered refuses the call: %s',
  async (value) => {
    const { channel, of } = await call(() => ({ status: 401, values: [value] }))
    await ari.next('ChannelDestroyed', { channel, cause: 21 })
    expect(of('INVITE')).toHaveLength(1)
  },
)

test('a carrier that asks at the end of a call gets an answer too', async () => {
  const { channel, path, of } = await call((request) => (isLetIn(request, login) ? undefined : once))
  await ari.next('StasisStart', { channel })
  await ari.delete(path)
  await expect.poll(() => of('BYE').map((bye) => isLetIn(bye, login))).toEqual([false, true])
})

test('the ACK of a call that was let in has what it was let in with', async () => {
  const { channel, path, of } = await call(({ method, ...request }) =>
    method === 'BYE' || isLetIn({ ...request, method }, login) ? undefined : once,
  )
  await ari.next('StasisStart', { channel })
  const credentials = of('INVITE')[1]!.headers.find(([name]) => name === 'proxy-authorization')
  expect(of('ACK')[1]!.headers).toContainEqual(credentials)
  await ari.delete(path)
  await ari.next('ChannelDestroyed', { channel })
})
