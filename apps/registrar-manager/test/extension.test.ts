import { createHash } from 'node:crypto'
import { internalIdentity } from '@sidetone/contract'
import { registrarContract } from '@sidetone/proto-schemas/registrar'
import { adminOf, someId, startTestPlatform, type TestPlatform } from '@sidetone/testing'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { registrarManager } from '../src/manager.ts'

const [acme, rival] = [someId(1), someId(2)]
const realm = 'http-auth@example.org'

let app: TestPlatform
beforeAll(async () => {
  app = await startTestPlatform({ managers: [registrarManager], env: { SIP_REALM: realm, DEFAULT_CUSTOMER_ID: acme } })
})
afterAll(() => app.close())

const as = (customer: string) => app.as(registrarContract, adminOf(customer)).extension
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
