import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { findService } from '@sidetone/testing/services'
import { createConnection } from 'mysql2/promise'
import { openStore, type Store, type StoreOptions } from './store.ts'

/** An empty database of a test. */
export interface TestDatabase {
  /** Opens it, as often as the test wants processes. */
  open: (options?: Pick<StoreOptions, 'log' | 'now'>) => Store
  url: string | undefined
  drop: () => Promise<void>
}

/** What the suites that must hold on both databases run on; says why when there is no MySQL here. */
export async function testDatabases(suite: string): Promise<{ name: string; create: () => Promise<TestDatabase> }[]> {
  const sqlite = { name: 'SQLite', create: createSqlite }
  const server = await findService('DATABASE_URL', `${suite} on MySQL`)
  return server ? [sqlite, { name: 'MySQL', create: () => createMysql(server) }] : [sqlite]
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

async function createMysql(server: string): Promise<TestDatabase> {
  const name = `test_${randomUUID().replaceAll('-', '')}`
  const onServer = async (statement: string) => {
    const connection = await createConnection(server)
    try {
      await connection.query(statement)
    } finally {
      connection.destroy()
    }
  }
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
