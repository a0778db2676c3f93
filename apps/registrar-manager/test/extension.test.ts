import { createHash } from 'node:crypto'
import { internalIdentity } from '@sidetone/contract'
import { registrarContract } from '@sidetone/proto-schemas/registrar'
import { testDatabases } from '@sidetone/store/testing'
import { someId } from '@sidetone/testing'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { acme, type Running, realm, rival, startRegistrar } from './start.ts'

const [sqlite] = await testDatabases('extensions')

let running: Running
let app: Running['app']
beforeAll(async () => {
  running = await startRegistrar(await sqlite!.create())
  app = running.app
})
afterAll(() => running.close())

const as = (customer: string) => running.as(customer).extension
const credentialsOf = async (username: string, domain = 'localhost') =>
  (await app.as(registrarContract, internalIdentity()).extension.credentials({ username, domain })).credentials

test('the digest of RFC 7616 section 3.9.1 can be checked with what is kept', async () => {
  await as(acme).create({ extension: 'Mufasa', password: 'Circle of Life' })
  const { ha1_md5, ha1_sha256 } = (await credentialsOf('Mufasa'))!
  const [nonce, nc, cnonce] = [
    '7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v',
    '00000001',
    'f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ',
  ]
  const responseTo = (algorithm: 'md5' | 'sha256', ha1: string): string => {
    const digest = (text: string) => createHash(algorithm).update(text).digest('hex')
    return digest(`${ha1}:${nonce}:${nc}:${cnonce}:auth:${digest('GET:/dir/index.html')}`)
  }
  expect(responseTo('md5', ha1_md5)).toBe('8ca523f5e9506fed4657c9700eebdbec')
  expect(responseTo('sha256', ha1_sha256)).toBe('753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1')
})

test('a new password counts from the next question on', async () => {
  const { id } = await as(acme).create({ extension: 'changing', password: 'first secret' })
  const before = await credentialsOf('changing')
  const updated = await as(acme).update({ id, password: 'second secret', name: 'N' })
  expect(updated).toMatchObject({ password: 'second secret', name: 'N' })
  const after = await credentialsOf('changing')
  const ha1 = createHash('md5').update(`changing:${realm}:second secret`).digest('hex')
  expect(after!.ha1_md5).toBe(ha1)
  expect(before!.ha1_md5).not.toBe(ha1)
})

test('an extension is its customer’s own: two customers may have the same, one may not', async () => {
  const mine = await as(acme).create({ extension: '200', password: 'secret secret' })
  await as(rival).create({ extension: '200', password: 'other secret' })
  await expect(as(acme).create({ extension: '200', password: 'secret secret' })).rejects.toMatchObject({
    reason: 'EXTENSION_ALREADY_EXISTS',
  })
  expect((await credentialsOf('200'))!.customer_id).toBe(acme)
  expect((await credentialsOf('200', `${rival.toUpperCase()}.registrar.example.com`))!.customer_id).toBe(rival)
  expect(await credentialsOf('200', `${someId(3)}.registrar.example.com`)).toBeNull()
  await as(acme).delete({ id: mine.id })
  expect(await credentialsOf('200')).toBeNull()
  expect((await as(acme).create({ extension: '200', password: 'secret secret' })).id).not.toBe(mine.id)
})

test('neither passwords nor hashes are in what is announced or kept', async () => {
  const { id } = await as(acme).create({ extension: 'quiet', password: 'a very quiet secret' })
  const { ha1_md5, ha1_sha256 } = (await credentialsOf('quiet'))!
  await app.events()
  const kept = JSON.stringify([
    await app.platform.store.kysely.selectFrom('registrar_extension').selectAll().where('id', '=', id).execute(),
    (await app.events()).filter(({ resource_id }) => resource_id === id),
  ])
  expect(kept).toContain('extension_created')
  for (const secret of ['a very quiet secret', ha1_md5, ha1_sha256]) expect(kept).not.toContain(secret)
})

test('an extension has a short address, which can be changed', async () => {
  const made = await as(acme).create({ extension: 'short', password: 'secret secret' })
  expect(made.direct_hash).toMatch(/^direct\.[0-9a-f]{32}$/)
  const changed = await as(acme).direct_hash_regenerate({ id: made.id })
  expect(changed.direct_hash).toMatch(/^direct\.[0-9a-f]{32}$/)
  expect(changed.direct_hash).not.toBe(made.direct_hash)
  expect(await as(acme).get({ id: made.id })).toEqual(changed)
  await expect(as(rival).direct_hash_regenerate({ id: made.id })).rejects.toMatchObject({
    reason: 'EXTENSION_NOT_FOUND',
  })
})

test('without the direct manager an extension is made all the same, and gets its address later', async () => {
  const alone = await startRegistrar(await sqlite!.create(), { withDirects: false })
  const { id, direct_hash } = await alone.as(acme).extension.create({ extension: '300', password: 'secret secret' })
  expect(direct_hash).toBe('')
  await expect(alone.as(acme).extension.direct_hash_regenerate({ id })).rejects.toMatchObject({ status: 'UNAVAILABLE' })
  await alone.close()
})
