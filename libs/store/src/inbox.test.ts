import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { migrated } from '../test/thing.ts'
import { once, pruneInbox, type Store } from './index.ts'
import { type TestDatabase, testDatabases } from './testing.ts'

const databases = await testDatabases('the inbox')

describe.each(databases)('the inbox on $name', ({ create }) => {
  let database: TestDatabase
  let store: Store
  beforeAll(async () => {
    database = await create()
    store = await migrated(database.open())
  })
  afterAll(async () => {
    await store.close()
    await database.drop()
  })

  test('a subscriber reacts to an event once, and again when the reaction was rolled back', async () => {
    const id = randomUUID()
    const react = (subscriber: string, fails = false) =>
      store.transaction(async (tx) => {
        const fresh = await once(tx, subscriber, id)
        if (fails) throw new Error('no')
        return fresh
      })
    await expect(react('a', true)).rejects.toThrow('no')
    const outcomes = await Promise.all([react('a'), react('a'), react('a')])
    expect(outcomes.toSorted()).toEqual([false, false, true])
    expect(await react('b')).toBe(true)
    await pruneInbox(store, 60_000)
    expect(await react('a')).toBe(false)
    await pruneInbox(store, -60_000)
    expect(await react('a')).toBe(true)
  })
})
