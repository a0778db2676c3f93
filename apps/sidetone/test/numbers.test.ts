import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { createClient } from '@sidetone/bus'
import { internalIdentity } from '@sidetone/contract'
import { customerContract } from '@sidetone/proto-schemas/customer'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Running, startForTest } from './harness.ts'

const bought = new Map<string, string>()
/** As much of Twilio as buying takes. */
const twilio = createServer(async (request, response) => {
  const { pathname, searchParams } = new URL(request.url!, 'http://twilio')
  const reply = (status: number, body?: object) => response.writeHead(status).end(body && JSON.stringify(body))
  if (request.method === 'POST') {
    const form = new URLSearchParams(await text(request))
    bought.set(form.get('FriendlyName')!, form.get('PhoneNumber')!)
    return reply(201, { sid: form.get('FriendlyName'), capabilities: {} })
  }
  if (request.method === 'DELETE') {
    bought.delete(/([^/]+)\.json$/.exec(pathname)![1]!)
    return reply(204)
  }
  const name = searchParams.get('FriendlyName')!
  reply(200, { incoming_phone_numbers: bought.has(name) ? [{ sid: name, capabilities: {} }] : [] })
})

let app: Running
let accesskey: string
let superToken: string
let customer_id: string
beforeAll(async () => {
  await new Promise<void>((resolve) => twilio.listen(0, '127.0.0.1', resolve))
  app = await startForTest({
    NUMBER_PROVIDER: 'twilio',
    TWILIO_ACCOUNT_SID: 'AC1',
    TWILIO_AUTH_TOKEN: 'token',
    TWILIO_URL: `http://127.0.0.1:${(twilio.address() as AddressInfo).port}`,
  })
  const login = { username: 'admin@localhost', password: 'admin@localhost' }
  superToken = (await app.request('POST', '/auth/login', { token: '', body: login })).body.token
  const made = await app.request('POST', '/v1.0/customers', {
    token: superToken,
    body: { name: 'Buyer', email: 'buyer@example.com' },
  })
  customer_id = made.body.id
  const { accesskey: keys } = createClient(customerContract, { transport: app.transport, publisher: 'test' })
  accesskey = (await keys.create({ name: 'k' }, { identity: internalIdentity(customer_id) })).token!
})
afterAll(async () => {
  await app.close()
  twilio.close()
})

const mine = (method: string, path: string, body?: object) => app.request(method, path, { token: accesskey, body })
const buy = (number: string) => mine('POST', '/v1.0/numbers', { number, name: 'main' })
const credit = async () => (await mine('GET', '/v1.0/billing_account')).body.balance_credit

test('the seeded numbers are there although a provider sells the others', async () => {
  const { body } = await app.request('GET', '/v1.0/numbers')
  expect(body.result.map(({ number }) => number)).toContain('+15550100000')
  expect(bought.size).toBe(0)
})

test('a virtual number is found and taken for nothing', async () => {
  const { body } = await mine('GET', '/v1.0/available_numbers?type=virtual&page_size=3')
  expect(body.result).toHaveLength(3)
  const { number } = body.result[0]!
  expect(await mine('POST', '/v1.0/numbers', { number, type: 'virtual' })).toMatchObject({
    status: 200,
    body: { number },
  })
  expect((await mine('GET', '/v1.0/available_numbers')).body.error.details).toMatchObject([{ field: 'country_code' }])
})

test('a number costs what the rates say, once; without the money it is not bought; and it goes back', async () => {
  expect(await buy('+13125550100')).toMatchObject({ status: 402, body: { error: { reason: 'BALANCE_INSUFFICIENT' } } })
  expect(bought.size).toBe(0)
  const { id: account } = (await mine('GET', '/v1.0/billing_account')).body
  await app.request('POST', `/v1.0/billing_accounts/${account}/balance_add_force`, {
    token: superToken,
    body: { balance: 10 },
  })
  const { status, body: number } = await buy('+13125550100')
  expect([status, number.number]).toEqual([200, '+13125550100'])
  expect([...bought]).toEqual([[number.id, '+13125550100']])
  await expect.poll(credit, { timeout: 5_000 }).toBe(5_000_000)

  const tm_renew = new Date(Date.now() + 60_000).toISOString()
  const renewed = await app.request('POST', '/v1.0/numbers/renew', { token: superToken, body: { tm_renew } })
  expect([renewed.status, (renewed.body as unknown as object[]).length]).toEqual([200, 1])
  await expect.poll(credit, { timeout: 5_000 }).toBe(0)
  expect((await mine('POST', '/v1.0/numbers/renew', { tm_renew })).status).toBe(403)

  expect((await mine('DELETE', `/v1.0/numbers/${number.id}`)).body.status).toBe('deleted')
  await expect.poll(() => bought.size, { timeout: 5_000 }).toBe(0)
})
