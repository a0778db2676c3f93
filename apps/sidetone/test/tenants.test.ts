import { setTimeout as sleep } from 'node:timers/promises'
import { createClient } from '@sidetone/bus'
import {
  type Contract,
  internalIdentity,
  nilId,
  operators,
  permissionBits,
  publicPath,
  type Route,
  routesOf,
} from '@sidetone/contract'
import { contracts } from '@sidetone/proto-schemas'
import { agentContract } from '@sidetone/proto-schemas/agent'
import { callContract } from '@sidetone/proto-schemas/call'
import { customerContract } from '@sidetone/proto-schemas/customer'
import { flowContract } from '@sidetone/proto-schemas/flow'
import { numberContract } from '@sidetone/proto-schemas/number'
import { storageContract } from '@sidetone/proto-schemas/storage'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { z } from 'zod'
import { type Running, startForTest } from './harness.ts'
import { connectStream } from './stream-client.ts'

/** The tenant of the tests' access key, which owns one of everything, and another one whose admin looks around. */
let app: Running
let owner: string
let rival: string
let rivalKey: string
let plainAgent: string
let superToken: string
/** One living row of each resource of the owner, by the resource's name. */
const owned = new Map<string, string>()

const login = async (username: string) =>
  (await app.request('POST', '/auth/login', { token: '', body: { username, password: 'long enough' } })).body.token

beforeAll(async () => {
  app = await startForTest({ RATE_LIMIT_IP: '0', RATE_LIMIT_CUSTOMER: '0', RATE_LIMIT_AUTH: '0' })
  const { body: seeded } = await app.request('POST', '/auth/login', {
    token: '',
    body: { username: 'admin@localhost', password: 'admin@localhost' },
  })
  const { body: customer } = await app.request('POST', '/v1.0/customers', {
    token: seeded.token,
    body: { name: 'Rival', email: 'rival@example.com' },
  })
  rival = customer.id
  superToken = seeded.token
  const client = <C extends Contract>(contract: C) =>
    createClient(contract, { transport: app.transport, publisher: 'test' })
  const asRival = { identity: internalIdentity(rival) }
  const agent = { name: 'A', password: 'long enough', permission: permissionBits.customer_admin }
  await client(agentContract).agent.create({ ...agent, username: 'admin@rival.example' }, asRival)
  rivalKey = (await client(customerContract).accesskey.create({ name: 'k' }, asRival)).token!

  owner = (await app.request('GET', '/v1.0/customer')).body.id
  const create = async (resource: string, path: string, body: object, by: { token?: string } = {}) => {
    const answer = await app.request('POST', path, { body, ...by })
    expect(answer.status, answer.text).toBe(200)
    owned.set(resource, answer.body.id)
    return answer.body.id
  }
  owned.set('customer', owner)
  await create('accesskey', '/v1.0/accesskeys', { name: 'owned' })
  await create('agent', '/v1.0/agents', { ...agent, username: 'plain@example.com', permission: 16 })
  await create('extension', '/v1.0/extensions', { extension: 'owned', password: 'secret secret' })
  await create('tag', '/v1.0/tags', { name: 'owned' })
  await create('webhook_endpoint', '/v1.0/webhook_endpoints', { uri: 'http://127.0.0.1:9/', status: 'disabled' })
  owned.set('webhook_delivery', owned.get('webhook_endpoint')!)
  const flow_id = await create('flow', '/v1.0/flows', { name: 'owned', actions: [{ type: 'answer' }] })
  await create('number', '/v1.0/numbers', { number: '+15550188001', name: 'owned', call_flow_id: flow_id })
  const pattern = { customer_id: owner, pattern: '+15550199*' }
  await create('number_pattern', '/v1.0/number_patterns', pattern, seeded)
  const trunk = { domain_name: 'owned', auth_types: ['ip'], allowed_ips: ['192.0.2.1'] }
  await create('trunk', '/v1.0/trunks', trunk)
  await create('activeflow', '/v1.0/activeflows', { actions: [{ type: 'sleep', option: { duration: 60_000 } }] })
  owned.set('billing_account', (await app.request('GET', '/v1.0/billing_account')).body.id)
  owned.set('billing', (await app.request('GET', '/v1.0/billings')).body.result[0]!.id)
  const rates = await app.request('GET', '/v1.0/billing_rates', { token: seeded.token })
  owned.set('billing_rate', rates.body.result[0]!.id)
  const asOwner = { identity: internalIdentity(owner) }
  const file = {
    id: crypto.randomUUID(),
    filename: 'a.wav',
    filesize: 1,
    content_type: 'audio/wav',
    sha256: '',
    key: 'a/a.wav',
  }
  await client(storageContract).storage_file.register({ ...file, reference_type: 'normal', type: '' }, asOwner)
  owned.set('storage_file', file.id)
  owned.set('storage_account', owner)
  const { groupcalls } = await client(callContract).call.create(
    { source: address('tel', '+15550188001'), destinations: [address('extension', '1000')], flow_id },
    asOwner,
  )
  owned.set('sip_message', groupcalls[0]!.call_ids[0]!)
  owned.set('groupcall', groupcalls[0]!.id)
  owned.set('call', groupcalls[0]!.call_ids[0]!)
  owned.set('outbound_config', (await app.request('PUT', '/v1.0/outbound_config', { body: {} })).body.id)
  const carrier = { type: 'sip', hostname: 'sip.example', tech_prefix: '', tech_postfix: '', tech_headers: {} }
  const provider = { ...carrier, name: 'owned', detail: '' }
  const provider_id = await create('provider', '/v1.0/providers', provider, seeded)
  const route = { customer_id: owner, name: '', detail: '', provider_id, priority: 1, target: '+44' }
  await create('route', '/v1.0/routes', route, seeded)
  const destinations = [address('extension', '1001')]
  await create('providercall', '/v1.0/providercalls', { provider_id, destinations, flow_id }, seeded)
  plainAgent = await login('plain@example.com')
})
afterAll(() => app.close())

