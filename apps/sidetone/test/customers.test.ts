import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { createClient } from '@sidetone/bus'
import { type Contract, internalIdentity, permissionBits } from '@sidetone/contract'
import { agentContract } from '@sidetone/proto-schemas/agent'
import { customerContract } from '@sidetone/proto-schemas/customer'
import { flowContract } from '@sidetone/proto-schemas/flow'
import { numberContract } from '@sidetone/proto-schemas/number'
import { registrarContract } from '@sidetone/proto-schemas/registrar'
import { storageContract } from '@sidetone/proto-schemas/storage'
import { tagContract } from '@sidetone/proto-schemas/tag'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Running, startForTest } from './harness.ts'

let app: Running
let superToken: string
beforeAll(async () => {
  app = await startForTest({ RATE_LIMIT_IP: '0', RATE_LIMIT_CUSTOMER: '0', RATE_LIMIT_AUTH: '0' })
  superToken = (await login('admin@localhost', 'admin@localhost')).body.token
})
afterAll(() => app.close())

const login = (username: string, password: string) =>
  app.request('POST', '/auth/login', { token: '', body: { username, password } })
const client = <C extends Contract>(contract: C) =>
  createClient(contract, { transport: app.transport, publisher: 'test' })
const asSuper = (method: string, path: string, body?: object) => app.request(method, path, { token: superToken, body })
const createCustomer = (fields: object) => asSuper('POST', '/v1.0/customers', { name: 'C', ...fields })

describe('an e-mail', () => {
  test('belongs to one living customer, however it is written, also when two ask at once', async () => {
    const both = await Promise.all([
      createCustomer({ email: 'one@example.com' }),
      createCustomer({ email: 'One@Example.com' }),
    ])
    expect(both.map(({ status }) => status).sort()).toEqual([200, 409])
    const { body: other } = await createCustomer({ email: 'other@example.com' })
    const key = (
      await client(customerContract).accesskey.create({ name: 'k' }, { identity: internalIdentity(other.id) })
    ).token!
    const taken = await app.request('PUT', '/v1.0/customer', {
      token: key,
      body: { name: 'C', email: 'ONE@example.com' },
    })
    expect([taken.status, taken.body.error.reason]).toEqual([409, 'CUSTOMER_ALREADY_EXISTS'])
    const same = await app.request('PUT', '/v1.0/customer', {
      token: key,
      body: { name: 'C2', email: 'other@example.com' },
    })
    expect(same.body.name).toBe('C2')
  })

  test('is free again when its customer is deleted; an id is not', async () => {
    const { body: first } = await createCustomer({ email: 'again@example.com' })
    expect((await asSuper('DELETE', `/v1.0/customers/${first.id}`)).body.status).toBe('deleted')
    // Its agents follow by the event, and one of them has the address.
    await expect.poll(async () => (await createCustomer({ email: 'again@example.com' })).status).toBe(200)
    expect((await createCustomer({ email: 'third@example.com', id: first.id })).body.error.reason).toBe(
      'CUSTOMER_ALREADY_EXISTS',
    )
  })
})

describe('the webhook secret', () => {
  test('is shown by GET /customer alone', async () => {
    const own = await app.request('GET', '/v1.0/customer')
    expect(own.body.webhook_secret).toMatch(/^whsec_/)
    const { name, email } = own.body
    const others = [
      await app.request('PUT', '/v1.0/customer', { body: { name, email } }),
      await asSuper('GET', `/v1.0/customers/${own.body.id}`),
      await asSuper('GET', '/v1.0/customers'),
      await createCustomer({ email: 'no-secret@example.com' }),
    ]
    for (const { status, text } of others) {
      expect(status).toBe(200)
      expect(text).not.toMatch(/whsec_|webhook_secret/)
    }
  })
})

