import { afterAll, beforeAll, expect, test } from 'vitest'
import { createCustomer } from '../src/create-customer.ts'
import { type Running, startForTest } from './harness.ts'

let platform: Running
beforeAll(async () => {
  platform = await startForTest()
})
afterAll(() => platform.close())

const acme = { name: 'Acme', email: 'admin@acme.example', password: 'long enough', isSuper: false }

test('a customer comes with an admin who can log in and an access key that works', async () => {
  const { customer_id, login, accesskey } = await createCustomer(platform.transport, acme)
  const body = { username: login, password: acme.password }
  expect((await platform.request('POST', '/auth/login', { body })).status).toBe(200)
  expect((await platform.request('GET', '/v1.0/customer', { token: accesskey })).body.id).toBe(customer_id)
})

test('an admin that cannot be made leaves no customer behind', async () => {
  const wrong = { ...acme, name: 'Half', email: 'admin@half.example', password: 'short' }
  await expect(createCustomer(platform.transport, wrong)).rejects.toThrow()
  const local = { username: 'admin@localhost', password: 'admin@localhost' }
  const { token } = (await platform.request('POST', '/auth/login', { body: local })).body
  const names = (await platform.request('GET', '/v1.0/customers', { token })).body.result.map(({ name }) => name)
  expect(names).toContain('Local')
  expect(names).not.toContain('Half')
})
