import { tagContract } from '@sidetone/proto-schemas/tag'
import { adminOf, someId, startTestPlatform, type TestPlatform } from '@sidetone/testing'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { tagManager } from '../src/manager.ts'

const [acme, rival] = [adminOf(someId(1)), adminOf(someId(2))]
let app: TestPlatform
beforeEach(async () => {
  app = await startTestPlatform({ managers: [tagManager] })
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
