import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createConnection } from 'mysql2/promise'
import { openStore, type Store, type StoreOptions } from './store.ts'

/** An empty database of a test. */
export interface TestDatabase {
  /** Opens it, as often as the test wants processes. */
  open: (options?: Pick<StoreOptions, 'log' | 'now'>) => Store
  url: string | undefined
  drop: () => Promise<void>
}

const server = process.env.DATABASE_URL ?? 'mysql://root@127.0.0.1:3306'

/** What the suites that must hold on both databases run on; says why when there is no MySQL here. */
export async function testDatabases(suite: string): Promise<{ name: string; create: () => Promise<TestDatabase> }[]> {
  const sqlite = { name: 'SQLite', create: createSqlite }
  const reason = await onServer('select 1').then(
    () => undefined,
    (error: Error) => `no MySQL or MariaDB at ${new URL(server).host} (DATABASE_URL): ${error.message || 'no answer'}`,
  )
  if (reason === undefined) return [sqlite, { name: 'MySQL', create: createMysql }]
  if (process.env.SIDETONE_REQUIRE === 'all') throw new Error(`SIDETONE_REQUIRE=all, but ${reason}`)
  console.log(`${suite} on MySQL: skipped, ${reason}`)
  return [sqlite]
}

async function createSqlite(): Promise<TestDatabase> {
  const folder = await mkdtemp(join(tmpdir(), 'sidetone-store-'))
  const file = join(folder, 'test.db')
  return {
    url: undefined,
    open: (options) => openStore({ file, ...options }),
    drop: () => rm(folder, { recursive: true }),
  }
}

async function createMysql(): Promise<TestDatabase> {
  const name = `test_${randomUUID().replaceAll('-', '')}`
  // Not the collation of the tables, so that a table without its own is noticed.
  await onServer(`create database ${name} character set latin1`)
  const url = new URL(server)
  url.pathname = `/${name}`
  return {
    url: url.href,
    open: (options) => openStore({ url: url.href, ...options }),
    drop: () => onServer(`drop database ${name}`),
  }
}

async function onServer(statement: string): Promise<void> {
  const connection = await createConnection({ uri: server, connectTimeout: 2_000 })
  try {
    await connection.query(statement)
  } finally {
    connection.destroy()
  }
}
