import { createClient } from '@sidetone/bus'
import { ApiError, anonymousIdentity, type Contract, isAllowed, managers, nilId } from '@sidetone/contract'
import { agentContract } from '@sidetone/proto-schemas/agent'
import { customerContract } from '@sidetone/proto-schemas/customer'
import { directContract } from '@sidetone/proto-schemas/direct'
import { scripted, someId, startTestPlatform, type TestPlatform } from '@sidetone/testing'
import { SignJWT } from 'jose'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createAuthenticator } from '../src/authenticate.ts'
import { gatewayClient } from '../src/session.ts'
import { createTokens } from '../src/tokens.ts'

const key = new TextEncoder().encode('a key for the tests of tokens, 32 bytes or more')
const [acme, frozen] = [someId(1), someId(2)]
const tm = { tm_create: '2026-01-01T00:00:00.000000Z', tm_update: null, tm_delete: null }
/** What each hash leads to, as long as it is here. */
const directs = new Map(
  (
    [
      ['direct.ai', 'ai', acme],
      ['direct.extension', 'extension', acme],
      ['direct.frozen', 'ai', frozen],
    ] as const
  ).map(([hash, resource_type, customer_id], n) => [
    hash as string,
    { ...tm, id: someId(10 + n), customer_id, hash, resource_type, resource_id: someId(20 + n) },
  ]),
)

let platform: TestPlatform
let doormen: Parameters<typeof gatewayClient>[0]
beforeAll(async () => {
  const customers = scripted(customerContract, {
    customer: {
      get: async ({ id }) => ({
        ...tm,
        id,
        customer_id: id,
        name: '',
        detail: '',
        email: 'a@example.com',
        phone_number: '',
        address: '',
        webhook_method: '' as const,
        webhook_uri: '',
        webhook_secret: '',
        billing_account_id: nilId,
        metadata: { rtp_debug: false },
        email_verified: true,
        status: id === frozen ? ('frozen' as const) : ('active' as const),
        identity_verification_status: 'none' as const,
        tm_deletion_scheduled: id === frozen ? tm.tm_create : null,
      }),
    },
  })
  const directManager = scripted(directContract, {
    direct: {
      async get_by_hash({ hash }, { fail }) {
        const direct = directs.get(hash)
        if (!direct) throw fail('DIRECT_NOT_FOUND')
        return direct
      },
    },
  })
  platform = await startTestPlatform({ managers: [customers, directManager] })
  const { transport } = platform.platform
  const client = <C extends Contract>(contract: C) => createClient(contract, { transport, publisher: 'gateway' })
  doormen = {
    tokens: createTokens(key),
    agents: client(agentContract),
    customers: client(customerContract),
    directs: client(directContract),
  }
})
afterAll(() => platform.close())

const boot = (direct_hash: string) =>
  gatewayClient(doormen).session.boot({ direct_hash }, { identity: anonymousIdentity })
/** What is remembered for seconds is forgotten: a new one each time. */
const identify = (token: string) => createAuthenticator(doormen).identify({ token })
const invalid = { reason: 'INVALID_CREDENTIALS' }

test('a token that anybody can have names its resource, holds no permission, and ends with the hash', async () => {
  const booted = await boot('direct.ai')
  expect(booted).toMatchObject({ type: 'direct', resource_type: 'ai', resource_id: someId(20), customer_id: acme })
  expect(Math.round((Date.parse(booted.expire) - Date.now()) / 60_000)).toBe(240)
  const identity = await identify(booted.token)
  expect(identity).toMatchObject({ type: 'direct', customer_id: acme, permission: 0 })
  expect(identity.direct).toEqual({ resource_type: 'ai', resource_id: someId(20) })
  for (const allow of ['agent', managers] as const) expect(isAllowed(allow, identity)).toBe(false)
  const direct = directs.get('direct.ai')!
  directs.delete('direct.ai')
  await expect(identify(booted.token)).rejects.toMatchObject(invalid)
  directs.set('direct.ai', direct)
})

test.each(['direct.extension', 'direct.frozen', 'direct.nothing'])('%s boots no token', async (hash) => {
  await expect(boot(hash)).rejects.toMatchObject({ reason: 'DIRECT_HASH_UNKNOWN', status: 'INVALID_ARGUMENT' })
})

test('a token that is forged, expired or for somebody else is none', async () => {
  const claims = { type: 'direct', direct_hash: 'direct.ai' }
  const inAnHour = Math.floor(Date.now() / 1_000) + 3_600
  const sign = (options: { key?: Uint8Array; audience?: string; expire?: number; alg?: string; payload?: object }) =>
    new SignJWT({ ...claims, ...options.payload })
      .setProtectedHeader({ alg: options.alg ?? 'HS256' })
      .setAudience(options.audience ?? 'sidetone')
      .setExpirationTime(options.expire ?? inAnHour)
      .sign(options.key ?? key)
  await identify(await sign({}))
  const good = await sign({})
  const [head, , signature] = good.split('.')
  const body = Buffer.from(JSON.stringify({ ...claims, aud: 'sidetone', exp: inAnHour })).toString('base64url')
  const none = Buffer.from('{"alg":"none"}').toString('base64url')
  for (const token of [
    await sign({ key: new TextEncoder().encode('another key, which is as long as the first') }),
    await sign({ audience: 'somebody-else' }),
    await sign({ expire: inAnHour - 7_200 }),
    await sign({ alg: 'HS512' }),
    await sign({ payload: { type: 'internal' } }),
    await sign({ payload: { type: 'agent' } }),
    `${head}.${body}x.${signature}`,
    `${none}.${body}.`,
    'a.b.c',
  ])
    await expect(identify(token), token).rejects.toMatchObject(invalid)
})

test('a frozen customer’s identity is known, and refused with how to recover', async () => {
  const authenticator = createAuthenticator(doormen)
  const token = await doormen.tokens.sign({ type: 'direct', direct_hash: 'direct.frozen' }, '2099-01-01T00:00:00Z')
  const identity = await authenticator.identify({ token })
  const refusal = (() => {
    try {
      authenticator.checkActive(identity)
    } catch (error) {
      return error as ApiError
    }
  })()
  expect(refusal).toBeInstanceOf(ApiError)
  expect(refusal?.toBody()).toMatchObject({
    status: 'PERMISSION_DENIED',
    reason: 'ACCOUNT_FROZEN',
    details: [
      {
        deletion_scheduled_at: tm.tm_create,
        deletion_effective_at: '2026-01-31T00:00:00.000Z',
        recovery_endpoint: 'DELETE /auth/unregister',
      },
    ],
  })
  expect(() => authenticator.checkActive(anonymousIdentity)).not.toThrow()
})
