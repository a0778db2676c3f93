import { randomBytes } from 'node:crypto'
import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sql } from 'kysely'
import { expect, test } from 'vitest'
import { openStore } from './store.ts'

const walBytes = async (file: string) => (await stat(`${file}-wal`)).size

test('the write-ahead log begins anew under a writer that never rests, and nothing written is lost', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'sidetone-checkpoint-'))
  const file = join(folder, 'test.db')
  const store = openStore({ file })
  await sql`create table row (id integer primary key, value text)`.execute(store.kysely)
  const value = randomBytes(8 * 1024).toString('hex')
  let written = 0
  // A log that never begins anew holds all that was ever written.
  do {
    for (let rows = 0; rows < 50; rows++) {
      await store.transaction((tx) => tx.kysely.insertInto('row').values({ id: ++written, value }).execute())
    }
  } while (written * value.length < 2 * (await walBytes(file)))
  await store.close()

  const again = openStore({ file })
  const { rows } = await sql<{ count: number }>`select count(*) as count from row`.execute(again.kysely)
  expect(rows[0]!.count).toBe(written)
  await again.close()
  await rm(folder, { recursive: true })
}, 30_000)
