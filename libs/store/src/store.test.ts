import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as sleep } from 'node:timers/promises'
import { sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { migrated, Thing, thingMigrations, thingOf } from '../test/thing.ts'
import { checkTables, DuplicateError, migration, openStore, resourceTable, type Store, serialize } from './index.ts'
import { type TestDatabase, testDatabases } from './testing.ts'

const databases = await testDatabases('store')
const gate = () => Promise.withResolvers<void>()
const things = resourceTable(Thing, 'thing_thing')

describe.each(databases)('a store on $name', ({ name, create }) => {
  let database: TestDatabase
  let store: Store
  const failures: unknown[] = []
  const log = { error: (context: object) => failures.push(context), warn: () => {} } as never
  const customer = randomUUID()
  beforeAll(async () => {
    database = await create()
    store = await migrated(database.open({ log }))
  })
  afterAll(async () => {
    await store.close()
    await database.drop()
  })

  test('a failed transaction leaves nothing, and its hooks do not run', async () => {
    let [runs, hooks] = [0, 0]
    const work = store.transaction(async (tx) => {
      runs++
      tx.afterCommit(() => void hooks++)
      await things.insert(tx, thingOf(customer, { name: 'rolled back' }))
      throw new Error('no')
    })
    await expect(work).rejects.toThrow('no')
    expect(await things.findBy(store, customer, { name: 'rolled back' })).toBeUndefined()
    expect([runs, hooks]).toEqual([1, 0])
  })

  test('hooks run after the commit, before the caller goes on; one that fails is logged and harms nobody', async () => {
    const seen: unknown[] = []
    const stop = store.onSignal('topic', () => seen.push('signal'))
    await store.transaction(async (tx) => {
      await things.insert(tx, thingOf(customer, { name: 'hooked' }))
      tx.afterCommit(async () => {
        seen.push((await things.findBy(store, customer, { name: 'hooked' }))?.name)
      })
      tx.afterCommit(() => {
        throw new Error('hook')
      })
      tx.signal('topic')
      tx.signal('topic')
    })
    stop()
    expect(seen).toEqual(['hooked', 'signal'])
    expect(failures).toHaveLength(1)
  })

  test('the store refuses to be used inside its transaction, by query or by a second transaction', async () => {
    const message = 'the store was used inside a transaction'
    const update = () => things.update(store, customer, randomUUID(), { name: 'x' })
    // Compiled here, it must be refused below all the same.
    expect(await update()).toBeUndefined()
    await store.transaction(async (tx) => {
      expect(store.inTransaction()).toBe(true)
      await expect(things.find(store, customer, randomUUID())).rejects.toThrow(message)
      await expect(update()).rejects.toThrow(message)
      await expect(store.transaction(async () => {})).rejects.toThrow(message)
      await expect(sql`select 1`.execute(store.kysely)).rejects.toThrow(message)
      expect(await things.find(tx, customer, randomUUID())).toBeUndefined()
    })
    expect(store.inTransaction()).toBe(false)
  })

  test('work that a transaction left behind may use the store afterwards', async () => {
    const ended = gate()
    let later: Promise<unknown> | undefined
    await store.transaction(async () => {
      later = ended.promise.then(() => things.find(store, customer, randomUUID()))
    })
    ended.resolve()
    await expect(later).resolves.toBeUndefined()
  })

  test('what a transaction has not committed is not read by others', async () => {
    const { id } = await things.insert(store, thingOf(customer, { count: 1 }))
    const [changed, reading] = [gate(), gate()]
    const work = store.transaction(async (tx) => {
      await things.update(tx, customer, id, { count: 2 })
      changed.resolve()
      await reading.promise
      throw new Error('no')
    })
    await changed.promise
    const read = things.find(store, customer, id)
    reading.resolve()
    await expect(work).rejects.toThrow('no')
    expect((await read)?.count).toBe(1)
  })

  test('transactions that read and write the same row at once all take effect', async () => {
    const { id } = await things.insert(store, thingOf(customer, { count: 0 }))
    const add = () =>
      store.transaction(async (tx) => {
        const thing = await things.findLocked(tx, customer, id)
        await sleep(1)
        await things.update(tx, customer, id, { count: thing!.count + 1 })
      })
    await Promise.all(Array.from({ length: 12 }, add))
    expect((await things.find(store, customer, id))?.count).toBe(12)
  })

  test('transactions that are serialized by a name count what the one before has made', async () => {
    const [mine, other] = [randomUUID(), randomUUID()]
    const addIfRoom = (owner: string) =>
      store.transaction(async (tx) => {
        await serialize(tx, `room of ${owner}`)
        const own = await things.list(tx, owner, { limit: 10 })
        await sleep(1)
        if (own.length < 3) await things.insert(tx, thingOf(owner))
      })
    await Promise.all([mine, mine, mine, mine, mine, mine, mine, mine, other].map(addIfRoom))
    expect(await things.list(store, mine, { limit: 10 })).toHaveLength(3)
    expect(await things.list(store, other, { limit: 10 })).toHaveLength(1)
  })

  test('a second row with a key is a DuplicateError that names the index', async () => {
    const { id } = await things.insert(store, thingOf(customer, { name: 'twice' }))
    const again = things.insert(store, thingOf(customer, { name: 'twice' }))
    await expect(again).rejects.toThrow(DuplicateError)
    await expect(again).rejects.toMatchObject({ key: 'ux_thing_thing_customer_id_name' })
    await expect(things.insert(store, thingOf(customer, { id }))).rejects.toMatchObject({ key: 'PRIMARY' })
  })

  test('values that the databases would misread are refused', async () => {
    for (const value of [{ a: 1 }, new Date(), undefined, Number.NaN]) {
      const query = store.kysely.selectFrom('thing_thing').selectAll().where('name', '=', value)
      await expect(query.execute()).rejects.toThrow('a statement takes')
    }
  })

  test('text is compared by its characters: case and accents count', async () => {
    await things.insert(store, thingOf(customer, { name: 'Élan' }))
    expect(await things.findBy(store, customer, { name: 'Élan' })).toBeDefined()
    expect(await things.findBy(store, customer, { name: 'élan' })).toBeUndefined()
    expect(await things.findBy(store, customer, { name: 'Elan' })).toBeUndefined()
  })

  test('sums of whole numbers are numbers', async () => {
    const { rows } = await sql<{ sum: unknown }>`select sum(count) as sum from thing_thing`.execute(store.kysely)
    expect(typeof rows[0]?.sum).toBe('number')
  })

  test('a long text is kept whole', async () => {
    const note = 'ü'.repeat(200_000)
    const { id } = await things.insert(store, thingOf(customer, { note }))
    expect((await things.find(store, customer, id))?.note).toBe(note)
  })

  test('migrations run once, in order, and only forward', async () => {
    const ran: string[] = []
    const step = (step: string) => migration(step, async () => ran.push(step))
    await store.migrate('own', [step('1')])
    expect(await store.pendingMigrations('own', [step('1'), step('2'), step('3')])).toEqual(['2', '3'])
    await store.migrate('own', [step('1'), step('2'), step('3')])
    await store.migrate('own', [step('1'), step('2'), step('3')])
    expect(ran).toEqual(['1', '2', '3'])
    expect(await store.pendingMigrations('other', [step('1')])).toEqual(['1'])
    await expect(store.migrate('own', [step('0'), step('1')])).rejects.toThrow('put new ones last')
  })

  test('a failing migration is named, and runs again', async () => {
    let fails = true
    const steps = [
      migration('bad', async (schema) => {
        await schema.createTable('half').ifNotExists().addColumn('a', 'integer').execute()
        if (fails) throw new Error('disk full')
      }),
    ]
    await expect(store.migrate('failing', steps)).rejects.toThrow('migration bad of failing failed: disk full')
    expect(await store.pendingMigrations('failing', steps)).toEqual(['bad'])
    fails = false
    await store.migrate('failing', steps)
    expect(await store.pendingMigrations('failing', steps)).toEqual([])
  })

  test('a table that does not fit its schema is told with every difference', async () => {
    await checkTables(store, [things])
    const Other = Thing.extend({
      lacking: Thing.shape.name,
      name: Thing.shape.count,
      active: Thing.shape.tags,
      customer_id: Thing.shape.tm_delete,
    })
    const fit = checkTables(store, [
      { ...things, columns: resourceTable(Other as never, 'thing_thing').columns },
      resourceTable(Thing, 'none'),
    ])
    await expect(fit).rejects.toThrow(/thing_thing\.lacking: there is no such column/)
    await expect(fit).rejects.toThrow(/thing_thing\.name: varchar.* cannot hold it/)
    await expect(fit).rejects.toThrow(/thing_thing\.active: .* cannot hold it/)
    await expect(fit).rejects.toThrow(/thing_thing\.customer_id: the column takes no NULL/)
    await expect(fit).rejects.toThrow(/none: there is no such table/)
    const { customer_id: _, ...rest } = Thing.shape
    const without = resourceTable(Thing.omit({ customer_id: true }) as never, 'thing_thing')
    expect(rest).not.toHaveProperty('customer_id')
    await expect(checkTables(store, [without])).rejects.toThrow('thing_thing.customer_id: must be filled')
  })

  test.runIf(name === 'MySQL')('processes that migrate at once apply each step once', async () => {
    const fresh = await create()
    const stores = Array.from({ length: 4 }, () => fresh.open())
    let ran = 0
    const steps = [
      ...thingMigrations,
      migration('slow', async () => {
        ran++
        await sleep(20)
      }),
    ]
    await Promise.all(stores.map((one) => one.migrate('thing', steps)))
    expect(ran).toBe(1)
    await Promise.all(stores.map((one) => one.close()))
    await fresh.drop()
  })

  test.runIf(name === 'MySQL')('a transaction that the database ends for a deadlock runs again', async () => {
    const [a, b] = [
      await things.insert(store, thingOf(customer, { count: 0 })),
      await things.insert(store, thingOf(customer, { count: 0 })),
    ]
    let met = 0
    const both = gate()
    const crossing = (first: string, second: string) =>
      store.transaction(async (tx) => {
        const one = await things.findLocked(tx, customer, first)
        if (++met === 2) both.resolve()
        await both.promise
        const two = await things.findLocked(tx, customer, second)
        await things.update(tx, customer, first, { count: one!.count + 1 })
        await things.update(tx, customer, second, { count: two!.count + 1 })
      })
    await Promise.all([crossing(a.id, b.id), crossing(b.id, a.id)])
    expect(met).toBeGreaterThan(2)
    expect((await things.find(store, customer, a.id))?.count).toBe(2)
    expect((await things.find(store, customer, b.id))?.count).toBe(2)
  })

  test.runIf(name === 'SQLite')('a transaction waits until another process has written', async () => {
    const file = join(await mkdtemp(join(tmpdir(), 'sidetone-busy-')), 'test.db')
    const [own, other] = [openStore({ file }), new DatabaseSync(file)]
    other.exec('create table mark (one integer); begin immediate; insert into mark values (1)')
    // SQLite blocks this thread while it waits, so the timer fires between two tries.
    setTimeout(() => other.exec('commit'), 1)
    await own.transaction((tx) => tx.kysely.insertInto('mark').values({ one: 2 }).execute())
    expect(await own.kysely.selectFrom('mark').selectAll().execute()).toHaveLength(2)
    other.close()
    await own.close()
    await rm(dirname(file), { recursive: true })
  })
})

test('a store that cannot open its file says which', () => {
  expect(() => openStore({ file: '/nowhere/at.db' })).toThrow('cannot open the database file /nowhere/at.db')
  expect(() => openStore({})).toThrow('a store needs a url')
  expect(() => openStore({ url: 'postgres://x' })).toThrow('must begin with mysql://')
})