describe('a webhook address', () => {
  test.each([
    'http://10.1.2.3/',
    'http://169.254.169.254/latest/meta-data',
    'http://[::1]/',
    'http://0x0a000001/',
    'https://u:p@example.com/',
  ])('%s is refused when it is set, naming the field', async (webhook_uri) => {
    for (const answer of [
      await createCustomer({ email: 'hook@example.com', webhook_uri }),
      await app.request('PUT', '/v1.0/customer', { body: { name: 'x', email: 'admin@localhost', webhook_uri } }),
    ]) {
      expect([answer.status, answer.body.error.details?.[0]?.field]).toEqual([400, 'webhook_uri'])
    }
  })
})

test('a frozen customer has nothing running and nobody of it is let in, until it has recovered', async () => {
  const { body: customer } = await createCustomer({ email: 'frozen@example.com' })
  const mine = { identity: internalIdentity(customer.id) }
  const key = (await client(customerContract).accesskey.create({ name: 'k' }, mine)).token!
  const as = (method: string, path: string, body?: object) => app.request(method, path, { token: key, body })
  const extension = await as('POST', '/v1.0/extensions', { extension: '1000', password: 'secret secret' })
  const actions = [{ type: 'sleep', option: { duration: 60_000 } }, { type: 'block' }]
  const flow = await as('POST', '/v1.0/flows', { name: 'f', actions })
  const { body: running } = await as('POST', '/v1.0/activeflows', { flow_id: flow.body.id })
  const letIn = async () => {
    const who = { username: '1000', domain: `${customer.id}.registrar.example.com` }
    return (await client(registrarContract).extension.credentials(who, { identity: internalIdentity() })).credentials
  }
  const statusOf = async () => (await client(flowContract).activeflow.get({ id: running.id }, mine)).status
  expect([extension.status, await statusOf()]).toEqual([200, 'running'])
  expect(await letIn()).toMatchObject({ customer_id: customer.id })

  expect((await asSuper('POST', `/v1.0/customers/${customer.id}/freeze`)).status).toBe(200)
  await expect.poll(statusOf, { timeout: 10_000 }).toBe('ended')
  await expect.poll(letIn, { timeout: 10_000 }).toBeNull()
  const start = () => client(flowContract).activeflow.create({ flow_id: flow.body.id }, mine)
  await expect(start()).rejects.toMatchObject({ reason: 'ACCOUNT_FROZEN' })

  expect((await asSuper('POST', `/v1.0/customers/${customer.id}/recover`)).status).toBe(200)
  await expect.poll(letIn, { timeout: 10_000 }).toMatchObject({ customer_id: customer.id })
  await expect
    .poll(async () => (await as('POST', '/v1.0/activeflows', { flow_id: flow.body.id })).status, { timeout: 10_000 })
    .toBe(200)
})

test('a customer that is deleted takes everything with it', async () => {
  const { body: customer } = await createCustomer({ email: 'leaving@example.com' })
  const mine = { identity: internalIdentity(customer.id) }
  const { token } = await client(customerContract).accesskey.create({ name: 'k' }, mine)
  const agent = {
    username: 'second@leaving.example',
    password: 'long enough',
    name: 'A',
    permission: permissionBits.customer_admin,
  }
  await client(agentContract).agent.create(agent, mine)
  const session = (await login(agent.username, agent.password)).body.token
  const { id: call_flow_id } = await client(flowContract).flow.create(
    { name: 'f', actions: [{ type: 'answer' }] },
    mine,
  )
  await client(registrarContract).extension.create({ extension: '1000', password: 'secret secret' }, mine)
  const many = Array.from({ length: 1_050 }, (_, n) => n)
  await Promise.all([
    // Its plan allows no more of them.
    ...many.slice(0, 1_000).map((n) => client(tagContract).tag.create({ name: `tag ${n}` }, mine)),
    ...many.map((n) =>
      client(numberContract).number.create({ number: `+1555${String(2_000_000 + n)}`, name: '', call_flow_id }, mine),
    ),
  ])
  const file = {
    filename: 'a.wav',
    filesize: 3,
    content_type: 'audio/wav',
    sha256: '',
    reference_type: 'normal',
    type: '',
  } as const
  mkdirSync(join(app.folder, 'files', 'leaving'), { recursive: true })
  writeFileSync(join(app.folder, 'files', 'leaving', 'a.wav'), 'abc')
  await client(storageContract).storage_file.register({ ...file, id: crypto.randomUUID(), key: 'leaving/a.wav' }, mine)
  expect((await app.request('GET', '/v1.0/tags', { token: token! })).body.result).toHaveLength(100)

  expect((await asSuper('DELETE', `/v1.0/customers/${customer.id}`)).status).toBe(200)

  await expect.poll(() => livingRowsOf(customer.id), { timeout: 20_000 }).toEqual({})
  await expect.poll(() => readdirSync(join(app.folder, 'files', 'leaving'))).toEqual([])
  expect((await login(agent.username, agent.password)).status).toBe(401)
  await expect
    .poll(async () => (await app.request('GET', '/v1.0/me', { token: session })).status, { timeout: 7_000 })
    .toBe(401)
  await expect
    .poll(async () => (await app.request('GET', '/v1.0/tags', { token: token! })).status, { timeout: 7_000 })
    .toBe(401)
  const found = await client(registrarContract).extension.credentials(
    { username: '1000', domain: `${customer.id}.registrar.example.com` },
    { identity: internalIdentity() },
  )
  expect(found.credentials).toBeNull()
  // What was unique is free for others.
  expect((await app.request('POST', '/v1.0/agents', { body: agent })).status).toBe(200)
  expect((await app.request('POST', '/v1.0/numbers', { body: { number: '+15552000000', name: '' } })).status).toBe(200)
}, 60_000)

