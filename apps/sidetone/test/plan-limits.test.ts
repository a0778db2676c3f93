import { createClient } from '@sidetone/bus'
import { type Contract, internalIdentity } from '@sidetone/contract'
import { agentContract } from '@sidetone/proto-schemas/agent'
import { billingContract } from '@sidetone/proto-schemas/billing'
import { customerContract } from '@sidetone/proto-schemas/customer'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Running, startForTest } from './harness.ts'

let app: Running
let token: string
let customer: string
beforeAll(async () => {
  app = await startForTest({ RATE_LIMIT_IP: '0', RATE_LIMIT_CUSTOMER: '0', RATE_LIMIT_AUTH: '0' })
  const { customer: customers, accesskey } = client(customerContract)
  customer = (await customers.create({ name: 'Small', email: 'small@example.com' }, operator)).id
  token = (await accesskey.create({ name: 'k' }, asCustomer())).token!
})
afterAll(() => app.close())

const client = <C extends Contract>(contract: C) =>
  createClient(contract, { transport: app.transport, publisher: 'test' })
const operator = { identity: internalIdentity() }
const asCustomer = () => ({ identity: internalIdentity(customer) })
const post = (path: string, body: object) => app.request('POST', path, { token, body })
const trunk = (domain_name: string) => ({ domain_name, auth_types: ['ip'], allowed_ips: ['192.0.2.1'] })

test.each([
  ['extensions', 5, (n: number) => ({ extension: `20${n}`, password: 'secret secret' })],
  ['trunks', 1, (n: number) => trunk(`t${n}`)],
  ['numbers', 5, (n: number) => ({ number: `+89900100000${n}`, type: 'virtual' })],
  ['webhook_endpoints', 10, () => ({ uri: 'http://127.0.0.1:9/', status: 'disabled' })],
] as const)('the free plan allows so many %s (%i), also when they are made at once', async (what, limit, body) => {
  const path = `/v1.0/${what}`
  const answers = await Promise.all(Array.from({ length: limit + 2 }, (_, n) => post(path, body(n))))
  const refused = answers.filter(({ status }) => status !== 200)
  expect(refused).toHaveLength(2)
  for (const { status, body: answer } of refused) {
    expect(status).toBe(429)
    expect(answer.error).toMatchObject({
      reason: 'RESOURCE_LIMIT_EXCEEDED',
      message: `Your plan allows ${limit} of these, and you have ${limit}; delete one, or take a larger plan.`,
    })
  }
  const made = answers.find(({ status }) => status === 200)!
  expect((await app.request('DELETE', `${path}/${made.body.id}`, { token })).status).toBe(200)
  expect((await post(path, body(9))).status).toBe(200)
})

test('the free plan allows five agents', async () => {
  const { agent: agents } = client(agentContract)
  const create = (name: string) =>
    agents.create({ username: `${name}@small.example`, name, password: 'long enough', permission: 16 }, asCustomer())
  // One after the other: their passwords take time.
  for (const name of ['a', 'b', 'c', 'd', 'e']) await create(name)
  await expect(create('f')).rejects.toMatchObject({ reason: 'RESOURCE_LIMIT_EXCEEDED' })
})

test('on the plan without limits there is none', async () => {
  const accounts = client(billingContract).billing_account
  const { id } = await accounts.own({}, asCustomer())
  await accounts.update_plan_type({ id, plan_type: 'unlimited' }, operator)
  expect((await post('/v1.0/trunks', trunk('more'))).status).toBe(200)
})

test('operators say whether they know who a customer is; nobody says so of itself', async () => {
  const fields = { identity_verification_status: 'verified' as const }
  const path = `/v1.0/customers/${customer}/identity_verification_status`
  expect((await app.request('PUT', path, { token, body: fields })).status).toBe(403)
  const { customer: customers } = client(customerContract)
  const wrong = { id: customer, identity_verification_status: 'maybe' as never }
  await expect(customers.update_identity_verification_status(wrong, operator)).rejects.toMatchObject({
    details: [{ field: 'identity_verification_status' }],
  })
  await customers.update_identity_verification_status({ id: customer, ...fields }, operator)
  expect((await app.request('GET', '/v1.0/customer', { token })).body).toMatchObject(fields)
})