const address = (type: 'tel' | 'extension', target: string) => ({ type, target, target_name: '', name: '', detail: '' })

const publicRoutes = contracts
  .flatMap((contract): Route[] => routesOf(contract))
  .filter(({ operation }) => operation.allow)
const titled = (routes: Route[]) => routes.map((route) => [`${route.method} ${route.path}`, route] as const)
const pathOf = ({ path }: Route, id: string): string => publicPath(path).replaceAll(/\{\w+\}/g, id)

/** A body that the operation takes, so that nothing but the id is wrong. */
function bodyOf({ operation, method, path }: Route): Record<string, unknown> | undefined {
  if (method === 'GET' || method === 'DELETE') return undefined
  const schema = z.toJSONSchema(operation.input, {
    io: 'input',
    unrepresentable: 'any',
  }) as z.core.JSONSchema.BaseSchema
  const fields = Object.entries(schema.properties ?? {}) as [string, z.core.JSONSchema.BaseSchema][]
  const needed = fields.filter(([name]) => schema.required?.includes(name) && !path.includes(`{${name}}`))
  const body = Object.fromEntries(needed.map(([name, field]) => [name, sampleOf(name, field)]))
  return 'auth_types' in body ? { ...body, auth_types: ['ip'], allowed_ips: ['192.0.2.1'] } : body
}

function sampleOf(name: string, { type, enum: values, format }: z.core.JSONSchema.BaseSchema): unknown {
  if (values) return values.at(-1)
  if (format === 'uuid') return nilId
  if (format === 'date-time') return '2026-11-21T07:00:00Z'
  if (name === 'uri') return 'http://127.0.0.1:9/'
  if (type === 'array') return name === 'actions' ? [{ type: 'answer' }] : []
  if (type === 'object') return { type: 'tel', target: '+15550100000' }
  if (type === 'integer' || type === 'number') return 16
  if (type === 'boolean') return false
  if (/mail|username/.test(name)) return 'someone@example.com'
  return name === 'number' ? '+15550188002' : 'long enough'
}

