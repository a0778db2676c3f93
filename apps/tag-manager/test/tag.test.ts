import { billingContract } from '@sidetone/proto-schemas/billing'
import { tagContract } from '@sidetone/proto-schemas/tag'
import { adminOf, scripted, someId, startTestPlatform, type TestPlatform } from '@sidetone/testing'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { tagManager } from '../src/manager.ts'

const [acme, rival] = [adminOf(someId(1)), adminOf(someId(2))]
/** Its plan allows the rival two. */
const billing = scripted(billingContract, {
  billing_account: {
    plan_limit: async (_, { customer_id }) => ({ limit: customer_id === rival.customer_id ? 2 : null }),
  },
})
let app: TestPlatform
beforeEach(async () => {
  app = await startTestPlatform({ managers: [tagManager, billing] })
})
afterEach(() => app.close())

test('a change is stored and announced, in order', async () => {
  const { tag } = app.as(tagContract, acme)
  const made = await tag.create({ name: 'vip', detail: '' })
  const renamed = await tag.update({ id: made.id, name: 'gold', detail: '' })
  expect(await tag.get({ id: made.id })).toEqual(renamed)
  await tag.delete({ id: made.id })
  expect(
    (await app.events()).map(({ type, sequence, data }) => ({ type, sequence, name: (data as { name: string }).name })),
  ).toEqual([
    { type: 'tag_created', sequence: 1, name: 'vip' },
    { type: 'tag_updated', sequence: 2, name: 'gold' },
    { type: 'tag_deleted', sequence: 3, name: 'gold' },
  ])
})

test('a tag does not exist for anyone but its customer', async () => {
  const { id } = await app.as(tagContract, acme).tag.create({ name: 'vip', detail: '' })
  const { tag } = app.as(tagContract, rival)
  const missing = { status: 'NOT_FOUND', reason: 'TAG_NOT_FOUND' }
  await expect(tag.get({ id })).rejects.toMatchObject(missing)
  await expect(tag.update({ id, name: 'mine', detail: '' })).rejects.toMatchObject(missing)
  await expect(tag.delete({ id })).rejects.toMatchObject(missing)
  expect((await tag.list({})).result).toEqual([])
  expect(await app.events()).toHaveLength(1)
})

test('a customer has as many tags as its plan allows, also when they are made at once', async () => {
  const { tag } = app.as(tagContract, rival)
  const make = () => tag.create({ name: 'vip', detail: '' })
  const outcomes = await Promise.allSettled(Array.from({ length: 4 }, make))
  expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(2)
  await expect(make()).rejects.toMatchObject({ status: 'RESOURCE_EXHAUSTED', reason: 'RESOURCE_LIMIT_EXCEEDED' })
  await tag.delete({ id: (await tag.list({})).result[0]!.id })
  await make()
})
