import { randomUUID } from 'node:crypto'
import { ApiError, everyCustomer, PageQuery, type Scope } from '@sidetone/contract'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { migrated, Thing, thingOf } from '../test/thing.ts'
import { newId, now, resourceTable, type Store, timeAfter } from './index.ts'
import { type TestDatabase, testDatabases } from './testing.ts'

const databases = await testDatabases('resource tables')
const things = resourceTable(Thing, 'thing_thing')

describe.each(databases)('a resource table on $name', ({ create }) => {
  let database: TestDatabase
  let store: Store
  /** The clock of a second connection, which stands still. */
  let still: Store
  beforeAll(async () => {
    database = await create()
    store = await migrated(database.open())
    still = database.open({ now: () => '2026-01-02T03:04:05.000006Z' })
  })
  afterAll(async () => {
    await store.close()
    await still.close()
    await database.drop()
  })
  const oneOf = (customer: string, fields: Partial<Thing> = {}) => things.insert(store, thingOf(customer, fields))

  test('what is inserted is what is found', async () => {
    const customer = randomUUID()
    const made = await oneOf(customer, { note: 'n', options: { a: [1, null] }, ratio: 0.5, choice: { deep: [1] } })
    expect(made).toMatchObject({ customer_id: customer, tm_update: null, tm_delete: null, active: true })
    expect(made.tm_create).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/)
    expect(await things.find(store, customer, made.id)).toEqual(made)
    expect(Object.keys((await things.find(store, customer, (await oneOf(customer)).id))!)).not.toContain('note')
  })

  test('an id that is given is kept', async () => {
    const id = newId()
    expect((await oneOf(randomUUID(), { id })).id).toBe(id)
  })

  test('a field that is missing, null against its schema or unknown is refused', async () => {
    const { name: _, ...nameless } = thingOf(randomUUID())
    await expect(things.insert(store, nameless as never)).rejects.toThrow('thing_thing.name cannot be null')
    await expect(things.insert(store, { ...nameless, name: 'x', nmae: 'y' } as never)).rejects.toThrow('no field nmae')
    const { customer_id, id } = await oneOf(randomUUID(), { note: 'n' })
    const patch = (fields: object) => async () => things.update(store, customer_id, id, fields)
    await expect(patch({ count: null })).rejects.toThrow('thing_thing.count cannot be null')
    await expect(patch({ other: 1 })).rejects.toThrow('no field other')
    expect(await patch({ note: null, ratio: undefined })()).not.toHaveProperty('note')
  })

  test('every value of the schema survives the way to the database and back', async () => {
    const text = fc.string({ unit: 'binary', maxLength: 40 })
    const json = fc.jsonValue({ noUnicodeString: false }).map((value) => JSON.parse(JSON.stringify(value)) as unknown)
    const thing = fc.record(
      {
        note: text,
        state: fc.constantFrom('new' as const, 'old' as const),
        active: fc.boolean(),
        count: fc.maxSafeInteger(),
        ratio: fc.option(fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => value + 0)),
        tags: fc.array(text),
        options: fc.option(fc.dictionary(text, json)),
        choice: fc.oneof(text, fc.record({ deep: fc.array(fc.integer()) })),
        anything: json,
        secret: text,
      },
      { requiredKeys: ['state', 'active', 'count', 'ratio', 'tags', 'options', 'choice', 'anything', 'secret'] },
    )
    await fc.assert(
      fc.asyncProperty(thing, async (fields) => {
        const given = thingOf(randomUUID(), fields as Partial<Thing>)
        const { id } = await things.insert(store, given)
        expect(await things.find(store, given.customer_id, id)).toEqual(expect.objectContaining(given))
      }),
      { numRuns: 40 },
    )
  })

  test('another customer neither sees nor changes a row, by any method', async () => {
    const [owner, rival] = [randomUUID(), randomUUID()]
    const made = await oneOf(owner)
    const { id, name } = made
    expect(await things.find(store, rival, id)).toBeUndefined()
    expect(await store.transaction((tx) => things.findLocked(tx, rival, id))).toBeUndefined()
    expect(await things.findBy(store, rival, { name })).toBeUndefined()
    expect(await things.list(store, rival, { where: { id }, limit: 9 })).toEqual([])
    expect((await things.page(store, rival, PageQuery.parse({}), { id })).result).toEqual([])
    expect(await things.select(store, rival).selectAll().where('id', '=', id).execute()).toEqual([])
    expect(await things.update(store, rival, id, { count: 2 })).toBeUndefined()
    expect(await things.softDelete(store, rival, id)).toBeUndefined()
    await things.updateAllOf(store, rival, { count: 2 })
    await things.softDeleteAllOf(store, rival)
    expect(await things.find(store, owner, id)).toEqual(made)
    expect(await things.find(store, everyCustomer, id)).toEqual(made)
  })

  test('a query without a customer, and a condition without a value, are refused', async () => {
    const id = randomUUID()
    for (const scope of ['', undefined] as Scope[]) {
      await expect(async () => things.find(store, scope, id)).rejects.toThrow('lacks its customer')
    }
    await expect(things.insert(store, thingOf(''))).rejects.toThrow('lacks its customer')
    await expect(things.insert(store, thingOf(everyCustomer))).rejects.toThrow('lacks its customer')
    const where = { name: undefined } as never
    await expect(things.findBy(store, id, where)).rejects.toThrow('undefined would match everything')
    await expect(things.findBy(store, id, { tags: [[]] })).rejects.toThrow('cannot be searched')
    await expect(things.findBy(store, id, { other: 1 } as never)).rejects.toThrow('has no field other')
  })

  test('a condition may be a value, null, or a list', async () => {
    const customer = randomUUID()
    const [one, two] = [
      await oneOf(customer, { count: 1, ratio: 2.5 }),
      await oneOf(customer, { count: 2, active: false }),
    ]
    const ids = async (where: Parameters<typeof things.findBy>[2]) =>
      (await things.list(store, customer, { where, limit: 9 })).map(({ id }) => id)
    expect(await ids({ count: [1, 2] })).toEqual([two.id, one.id])
    expect(await ids({ ratio: null })).toEqual([two.id])
    expect(await ids({ active: false })).toEqual([two.id])
    expect(await ids({ count: [] })).toEqual([])
    expect(await ids({ count: 1, active: true })).toEqual([one.id])
  })

  test('a condition on a list of ids holds for any of them, before rows are counted into pages', async () => {
    const customer = randomUUID()
    const [a, b, c] = [randomUUID(), randomUUID(), randomUUID()]
    const one = await oneOf(customer, { tags: [a, b] })
    for (let n = 0; n < 3; n++) await oneOf(customer, { tags: [c] })
    const two = await oneOf(customer, { tags: [b] })
    const page = (anyOf: string[]) => things.page(store, customer, { page_size: 2 }, { tags: { anyOf } })
    expect((await page([a, b])).result.map(({ id }) => id)).toEqual([two.id, one.id])
    expect((await page([a])).result.map(({ id }) => id)).toEqual([one.id])
    expect((await page([a.slice(0, -1)])).result).toEqual([])
    expect((await page([])).result).toEqual([])
  })

  test('pages neither repeat nor skip rows of the same instant', async () => {
    const customer = randomUUID()
    const made = []
    for (let index = 0; index < 7; index++) made.push((await things.insert(still, thingOf(customer))).id)
    const seen: string[] = []
    let page_token = ''
    let pages = 0
    do {
      const page = await things.page(store, customer, { page_size: 2, ...(page_token && { page_token }) })
      seen.push(...page.result.map(({ id }) => id))
      page_token = page.next_page_token
      pages++
    } while (page_token)
    expect(seen).toEqual(made.toReversed())
    expect(pages).toBe(4)
  })

  test('the last page has no token, also when it is full', async () => {
    const customer = randomUUID()
    for (let index = 0; index < 4; index++) await oneOf(customer)
    const first = await things.page(store, customer, { page_size: 2 })
    const second = await things.page(store, customer, { page_size: 2, page_token: first.next_page_token })
    expect(second.result).toHaveLength(2)
    expect(second.next_page_token).toBe('')
    expect((await things.page(store, customer, { page_size: 4 })).next_page_token).toBe('')
  })

  test('a token that is not one of the list is an INVALID_ARGUMENT that names page_token', async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ minLength: 1, maxLength: 256 }), async (page_token) => {
        const error = await things
          .page(store, randomUUID(), { page_size: 1, page_token })
          .catch((caught: unknown) => caught)
        expect(error).toBeInstanceOf(ApiError)
        expect(error).toMatchObject({ reason: 'INVALID_ARGUMENT', details: [{ field: 'page_token' }] })
      }),
      { numRuns: 50 },
    )
  })

  test('an update changes what it is given and the time, only while its condition holds', async () => {
    const made = await oneOf(randomUUID(), { count: 1 })
    const { customer_id, id } = made
    const updated = await things.update(store, customer_id, id, { count: 2, note: 'n' }, { where: { count: 1 } })
    expect(updated).toEqual({ ...made, count: 2, note: 'n', tm_update: updated!.tm_update })
    expect(updated!.tm_update! > made.tm_create).toBe(true)
    expect(await things.update(store, customer_id, id, { count: 3 }, { where: { count: [1, 7] } })).toBeUndefined()
    expect(await things.find(store, customer_id, id)).toEqual(updated)
    // The same values again are a change too: it matched.
    expect(await things.update(still, customer_id, id, { count: 2 })).toBeDefined()
    expect(await things.update(still, customer_id, id, { count: 2 })).toBeDefined()
  })

  test('a patch cannot move a row to another customer or rewrite its history', async () => {
    const { customer_id, id } = await oneOf(randomUUID())
    const patches = [{ customer_id: randomUUID() }, { id: randomUUID() }, { tm_create: now() }, { tm_delete: now() }]
    for (const patch of patches) {
      await expect(async () => things.update(store, customer_id, id, patch)).rejects.toThrow(
        'not for a patch to change',
      )
    }
  })

  test('a deleted row is returned once and never found again', async () => {
    const { customer_id, id, name } = await oneOf(randomUUID())
    expect((await things.softDelete(store, customer_id, id))?.tm_delete).toMatch(/Z$/)
    expect(await things.softDelete(store, customer_id, id)).toBeUndefined()
    expect(await things.find(store, everyCustomer, id)).toBeUndefined()
    expect(await things.findBy(store, customer_id, { name })).toBeUndefined()
    expect(await things.update(store, customer_id, id, { count: 2 })).toBeUndefined()
    expect((await things.page(store, customer_id, { page_size: 1 })).result).toEqual([])
  })

  test('all rows of a customer are deleted, however many, and purged when their time has come', async () => {
    const customer = randomUUID()
    await store.transaction(async (tx) => {
      for (let index = 0; index < 1_203; index++) await things.insert(tx, thingOf(customer))
    })
    const stays = await oneOf(randomUUID())
    await things.softDeleteAllOf(store, customer)
    expect(await things.list(store, customer, { limit: 1 })).toEqual([])
    expect(await things.purge(store, timeAfter(-60_000))).toBe(0)
    expect(await things.purge(store, timeAfter(60_000))).toBeGreaterThanOrEqual(1_203)
    expect(await things.find(store, stays.customer_id, stays.id)).toEqual(stays)
  })

  test('a query of its own starts restricted, and decodes its rows', async () => {
    const made = await oneOf(randomUUID(), { count: 5 })
    await things.softDelete(store, made.customer_id, (await oneOf(made.customer_id, { count: 9 })).id)
    const rows = await things.select(store, made.customer_id).selectAll().where('count', '>', 4).execute()
    expect(rows.map(things.decode)).toEqual([made])
  })

  test('an encrypted column holds no plain text, and is bound to its row', async () => {
    const secrets = {
      encrypt: (plain: string, context: string) => Buffer.from(`${context}|${plain}`).toString('hex'),
      decrypt(text: string, context: string) {
        const [bound, plain] = Buffer.from(text, 'hex').toString().split('|')
        if (bound !== context) throw new Error('bound to another row')
        return plain!
      },
    }
    const sealed = resourceTable(Thing, 'thing_thing', { encrypted: ['secret', 'options'], secrets })
    const [one, two] = [
      await sealed.insert(store, thingOf(randomUUID(), { secret: 'hidden', options: { a: 1 } })),
      await sealed.insert(store, thingOf(randomUUID())),
    ]
    expect(await sealed.find(store, one.customer_id, one.id)).toMatchObject({ secret: 'hidden', options: { a: 1 } })
    const [raw] = await sealed.select(store, one.customer_id).selectAll().execute()
    expect(JSON.stringify(raw)).not.toContain('hidden')
    expect(await sealed.update(store, one.customer_id, one.id, { secret: 'other' })).toMatchObject({ secret: 'other' })
    await expect(sealed.updateAllOf(store, one.customer_id, { secret: 'x' })).rejects.toThrow('belongs to one row')
    await expect(sealed.findBy(store, one.customer_id, { secret: 'x' })).rejects.toThrow('cannot be searched')
    await store.kysely.updateTable('thing_thing').set({ secret: raw!.secret }).where('id', '=', two.id).execute()
    await expect(sealed.find(store, two.customer_id, two.id)).rejects.toThrow('bound to another row')
  })
})

test('fields that a column cannot hold are refused when the table is declared', () => {
  const Odd = Thing.extend({ odd: z.date() })
  expect(() => resourceTable(Odd, 'odd')).toThrow('odd: a date cannot be stored')
  expect(() => resourceTable(Thing, 'thing_thing', { encrypted: ['secret'] })).toThrow('no secrets')
})

test('the clock never gives a time twice, and ids sort by their making', () => {
  const times = Array.from({ length: 5_000 }, now)
  expect(times).toEqual([...new Set(times)].sort())
  expect(Math.abs(Date.parse(times[0]!) - Date.now())).toBeLessThan(5_000)
  const ids = Array.from({ length: 1_000 }, newId)
  expect(ids).toEqual(ids.toSorted())
})
