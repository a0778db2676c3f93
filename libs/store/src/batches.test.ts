import { expect, test } from 'vitest'
import { batches } from './batches.ts'

test('an item that cannot be worked on does not spoil those that came with it', async () => {
  const done: number[] = []
  const add = batches<number>(async (items) => {
    if (items.includes(3)) throw new Error('not this one')
    done.push(...items)
  }, 10)
  const outcomes = await Promise.allSettled([1, 2, 3, 4].map(add))
  expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected', 'fulfilled'])
  expect(done).toEqual([1, 2, 4])
})
