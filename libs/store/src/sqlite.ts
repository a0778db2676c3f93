import { DatabaseSync, type SQLInputValue } from 'node:sqlite'
import { objectMaker } from '@sidetone/contract'
import {
  type CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type QueryResult,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from 'kysely'
import type { Logger } from 'pino'
import { bind } from './bind.ts'
import { checkpointBeside } from './checkpoint.ts'
import { translate } from './errors.ts'
import { createGroupCommit } from './group-commit.ts'
import { createRowCache, writtenTable } from './row-cache.ts'
import type { CompiledRows, Db } from './store.ts'

const cachedStatements = 500
/** Blocks the whole process, so it is short; transactions try again. */
const busyMs = 500

type Row = Record<string, unknown>
type Execute = (query: CompiledQuery) => Promise<QueryResult<never>>

export interface Sqlite {
  /** For statements by themselves. */
  dialect: Dialect
  /** For those inside a transaction. */
  inside: Dialect
  transaction: <T>(work: () => Promise<T>) => Promise<T>
  /** Reads at once; undefined while a transaction is open, as it would read inside that. */
  readNow: (query: CompiledQuery) => Row[] | undefined
  keptRow: NonNullable<Db['keptRow']>
  /** To be called before the dialect's connection is closed. */
  stop: () => Promise<void>
}

/** Opens SQLite as it comes with Node. `inTransaction` tells whether the caller belongs to the transaction that is running. */
export function openSqlite(file: string, inTransaction: () => boolean, log?: Pick<Logger, 'error'>): Sqlite {
  const raw = connect(file)
  const prepare = preparedOnce(raw)
  const { transaction, alone } = createGroupCommit(raw)
  const stopCheckpoints = file === ':memory:' ? undefined : checkpointBeside(file, alone, log)
  const rows = createRowCache(raw)

  function execute({ sql, parameters, row }: CompiledRows) {
    const statement = prepare(sql)
    const result = statement.execute(parameters) as QueryResult<never>
    if (!statement.reads) rows.written(statement.table, row)
    return result
  }
  const readNow = (query: CompiledQuery) => (raw.isTransaction ? undefined : (execute(query).rows as Row[]))

  return {
    transaction: (work) => transaction(work).catch((error) => Promise.reject(translate(error))),
    readNow,
    keptRow<T extends object>(table: string, id: string, query: () => CompiledRows, decode: (row: Row) => T) {
      const known = rows.get(table, id) as T | undefined
      if (known) return known
      const [row] = readNow(query()) ?? []
      return row && rows.keep(table, id, decode(row))
    },
    dialect: dialectOf(
      async (query) => {
        const rows = prepare(query.sql).reads ? readNow(query) : undefined
        return rows ? { rows: rows as never[] } : transaction(async () => execute(query))
      },
      () => raw.close(),
    ),
    inside: dialectOf(async (query) => {
      if (!inTransaction()) throw new Error('a transaction was used after its end')
      return execute(query)
    }),
    async stop() {
      await alone(async () => stopCheckpoints?.())
    },
  }
}

/** Kysely over one connection that needs no waiting for. */
function dialectOf(executeQuery: Execute, close = () => {}): Dialect {
  const connection = {
    executeQuery: (query: CompiledQuery) => executeQuery(query).catch((error) => Promise.reject(translate(error))),
    streamQuery: unsupported,
  } as DatabaseConnection
  return {
    createAdapter: () => new ManyAtOnce(),
    createIntrospector: (kysely) => new SqliteIntrospector(kysely),
    createQueryCompiler: () => new SqliteQueryCompiler(),
    createDriver: () => ({
      init: async () => {},
      acquireConnection: async () => connection,
      releaseConnection: async () => {},
      beginTransaction: unsupported,
      commitTransaction: unsupported,
      rollbackTransaction: unsupported,
      destroy: async () => close(),
    }),
  }
}

/** Who comes when is not Kysely's to say. */
class ManyAtOnce extends SqliteAdapter {
  override get supportsMultipleConnections(): boolean {
    return true
  }
}

function unsupported(): never {
  throw new Error('use the transactions of the store')
}

interface Statement {
  execute: (parameters: readonly unknown[]) => QueryResult<Row>
  /** It changes nothing. */
  reads: boolean
  /** Where it writes, if that is certain. */
  table?: string | undefined
}

/** Preparing costs more than most queries do. */
function preparedOnce(raw: DatabaseSync): (sql: string) => Statement {
  const known = new Map<string, Statement>()

  function prepare(sql: string): Statement {
    const statement = raw.prepare(sql)
    const names = statement.columns().map(({ name }) => name)
    const values = (parameters: readonly unknown[]) => parameters.map(bind) as SQLInputValue[]
    if (names.length === 0) {
      const execute = (parameters: readonly unknown[]) => {
        const { changes, lastInsertRowid } = statement.run(...values(parameters))
        return { rows: [], numAffectedRows: BigInt(changes), insertId: BigInt(lastInsertRowid) }
      }
      return { execute, reads: false, table: writtenTable(sql) }
    }
    // node:sqlite's own objects are slow to make and slow to read.
    statement.setReturnArrays(true)
    const objectOf = objectMaker<unknown[]>(names.map((name, from) => ({ name, from })))
    return {
      execute: (parameters) => ({
        rows: (statement.all(...values(parameters)) as unknown as unknown[][]).map(objectOf),
      }),
      reads: /^select\b/i.test(sql),
      table: writtenTable(sql),
    }
  }

  return (sql) => {
    const found = known.get(sql)
    if (found) return found
    const statement = prepare(sql)
    if (/^(create|alter|drop)\b/i.test(sql)) known.clear()
    else {
      if (known.size >= cachedStatements) known.delete(known.keys().next().value!)
      known.set(sql, statement)
    }
    return statement
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
