import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createClient } from '@sidetone/bus'
import { internalIdentity } from '@sidetone/contract'
import { createPhone } from '@sidetone/e2e'
import { registrarContract } from '@sidetone/proto-schemas/registrar'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Running, startForTest } from './harness.ts'

let app: Running
beforeAll(async () => {
  app = await startForTest()
})
afterAll(() => app.close())

/** Well below the time for which the softswitch remembers accounts. */
const atOnce = { timeout: 2_000 }

const register = async (username: string, password: string): Promise<string> => {
  const phone = await createPhone({ server: { host: '127.0.0.1', port: app.sipPort! }, username, password })
  const outcome = await phone.register().then(
    () => 'registered',
    () => 'refused',
  )
  await phone.close()
  return outcome
}

test('a phone registers with the extension’s password; a new one counts at once, and the old one no more', async () => {
  const { body } = await app.request('POST', '/v1.0/extensions', {
    body: { extension: 'desk', password: 'first secret' },
  })
  expect(await register('desk', 'first secret')).toBe('registered')
  await app.request('PUT', `/v1.0/extensions/${body.id}`, { body: { password: 'second secret' } })
  const gone = await app.request('POST', '/v1.0/extensions', { body: { extension: 'gone', password: 'first secret' } })
  expect(await register('gone', 'first secret')).toBe('registered')
  await app.request('DELETE', `/v1.0/extensions/${gone.body.id}`)
  await expect.poll(() => register('desk', 'first secret'), atOnce).toBe('refused')
  expect(await register('desk', 'second secret')).toBe('registered')
  await expect.poll(() => register('gone', 'first secret'), atOnce).toBe('refused')
})

test('a phone of a customer that is frozen is not registered any more, nor can it register until that recovers', async () => {
  const login = { username: 'admin@localhost', password: 'admin@localhost' }
  const { body: admin } = await app.request('POST', '/auth/login', { token: '', body: login })
  const asSuper = { token: admin.token }
  const other = await app.request('POST', '/v1.0/customers', {
    ...asSuper,
    body: { name: 'Cold', email: 'cold@example.com' },
  })
  const identity = internalIdentity(other.body.id)
  const registrar = createClient(registrarContract, { transport: app.transport, publisher: 'test' })
  await registrar.extension.create({ extension: '1', password: 'cold secret' }, { identity })
  const domain = `${other.body.id}.registrar.sidetone.localhost`
  const phone = await createPhone({
    server: { host: '127.0.0.1', port: app.sipPort! },
    ...{ username: '1', password: 'cold secret', domain },
  })
  const registrations = () => readFileSync(join(app.folder, 'registrations.json'), 'utf8')
  const tryToRegister = () =>
    phone.register().then(
      () => 'registered',
      () => 'refused',
    )
  try {
    await phone.register()
    await expect.poll(registrations).toContain(other.body.id)
    await app.request('POST', `/v1.0/customers/${other.body.id}/freeze`, asSuper)
    await expect.poll(registrations, atOnce).not.toContain(other.body.id)
    await expect.poll(tryToRegister, atOnce).toBe('refused')
    await app.request('POST', `/v1.0/customers/${other.body.id}/recover`, asSuper)
    await expect.poll(tryToRegister).toBe('registered')
  } finally {
    await phone.close()
  }
})
