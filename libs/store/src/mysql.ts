import { type Dialect, MysqlDialect, type MysqlPool, type MysqlPoolConnection } from 'kysely'
import { type ConnectionOptions, createPool, type PoolConnection, type QueryError } from 'mysql2'
import { bind } from './bind.ts'
import { translate } from './errors.ts'

const poolSize = 10

/** How every connection is opened, so that values mean the same on both databases. */
export const connectionOptions = (url: string): ConnectionOptions => ({
  uri: url,
  charset: 'utf8mb4_bin',
  timezone: 'Z',
  dateStrings: true,
  supportBigNumbers: true,
  decimalNumbers: true,
  connectTimeout: 5_000,
})

/** Kysely over mysql2. */
export function mysqlDialect(url: string): Dialect {
  const pool = createPool({ ...connectionOptions(url), connectionLimit: poolSize })
  pool.on('connection', (connection) => {
    // Never the server's own mode: NO_BACKSLASH_ESCAPES would break the escaping of values.
    connection.query(`set session sql_mode = 'STRICT_ALL_TABLES,ONLY_FULL_GROUP_BY,NO_ENGINE_SUBSTITUTION'`)
    connection.query(`set session time_zone = '+00:00'`)
    // Gap locks of REPEATABLE READ would make queues and outbox deadlock; every statement here sees the newest commit.
    connection.query('set session transaction isolation level read committed')
  })
  const guardedOf = new WeakMap<PoolConnection, MysqlPoolConnection>()
  const guardedPool: MysqlPool = {
    getConnection(callback) {
      pool.getConnection((error, connection) => {
        if (error) return callback(error, undefined as never)
        const known = guardedOf.get(connection) ?? guarded(connection)
        guardedOf.set(connection, known)
        callback(undefined, known)
      })
    },
    end: (callback) => pool.end(callback),
  }
  return new MysqlDialect({ pool: guardedPool })
}

type Callback = (error: unknown, result: unknown) => void

function guarded(connection: PoolConnection): MysqlPoolConnection {
  const query = (sql: string, parameters: readonly unknown[], callback: Callback) => {
    try {
      const values = parameters.map(bind)
      connection.query(sql, values, (error: QueryError | null, result) => callback(error && translate(error), result))
    } catch (error) {
      callback(error, undefined)
    }
  }
  return {
    threadId: connection.threadId,
    config: connection.config,
    connect: (done) => done?.(undefined),
    query: query as MysqlPoolConnection['query'],
    release: () => connection.release(),
    destroy: () => connection.destroy(),
  }
}