describe('an id of another customer reads as one that does not exist', () => {
  const withId = publicRoutes.filter(({ path }) => path.includes('{'))
  // What the owner's rows have set off (audit log, activeflows, deliveries) comes to rest before they are compared.
  beforeAll(async () => {
    let before: string
    do {
      before = await snapshot()
      await sleep(500)
    } while ((await snapshot()) !== before)
  })

  test('one row of each resource is there to be asked for', () => {
    const known = new Set([...owned.keys(), 'timeline', 'audit_log', 'recording', 'invoice'])
    const missing = withId.map(({ resource }) => resource).filter((resource) => !known.has(resource))
    expect(missing, 'beforeAll of this file must make one of each').toEqual([])
  })

  test.each(titled(withId))('%s', async (_, route) => {
    const id = owned.get(route.resource) ?? owned.get('tag')!
    const path = pathOf(route, id).replace(`/timelines/${id}/`, '/timelines/tags/')
    const before = await snapshot()
    const foreign = await app.request(route.method, path, { token: rivalKey, body: bodyOf(route) })
    if (route.resource === 'timeline') expect(foreign.body.result).toEqual([])
    else if (route.operation.allow === operators) expect(foreign.status).toBe(403)
    else {
      const nobody = await app.request(route.method, path.replace(id, crypto.randomUUID()), {
        token: rivalKey,
        body: bodyOf(route),
      })
      expect(foreign.status, foreign.text).toBe(404)
      const { request_id: _1, ...seen } = foreign.body.error
      const { request_id: _2, ...unseen } = nobody.body.error
      expect(seen).toEqual(unseen)
    }
    expect(await snapshot()).toEqual(before)
  })

  /** Everything of the owner that a list shows. */
  async function snapshot(): Promise<string> {
    const lists = publicRoutes.filter(
      ({ name, path, operation }) => name === 'list' && !path.includes('{') && operation.allow !== operators,
    )
    const texts = await Promise.all(lists.map(async ({ path }) => (await app.request('GET', publicPath(path))).text))
    // Addresses of files are signed anew each time, and a call goes on by itself.
    return texts
      .filter((text) => !text.includes('"direction"') && !text.includes('"dial_index"'))
      .map((text) => text.replaceAll(/\?expires=[^"]*|"tm_download_expire":"[^"]*"/g, ''))
      .join('\n')
  }
})

describe('without the right to', () => {
  let revoked: string
  let loggedOut: string
  beforeAll(async () => {
    const { body } = await app.request('POST', '/v1.0/accesskeys', { body: { name: 'revoked' } })
    revoked = body.token
    await app.request('DELETE', `/v1.0/accesskeys/${body.id}`)
    loggedOut = await login('plain@example.com')
    await app.request('POST', '/auth/logout', { token: loggedOut })
    // It is believed for five more seconds.
    const me = () => app.request('GET', '/v1.0/me', { token: loggedOut })
    await vi.waitUntil(async () => (await me()).status === 401, { timeout: 15_000, interval: 100 })
  })
  // Whoever is logged in may log out, and would not be logged in for the next test.
  const guarded = publicRoutes.filter(({ operation, path }) => operation.allow !== 'public' && path !== '/auth/logout')

  test.each(titled(guarded))('%s answers 401 or 403', async (_, route) => {
    const path = pathOf(route, owned.get(route.resource) ?? nilId).replace(`/timelines/${nilId}/`, '/timelines/tags/')
    const send = (token: string) => app.request(route.method, path, { token, body: bodyOf(route) })
    expect((await send('')).body.error.reason).toBe('AUTHENTICATION_REQUIRED')
    for (const token of [revoked, loggedOut]) expect((await send(token)).body.error.reason).toBe('INVALID_CREDENTIALS')
    const plain = await send(plainAgent)
    if (route.operation.allow === 'agent') expect(plain.status).toBe(200)
    else expect([plain.status, plain.body.error.reason]).toEqual([403, 'PERMISSION_DENIED'])
  })
})

describe('what a customer sees', () => {
  test.each(titled(publicRoutes.filter(({ name, path }) => name === 'list' && !path.includes('{'))))(
    '%s',
    async (_, route) => {
      const { status, body, text } = await app.request('GET', publicPath(route.path), { token: rivalKey })
      if (route.operation.allow === operators) return expect(status).toBe(403)
      expect(status).toBe(200)
      for (const row of body.result) expect(row.customer_id).toBe(rival)
      for (const id of owned.values()) expect(text).not.toContain(id)
    },
  )

  test('a customer reads itself, not another', async () => {
    expect((await app.request('GET', '/v1.0/customer', { token: rivalKey })).body).toMatchObject({
      id: rival,
      name: 'Rival',
    })
  })

  test('topics of another customer and its agents are refused', async () => {
    const client = await connectStream(app.url, `accesskey=${rivalKey}`)
    const foreign = [
      `customer_id:${owner}`,
      `customer_id:${owner}:tag`,
      `agent_id:${owned.get('agent')}`,
      `agent_id:${nilId}`,
    ]
    for (const [id, topic] of foreign.entries()) {
      client.send({ type: 'subscribe', id, topics: [topic, `customer_id:${rival}`], cursor: 0 })
      expect(await client.wait((frame) => frame.id === id)).toMatchObject({
        type: 'error',
        reason: 'TOPIC_NOT_ALLOWED',
      })
    }
    client.send({ type: 'subscribe', id: 'own', topics: [`customer_id:${rival}`], cursor: 0 })
    await client.wait((frame) => frame.id === 'own')
    await app.request('POST', '/v1.0/tags', { body: { name: 'of the owner' } })
    await app.request('POST', '/v1.0/tags', { token: rivalKey, body: { name: 'of the rival' } })
    await client.wait((frame) => frame.type === 'tag_created')
    const heard = client.frames.filter(({ customer_id }) => customer_id)
    expect(new Set(heard.map(({ customer_id }) => customer_id))).toEqual(new Set([rival]))
    client.close()
  })

  test('an idempotency key of one customer does not answer another’s request', async () => {
    const create = (token: string) =>
      app.request('POST', '/v1.0/tags', { token, body: { name: 'same' }, headers: { 'Idempotency-Key': 'shared' } })
    const [mine, theirs] = [await create(app.accesskey), await create(rivalKey)]
    expect([mine.body.customer_id, theirs.body.customer_id]).toEqual([owner, rival])
    expect(theirs.body.id).not.toBe(mine.body.id)
  })
})

describe('a row of another customer cannot be named in a request', () => {
  /** Whose row a field names. */
  const references: Record<string, string> = {
    billing_account_id: 'billing_account',
    call_flow_id: 'flow',
    default_outgoing_source_number_id: 'number',
    flow_id: 'flow',
    message_flow_id: 'flow',
    on_complete_flow_id: 'flow',
  }
  /** Tags may be gone, a flow is looked for among the customer's own when it is to run, an `id` may be the client's; the others hold more than an id. */
  const others = ['tag_ids', 'on_end_flow_id', 'id', 'actions', 'answers', 'file']

  const named = publicRoutes
    .filter(({ method, operation: { allow } }) => method !== 'GET' && allow !== operators && allow !== 'public')
    .flatMap((route) => {
      const { properties = {} } = z.toJSONSchema(route.operation.input, { io: 'input', unrepresentable: 'any' })
      const fields = Object.keys(properties).filter((name) => !route.path.includes(`{${name}}`))
      const ids = fields.filter((name) => JSON.stringify(properties[name]).includes('"uuid"'))
      return ids.map((field) => ({ route, field }))
    })
  const own = new Map<string, string>()
  beforeAll(async () => {
    const asRival = { identity: internalIdentity(rival) }
    const client = <C extends Contract>(contract: C) =>
      createClient(contract, { transport: app.transport, publisher: 'test' })
    const { id: flow } = await client(flowContract).flow.create({ name: 'own', actions: [] }, asRival)
    const fields = { customer_id: rival, number: '+15550188009', name: '', call_flow_id: flow }
    const { id: number } = await client(numberContract).number.register(fields, { identity: internalIdentity() })
    const pattern = { customer_id: rival, pattern: '+15550198*', name: '', detail: '' }
    const made = await app.request('POST', '/v1.0/number_patterns', { token: superToken, body: pattern })
    const agent = await app.request('GET', '/v1.0/agents', { token: rivalKey })
    const call = await app.request('POST', '/v1.0/calls', { token: rivalKey, body: callTo('rival@127.0.0.1:9') })
    own.set('flow', flow).set('number', number).set('number_pattern', made.body.id)
    own.set('agent', agent.body.result[0]!.id).set('call', (call.body.calls as { id: string }[])[0]!.id)
  })

  test('it is known of each field that may name one whose it is', () => {
    const unknown = named.filter(({ field }) => !(field in references) && !others.includes(field))
    expect(unknown.map(({ route, field }) => `${route.method} ${route.path}: ${field}`)).toEqual([])
  })

  test.each(
    named
      .filter(({ field }) => field in references)
      .map(({ route, field }) => [`${route.method} ${route.path}: ${field}`, route, field] as const),
  )('%s', async (_, route, field) => {
    const needed = { ...bodyOf(route), ...(/^\/(group)?calls$/.test(route.path) && callTo('someone@127.0.0.1:9')) }
    const body = { ...needed, [field]: owned.get(references[field]!) }
    const path = pathOf(route, own.get(route.resource) ?? nilId)
    const answer = await app.request(route.method, path, { token: rivalKey, body })
    expect([400, 404], answer.text).toContain(answer.status)
    expect(answer.text).toMatch(/flow|number|account/i)
  })
})

const callTo = (target: string) => ({
  source: address('tel', '+15550188009'),
  destinations: [{ ...address('tel', target), type: 'sip' }],
  actions: [{ type: 'answer' }],
})
