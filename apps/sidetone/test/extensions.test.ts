import { setTimeout as sleep } from 'node:timers/promises'
import { createPhone } from '@sidetone/e2e'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Running, startForTest } from './harness.ts'

/** How long the softswitch remembers an account. */
const rememberedMs = 5_000

let app: Running
beforeAll(async () => {
  app = await startForTest()
})
afterAll(() => app.close())

const register = async (username: string, password: string): Promise<string> => {
  const phone = await createPhone({ server: { host: '127.0.0.1', port: app.sipPort! }, username, password })
  const outcome = await phone.register().then(
    () => 'registered',
    () => 'refused',
  )
  await phone.close()
  return outcome
}

test('a phone registers with the extension’s password; a new one counts, and the old one no more, within five seconds', async () => {
  const { body } = await app.request('POST', '/v1.0/extensions', {
    body: { extension: 'desk', password: 'first secret' },
  })
  expect(await register('desk', 'first secret')).toBe('registered')
  await app.request('PUT', `/v1.0/extensions/${body.id}`, { body: { password: 'second secret' } })
  const gone = await app.request('POST', '/v1.0/extensions', { body: { extension: 'gone', password: 'first secret' } })
  expect(await register('gone', 'first secret')).toBe('registered')
  await app.request('DELETE', `/v1.0/extensions/${gone.body.id}`)
  await sleep(rememberedMs + 100)
  expect(await register('desk', 'second secret')).toBe('registered')
  expect(await register('desk', 'first secret')).toBe('refused')
  expect(await register('gone', 'first secret')).toBe('refused')
})
