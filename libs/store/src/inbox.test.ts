import { randomUUID } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { suiteStore } from '../test/suite-store.ts'
import { once, pruneInbox } from './index.ts'
import { testDatabases } from './testing.ts'

const databases = await testDatabases('the inbox')

describe.each(databases)('the inbox on $name', ({ create }) => {
  const suite = suiteStore(create)

  test('a subscriber reacts to an event once, and again when the reaction was rolled back', async () => {
    const id = randomUUID()
    const react = (subscriber: string, fails = false) =>
      suite.store.transaction(async (tx) => {
        const fresh = await once(tx, subscriber, id)
        if (fails) throw new Error('no')
        return fresh
      })
    await expect(react('a', true)).rejects.toThrow('no')
    const outcomes = await Promise.all([react('a'), react('a'), react('a')])
    expect(outcomes.toSorted()).toEqual([false, false, true])
    expect(await react('b')).toBe(true)
    await pruneInbox(suite.store, 60_000)
    expect(await react('a')).toBe(false)
    await pruneInbox(suite.store, -60_000)
    expect(await react('a')).toBe(true)
  })
})
