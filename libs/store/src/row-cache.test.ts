import { setImmediate as nextTurn } from 'node:timers/promises'
import fc from 'fast-check'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { migrated, Thing, thingOf } from '../test/thing.ts'
import { newId, resourceTable, type Store, type Tx, timeAfter } from './index.ts'
import { type TestDatabase, testDatabases } from './testing.ts'

const [sqlite] = await testDatabases('rows that are kept')
const things = resourceTable(Thing, 'thing_thing')
const customers = [newId(), newId()] as const
let database: TestDatabase
let store: Store
beforeEach(async () => {
  database = await sqlite!.create()
  store = await migrated(database.open())
})
afterEach(async () => {
  await store.close()
  await database.drop()
})

const find = (id: string) => things.find(store, '*', id)
/** By a query that keeps nothing. */
const stored = (id: string) => things.findBy(store, '*', { id })

test('a row is the same object until it is written to', async () => {
  const { id } = await things.insert(store, thingOf(customers[0]))
  const other = await things.insert(store, thingOf(customers[0]))
  const first = await find(id)
  expect(await find(id)).toBe(first)
  await things.update(store, '*', other.id, { count: 7 })
  expect(await find(id)).toBe(first)
  await things.update(store, '*', id, { count: 8 })
  expect(await find(id)).toMatchObject({ id, count: 8 })
})

test('it cannot be changed, and is no other customer’s', async () => {
  const { id } = await things.insert(store, thingOf(customers[0], { options: { a: [1] } }))
  const row = (await find(id))!
  expect(() => (row.options as { a: number[] }).a.push(2)).toThrow(TypeError)
  expect(await things.find(store, customers[1], id)).toBeUndefined()
  expect(await things.find(store, customers[0], id)).toBe(row)
  await expect(things.find(store, '', id)).rejects.toThrow('lacks its customer')
})

test('what another process has written is seen', async () => {
  const { id } = await things.insert(store, thingOf(customers[0]))
  await find(id)
  const other = database.open()
  await things.update(other, '*', id, { count: 9 })
  await other.close()
  expect(await find(id)).toMatchObject({ count: 9 })
})

const changes = {
  update: (tx: Tx, id: string) => things.update(tx, '*', id, { count: ++counted }),
  raw: (tx: Tx, id: string) =>
    tx.kysely.updateTable('thing_thing').set({ count: ++counted }).where('id', '=', id).execute(),
  updateAllOf: (tx: Tx) => things.updateAllOf(tx, customers[0], { count: ++counted }),
  softDelete: (tx: Tx, id: string) => things.softDelete(tx, '*', id),
  softDeleteAllOf: (tx: Tx) => things.softDeleteAllOf(tx, customers[1]),
  purge: (tx: Tx) => things.purge(tx, timeAfter(1_000)),
}
let counted = 0
const change = fc.record({
  what: fc.constantFrom(...(Object.keys(changes) as (keyof typeof changes)[])),
  place: fc.nat(5),
})
const transaction = fc.record({ made: fc.array(change, { minLength: 1, maxLength: 3 }), fails: fc.boolean() })

test('whatever is changed, in transactions side by side of which some fail, what is found is what is stored', async () => {
  const rounds = fc.array(fc.array(transaction, { maxLength: 3 }), { maxLength: 8 })
  const property = fc.asyncProperty(rounds, async (rounds) => {
    const ids: string[] = []
    for (let n = 0; n < 6; n++) ids.push((await things.insert(store, thingOf(customers[n % 2 ? 0 : 1]))).id)
    for (const together of rounds) {
      const running = together.map(({ made, fails }) =>
        store.transaction(async (tx) => {
          for (const { what, place } of made) {
            await changes[what](tx, ids[place]!)
            await nextTurn()
          }
          if (fails) throw new Error('taken back')
        }),
      )
      const looking = ids.map(async (id) => {
        for (let looks = 0; looks < 3; looks++) await find(id).then(() => nextTurn())
      })
      await Promise.allSettled([...running, ...looking])
      for (const id of ids) expect(await find(id)).toEqual(await stored(id))
    }
  })
  await fc.assert(property, { numRuns: 60 })
})
