import { internalIdentity } from '@sidetone/contract'
import { directContract } from '@sidetone/proto-schemas/direct'
import { testDatabases } from '@sidetone/store/testing'
import { someId, startTestPlatform, type TestPlatform } from '@sidetone/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { directManager } from '../src/manager.ts'

describe.each(await testDatabases('direct hashes'))('on $name', ({ create: createDatabase }) => {
  let app: TestPlatform
  let drop: () => Promise<void>
  beforeAll(async () => {
    const database = await createDatabase()
    drop = database.drop
    app = await startTestPlatform({
      managers: [directManager],
      env: database.url === undefined ? {} : { DATABASE_URL: database.url },
    })
  })
  afterAll(async () => {
    await app.close()
    await drop()
  })

  const [acme, rival] = [someId(1), someId(2)]
  const as = (customer_id?: string) => app.as(directContract, internalIdentity(customer_id)).direct
  const agent = () => ({ resource_type: 'agent' as const, resource_id: crypto.randomUUID() })
  const found = (hash: string) => as().get_by_hash({ hash })
  const missing = { reason: 'DIRECT_NOT_FOUND' }

  test('a resource keeps its hash, which leads to it', async () => {
    const resource = agent()
    const [one, two] = await Promise.all([as(acme).create(resource), as(acme).create(resource)])
    expect(one.hash).toMatch(/^direct\.[0-9a-f]{32}$/)
    expect(two).toEqual(one)
    expect(await found(one.hash)).toMatchObject({ ...resource, customer_id: acme })
  })

  test('a new hash ends the old one; the first may be new as well', async () => {
    const resource = agent()
    const first = await as(acme).regenerate(resource)
    const second = await as(acme).regenerate(resource)
    expect(second).toMatchObject({ id: first.id, ...resource })
    expect(second.hash).not.toBe(first.hash)
    await expect(found(first.hash)).rejects.toMatchObject(missing)
    expect((await found(second.hash)).id).toBe(first.id)
  })

  test('a hash that was taken away leads nowhere, and the resource can have another', async () => {
    const resource = agent()
    const { hash } = await as(acme).create(resource)
    expect(await as(acme).delete(resource)).toEqual({})
    expect(await as(acme).delete(resource)).toEqual({})
    await expect(found(hash)).rejects.toMatchObject(missing)
    expect((await as(acme).create(resource)).hash).not.toBe(hash)
  })

  test('another customer neither finds a hash nor takes it away', async () => {
    const resource = agent()
    const { hash } = await as(acme).create(resource)
    await expect(as(rival).get_by_hash({ hash })).rejects.toMatchObject(missing)
    await as(rival).delete(resource)
    expect((await found(hash)).customer_id).toBe(acme)
  })
})