/** What a customer had and paid is kept for as long as the law says: the two sides of each movement add up to zero. */
const books = ['billing_billing', 'billing_posting', 'billing_invoice']

/** How many rows each table but the books still has of a customer; tables without any are left out. */
function livingRowsOf(customerId: string): Record<string, number> {
  const database = new DatabaseSync(join(app.folder, 'sidetone.db'), { readOnly: true })
  const tables = database
    .prepare(`select m.name from sqlite_master m where m.type = 'table'
    and exists (select 1 from pragma_table_info(m.name) where name = 'tm_delete')`)
    .all() as { name: string }[]
  const others = tables.filter(({ name }) => !books.includes(name))
  const counts = others.map(({ name }) => {
    const row = database
      .prepare(`select count(*) as n from ${name} where customer_id = ? and tm_delete is null`)
      .get(customerId)
    return [name, Number(row!.n)] as const
  })
  database.close()
  return Object.fromEntries(counts.filter(([, count]) => count > 0))
}

test('no secret is in the database in the clear, however it was set', async () => {
  const password = 'a password that is easy to find'
  const headers = { 'Idempotency-Key': 'secrets' }
  const { body: extension } = await app.request('POST', '/v1.0/extensions', {
    body: { extension: 'clear', password },
    headers,
  })
  expect(extension.password).toBe(password)
  await app.request('PUT', `/v1.0/extensions/${extension.id}`, { body: { password: `${password} 2` } })
  const { body: key } = await app.request('POST', '/v1.0/accesskeys', { body: { name: 'k' }, headers })
  const agent = { username: 'clear@example.com', password, name: 'A', permission: 16 }
  expect((await app.request('POST', '/v1.0/agents', { body: agent, headers })).status).toBe(200)
  const { webhook_secret } = (await app.request('GET', '/v1.0/customer')).body
  const { credentials } = await client(registrarContract).extension.credentials(
    { username: 'clear', domain: '' },
    { identity: internalIdentity() },
  )
  const secrets = {
    password,
    token: key.token,
    webhook_secret,
    ha1_md5: credentials!.ha1_md5,
    ha1_sha256: credentials!.ha1_sha256,
  }
  const files = readdirSync(app.folder).filter((name) => name.startsWith('sidetone.db'))
  const bytes = Buffer.concat(files.map((name) => readFileSync(join(app.folder, name))))
  expect(bytes.includes('clear@example.com')).toBe(true)
  expect(
    Object.entries(secrets)
      .filter(([, secret]) => bytes.includes(String(secret)))
      .map(([name]) => name),
  ).toEqual([])
})
