import { AsyncLocalStorage } from 'node:async_hooks'
import { EventEmitter } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { type CompiledQuery, Kysely, type KyselyPlugin, type QueryResult, sql } from 'kysely'
import type { Logger } from 'pino'
import { now } from './clock.ts'
import { RetryableError } from './errors.ts'
import { type Lock, localLock, mysqlLock } from './lock.ts'
import { migrate, pendingMigrations } from './migrate.ts'
import type { Migration } from './migration.ts'
import { mysqlDialect } from './mysql.ts'
import { openSqlite } from './sqlite.ts'

/** Kysely without table types: rows get theirs from the zod schema of a `ResourceTable`. */
export type Tables = Record<string, Record<string, unknown>>

/** A query that was compiled before; `row`: the id of the only row that it can change. */
export interface CompiledRows extends CompiledQuery<Record<string, unknown>> {
  row?: string
}

type KeptRow = <T extends object>(
  table: string,
  id: string,
  query: () => CompiledRows,
  decode: (row: Record<string, unknown>) => T,
) => T | undefined

/** Where a query runs: the store (each statement by itself) or one of its transactions. */
export interface Db {
  dialect: 'sqlite' | 'mysql'
  kysely: Kysely<Tables>
  rowsOf: (query: CompiledRows) => Promise<Record<string, unknown>[]>
  /** For one that changes something. */
  run: (query: CompiledRows) => Promise<QueryResult<Record<string, unknown>>>
  /**
   * The row that a query finds by its id, decoded and frozen: as it was read last if nothing was written to it since, else read now.
   * Undefined when there is none, or it cannot be told at once. Absent where others write too.
   */
  keptRow?: KeptRow | undefined
  /** RFC 3339, UTC, microseconds, always later than before. */
  now: () => string
}

/** A running transaction. */
export interface Tx extends Db {
  /** Runs when the transaction has committed, before its caller goes on; a failure is logged. */
  afterCommit: (work: () => void | Promise<void>) => void
  /** Tells the listeners of this process, once committed. */
  signal: (topic: string) => void
}

/** A database. */
export interface Store extends Db {
  /** Commits what `work` did, or nothing. Runs it again, a few times, when the database asks for that: no effects but the database's. */
  transaction: <T>(work: (tx: Tx) => Promise<T>) => Promise<T>
  /** Whether the caller is inside a transaction of this store, where waiting for others could be for ever. */
  inTransaction: () => boolean
  /** Hears `tx.signal(topic)` of this process; returns how to stop. */
  onSignal: (topic: string, listener: () => void) => () => void
  /** Waits for a lock that one process has at a time; undefined when `stop` aborts first. */
  lock: (name: string, stop: AbortSignal) => Promise<Lock | undefined>
  /** Applies what is missing of the owner's migrations (and of the store's own), in order. */
  migrate: (owner: string, migrations: readonly Migration[]) => Promise<void>
  pendingMigrations: (owner: string, migrations: readonly Migration[]) => Promise<string[]>
  ping: () => Promise<void>
  close: () => Promise<void>
}

export interface StoreOptions {
  /** `mysql://…`: MySQL 8 or MariaDB 10.11. */
  url?: string | undefined
  /** Without a url: an SQLite file, or `:memory:`. */
  file?: string | undefined
  log?: Pick<Logger, 'error' | 'warn'> | undefined
  now?: (() => string) | undefined
}

const transactionTries = 6

