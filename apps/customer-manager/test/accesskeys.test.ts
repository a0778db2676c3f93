import { internalIdentity } from '@sidetone/contract'
import { customerContract } from '@sidetone/proto-schemas/customer'
import { sha256Hex } from '@sidetone/secrets'
import { timeAfter } from '@sidetone/store'
import { adminOf, someId, startTestPlatform, type TestPlatform } from '@sidetone/testing'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { customerManager } from '../src/manager.ts'

const acme = someId(1)

let app: TestPlatform
beforeAll(async () => {
  app = await startTestPlatform({ managers: [customerManager] })
})
afterAll(() => app.close())

const keys = () => app.as(customerContract, adminOf(acme)).accesskey
const verify = (token: string) =>
  app.as(customerContract, internalIdentity()).accesskey.verify({ token_hash: sha256Hex(token) })
const rows = () => app.platform.store.kysely.selectFrom('customer_accesskey')
const set = (id: string, values: object) =>
  app.platform.store.kysely.updateTable('customer_accesskey').set(values).where('id', '=', id).execute()

test('a key is shown once, known by its beginning, and kept as a hash only', async () => {
  const { token, ...made } = await keys().create({ name: 'k' })
  expect(token).toMatch(/^st_[\w-]{32}$/)
  expect(made.token_prefix).toBe(token!.slice(0, 11))
  expect(await keys().get({ id: made.id })).not.toHaveProperty('token')
  const kept = JSON.stringify(await rows().selectAll().execute())
  expect(kept).toContain(sha256Hex(token!))
  expect(kept).not.toContain(token)
  expect(JSON.stringify(await app.events())).not.toContain(token)
  expect((await verify(token!)).id).toBe(made.id)
})

test('a key ends when it expires or is revoked', async () => {
  const [expiring, revoked] = [await keys().create({ name: 'e', expire: 86_400 }), await keys().create({ name: 'r' })]
  expect(Date.parse(expiring.tm_expire!) - Date.now()).toBeGreaterThan(86_000_000)
  const missing = { reason: 'ACCESSKEY_NOT_FOUND' }
  await verify(expiring.token!)
  await set(expiring.id, { tm_expire: timeAfter(-1_000) })
  await expect(verify(expiring.token!)).rejects.toMatchObject(missing)
  await keys().delete({ id: revoked.id })
  await expect(verify(revoked.token!)).rejects.toMatchObject(missing)
  for (const expire of [0, 86_399, 9e15]) {
    await expect(keys().create({ name: 'x', expire })).rejects.toMatchObject({ details: [{ field: 'expire' }] })
  }
})

test('its use is noted, once in a while, and is no change of it', async () => {
  const { id, token, tm_update } = await keys().create({ name: 'used' })
  const lastUse = async () =>
    (await rows().select('tm_last_use').where('id', '=', id).executeTakeFirstOrThrow()).tm_last_use
  expect(await lastUse()).toBeNull()
  await verify(token!)
  const first = await lastUse()
  expect(Date.parse(first as string)).toBeGreaterThan(Date.now() - 5_000)
  await verify(token!)
  expect(await lastUse()).toBe(first)
  await set(id, { tm_last_use: timeAfter(-120_000) })
  await verify(token!)
  expect(Date.parse((await lastUse()) as string)).toBeGreaterThan(Date.now() - 5_000)
  expect((await keys().get({ id })).tm_update).toBe(tm_update)
})
