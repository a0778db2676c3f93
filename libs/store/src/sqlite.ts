import { DatabaseSync, type SQLInputValue } from 'node:sqlite'
import { objectMaker } from '@sidetone/contract'
import { type CompiledQuery, type Dialect, type SqliteDatabase, SqliteDialect, type SqliteStatement } from 'kysely'
import type { Logger } from 'pino'
import { bind } from './bind.ts'
import { checkpointBeside } from './checkpoint.ts'
import { translate } from './errors.ts'

const cachedStatements = 500
/** Blocks the whole process, so it is short; transactions try again. */
const busyMs = 500

type Row = Record<string, unknown>

interface Sqlite {
  /** Kysely over the SQLite that comes with Node. */
  dialect: Dialect
  /** Reads at once, past Kysely's queue; undefined while a transaction is open, as it would read inside that. */
  readNow: (query: CompiledQuery) => Row[] | undefined
  /** To be called before the dialect's connection is closed. */
  stop: () => Promise<void>
}

export function openSqlite(file: string, log?: Pick<Logger, 'error'>): Sqlite {
  const raw = connect(file)
  const stopCheckpoints = file === ':memory:' ? undefined : checkpointBeside(file, log)
  const database = cached(raw)
  return {
    dialect: new SqliteDialect({ database }),
    stop: async () => stopCheckpoints?.(),
    readNow: ({ sql, parameters }) =>
      raw.isTransaction ? undefined : (database.prepare(sql).all(parameters) as Row[]),
  }
}

function cached(raw: DatabaseSync): SqliteDatabase {
  const cache = new Map<string, SqliteStatement>()

  function prepare(sql: string): SqliteStatement {
    const statement = translated(() => raw.prepare(sql))
    const names = statement.columns().map(({ name }) => name)
    const values = (parameters: readonly unknown[]) => parameters.map(bind) as SQLInputValue[]
    // node:sqlite's own objects are slow to make and slow to read.
    statement.setReturnArrays(true)
    const objectOf = objectMaker<unknown[]>(names.map((name, from) => ({ name, from })))
    return {
      reader: names.length > 0,
      all: (parameters) =>
        translated(() => (statement.all(...values(parameters)) as unknown as unknown[][]).map(objectOf)),
      run: (parameters) => translated(() => statement.run(...values(parameters))),
      *iterate(parameters) {
        for (const row of statement.iterate(...values(parameters))) yield objectOf(row as unknown as unknown[])
      },
    }
  }

  return {
    close: () => raw.close(),
    prepare(sql) {
      const known = cache.get(sql) ?? special(sql, raw)
      if (known) return known
      const statement = prepare(sql)
      // Preparing costs more than most queries do.
      if (/^(create|alter|drop)\b/i.test(sql)) cache.clear()
      else {
        if (cache.size >= cachedStatements) cache.delete(cache.keys().next().value!)
        cache.set(sql, statement)
      }
      return statement
    },
  }
}

function connect(file: string): DatabaseSync {
  try {
    const raw = new DatabaseSync(file, { timeout: busyMs })
    // NORMAL: a killed process loses nothing; a power cut may lose the last moments, never the consistency.
    raw.exec('PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA foreign_keys=ON;')
    if (file !== ':memory:') raw.exec('PRAGMA wal_autocheckpoint=0')
    return raw
  } catch (cause) {
    throw new Error(`cannot open the database file ${file}: ${(cause as Error).message}`, { cause })
  }
}

/** `begin` and `rollback` as Kysely sends them, the way that SQLite needs them. */
function special(sql: string, raw: DatabaseSync): SqliteStatement | undefined {
  const statement = (work: () => void): SqliteStatement => ({
    reader: false,
    all: () => [],
    iterate: () => [][Symbol.iterator](),
    run: () => {
      translated(work)
      return { changes: 0, lastInsertRowid: 0 }
    },
  })
  // A transaction that reads first and writes later could not wait for another writer: it would fail.
  if (sql === 'begin') return statement(() => raw.exec('begin immediate'))
  // Some errors (a full disk) have rolled back already, and should be what the caller sees.
  if (sql === 'rollback') return statement(() => raw.isTransaction && raw.exec('rollback'))
  return undefined
}

function translated<T>(work: () => T): T {
  try {
    return work()
  } catch (error) {
    throw translate(error)
  }
}