/** Opens a database. */
export function openStore({ url, file, log, now: clock = now }: StoreOptions): Store {
  if (url !== undefined && !url.startsWith('mysql://')) throw new Error('the database url must begin with mysql://')
  if (url === undefined && file === undefined) throw new Error('a store needs a url (mysql://…) or a file')
  const dialect = url === undefined ? 'sqlite' : 'mysql'
  const signals = new EventEmitter().setMaxListeners(0)
  /** Work that a transaction left behind keeps its async context, so the context must know that it is over. */
  const context = new AsyncLocalStorage<{ open: boolean }>()
  const inTransaction = () => context.getStore()?.open === true
  const sqlite = url === undefined ? openSqlite(file!, inTransaction, log) : undefined
  const bare = new Kysely<Tables>({ dialect: sqlite?.dialect ?? mysqlDialect(url!) })
  const inside = sqlite && new Kysely<Tables>({ dialect: sqlite.inside })

  function assertOutside(): void {
    if (inTransaction()) {
      throw new Error('the store was used inside a transaction: pass its tx on (SQLite would wait for itself here)')
    }
  }

  async function tryOnce<T>(work: (tx: Tx) => Promise<T>): Promise<{ result: T; hooks: (() => unknown)[] }> {
    const hooks: (() => unknown)[] = []
    const topics = new Set<string>()
    const state = { open: true }
    const run = (kysely: Kysely<Tables>) =>
      context.run(state, () =>
        work({
          dialect,
          kysely,
          rowsOf: rowsFrom(kysely),
          run: (query) => kysely.executeQuery(query),
          now: clock,
          afterCommit: (hook) => hooks.push(hook),
          signal: (topic) => {
            if (!topics.has(topic)) hooks.push(() => signals.emit(topic))
            topics.add(topic)
          },
        }),
      )
    try {
      const result = sqlite ? sqlite.transaction(() => run(inside!)) : bare.transaction().execute(run)
      return { result: await result, hooks }
    } finally {
      state.open = false
    }
  }

  async function committed<T>(work: (tx: Tx) => Promise<T>) {
    for (let attempt = 1; ; attempt++) {
      try {
        return await tryOnce(work)
      } catch (error) {
        if (!(error instanceof RetryableError) || attempt === transactionTries) throw error
        await sleep(Math.random() * 2 ** attempt * 5)
      }
    }
  }

  const outside: Db = {
    dialect,
    kysely: bare,
    rowsOf: rowsFrom(bare),
    run: (query) => bare.executeQuery(query),
    now: clock,
  }

  return {
    dialect,
    kysely: bare.withPlugin(before(assertOutside)),
    async rowsOf(query) {
      assertOutside()
      return sqlite?.readNow(query) ?? rowsFrom(bare)(query)
    },
    async run(query) {
      assertOutside()
      return bare.executeQuery(query)
    },
    keptRow:
      sqlite &&
      ((table, id, query, decode) => {
        assertOutside()
        return sqlite.keptRow(table, id, query, decode)
      }),
    now: clock,
    inTransaction,

    async transaction(work) {
      assertOutside()
      const { result, hooks } = await committed(work)
      for (const hook of hooks) {
        try {
          await hook()
        } catch (err) {
          log?.error({ err }, 'work after a commit failed')
        }
      }
      return result
    },

    onSignal(topic, listener) {
      signals.on(topic, listener)
      return () => signals.off(topic, listener)
    },

    lock: (name, stop) => (url === undefined ? localLock() : mysqlLock(url, name, stop, log)),
    migrate: (owner, migrations) =>
      migrate(outside, owner, migrations, sqlite && ((step) => committed(step).then(() => undefined))),
    pendingMigrations: (owner, migrations) => pendingMigrations(outside, owner, migrations),

    async ping() {
      await sql`select 1`.execute(bare)
    },
    async close() {
      await sqlite?.stop()
      await bare.destroy()
    },
  }
}

const rowsFrom =
  (kysely: Kysely<Tables>) =>
  async (query: CompiledRows): Promise<Record<string, unknown>[]> =>
    (await kysely.executeQuery<Record<string, unknown>>(query)).rows

/** Calls `check` before each query. */
const before = (check: () => void): KyselyPlugin => ({
  transformQuery({ node }) {
    check()
    return node
  },
  transformResult: async ({ result }) => result,
})
