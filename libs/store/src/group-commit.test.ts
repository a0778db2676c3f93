import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { sql } from 'kysely'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openStore, type Store, type Tx } from './store.ts'

let folder: string
let store: Store
/** What other processes see. */
let other: DatabaseSync
const seen = () => (other.prepare('select id from thing order by id').all() as { id: string }[]).map(({ id }) => id)

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sidetone-store-'))
  const file = join(folder, 'test.db')
  store = openStore({ file })
  await sql`create table thing (id text primary key, body text)`.execute(store.kysely)
  other = new DatabaseSync(file)
})
afterEach(async () => {
  other.close()
  await store.close()
  await rm(folder, { recursive: true })
})

const insert = async (tx: Tx, id: string, body = '') => {
  await tx.kysely.insertInto('thing').values({ id, body }).execute()
}
const add = (id: string) => store.transaction((tx) => insert(tx, id))

test('transactions that come at once are committed together, and none ends before that', async () => {
  const endings: string[][] = []
  const watched = (id: string) => add(id).then(() => endings.push(seen()))
  const inside = store.transaction(async (tx) => {
    await insert(tx, 'c')
    endings.push(seen())
  })
  await Promise.all([watched('a'), watched('b'), inside])
  const all = ['a', 'b', 'c']
  expect(endings).toEqual([[], all, all])
})

test('one that fails takes back its own work alone, wherever it stands', async () => {
  const failing = (id: string) =>
    store.transaction(async (tx) => {
      await insert(tx, id)
      throw new Error(id)
    })
  const outcomes = await Promise.allSettled([failing('first'), add('a'), failing('second'), add('a'), add('b')])
  expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'fulfilled', 'rejected', 'rejected', 'fulfilled'])
  expect(seen()).toEqual(['a', 'b'])
})

test('statements by themselves take their turn too, and reads see what is committed', async () => {
  const writing = [add('a'), store.kysely.insertInto('thing').values({ id: 'b', body: '' }).execute()]
  const reading = store.kysely.selectFrom('thing').select('id').orderBy('id').execute()
  await Promise.all(writing)
  expect(await reading).toEqual([{ id: 'a' }, { id: 'b' }])
})

test('when the database takes back everything, what was not at fault runs again', async () => {
  await sql`pragma max_page_count = 16`.execute(store.kysely)
  const tooLarge = store.transaction((tx) => insert(tx, 'large', 'x'.repeat(1_000_000)))
  const outcomes = await Promise.allSettled([add('a'), tooLarge, add('b')])
  expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
  expect(seen()).toEqual(['a', 'b'])
})

test('what is done is committed at the close', async () => {
  const added = add('a')
  await Promise.all([store.close(), added])
  expect(seen()).toEqual(['a'])
})

test('a transaction cannot be used after its end', async () => {
  let late: Tx | undefined
  await store.transaction(async (tx) => {
    late = tx
  })
  await expect(insert(late!, 'late')).rejects.toThrow('after its end')
})
