import { internalIdentity, nilId } from '@sidetone/contract'
import { directContract } from '@sidetone/proto-schemas/direct'
import { testDatabases } from '@sidetone/store/testing'
import { someId, startTestPlatform, type TestPlatform } from '@sidetone/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { directManager } from '../src/manager.ts'

describe.each(await testDatabases('direct hashes'))('on $name', ({ create: createDatabase }) => {
  let app: TestPlatform
  beforeAll(async () => {
    app = await startTestPlatform({ managers: [directManager], database: await createDatabase() })
  })
  afterAll(() => app.close())

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

  test('the hash goes with its resource, and all of a customer’s with the customer', async () => {
    const customer = crypto.randomUUID()
    const [flow, kept] = [crypto.randomUUID(), crypto.randomUUID()]
    const hashes = new Map<string, string>()
    for (const resource_id of [flow, kept])
      hashes.set(resource_id, (await as(customer).create({ resource_type: 'flow', resource_id })).hash)
    const announce = (type: string, id: string) => publish(app, { type, customer_id: customer, id })
    await announce('flow_deleted', flow)
    await expect(found(hashes.get(flow)!)).rejects.toMatchObject(missing)
    expect((await found(hashes.get(kept)!)).resource_id).toBe(kept)
    const { store } = app.platform
    const row = await store.kysely
      .selectFrom('direct_direct')
      .selectAll()
      .where('resource_id', '=', kept)
      .executeTakeFirstOrThrow()
    const rows = Array.from({ length: 1_100 }, () => {
      const id = crypto.randomUUID()
      return { ...row, id, resource_id: id, active_resource_id: id, hash: id }
    })
    await store.kysely.insertInto('direct_direct').values(rows).execute()
    await announce('customer_deleted', customer)
    const living = store.kysely.selectFrom('direct_direct').select('id').where('customer_id', '=', customer)
    expect(await living.where('tm_delete', 'is', null).execute()).toEqual([])
    expect(await living.where('active_resource_id', 'is not', null).execute()).toEqual([])
  })

  test('another customer neither finds a hash nor takes it away', async () => {
    const resource = agent()
    const { hash } = await as(acme).create(resource)
    await expect(as(rival).get_by_hash({ hash })).rejects.toMatchObject(missing)
    await as(rival).delete(resource)
    expect((await found(hash)).customer_id).toBe(acme)
  })
})

/** Announces what another manager would, and waits until it has had its effect. */
async function publish({ platform }: TestPlatform, event: { type: string; customer_id: string; id: string }) {
  const { type, customer_id, id } = event
  const resource = type.slice(0, type.indexOf('_'))
  await platform.transport.publish({
    id: crypto.randomUUID(),
    type,
    publisher: resource,
    customer_id,
    owner_id: nilId,
    resource,
    resource_id: id,
    sequence: 1,
    time: '2026-01-01T00:00:00.000000Z',
    data: { id, customer_id },
  })
}
