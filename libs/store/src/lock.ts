import { hash } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { createConnection, type RowDataPacket } from 'mysql2/promise'
import type { Logger } from 'pino'
import { connectionOptions } from './mysql.ts'

/** Something that one process has at a time. */
export interface Lock {
  /** Aborts when the lock is lost without having been released. */
  lost: AbortSignal
  release: () => Promise<void>
}

const waitSeconds = 2
const checkMs = 2_000
const reconnectMs = 500

/** An SQLite file belongs to one process, so it has every lock. */
export const localLock = async (): Promise<Lock> => ({
  lost: new AbortController().signal,
  release: async () => {},
})

/** Waits for a lock of the MySQL server on a connection of its own, with which it ends. */
export async function mysqlLock(
  url: string,
  name: string,
  stop: AbortSignal,
  log: Pick<Logger, 'warn'> | undefined,
): Promise<Lock | undefined> {
  while (!stop.aborted) {
    try {
      return await tryConnection(url, name, stop)
    } catch (err) {
      log?.warn({ err, lock: name }, 'the connection that waits for a lock failed')
      await sleep(reconnectMs, undefined, { signal: stop }).catch(() => undefined)
    }
  }
  return undefined
}

/** Names of locks belong to the server and have at most 64 characters. */
export const serverLockName = (database: string, name: string): string =>
  hash('sha256', `${database}:${name}`).slice(0, 48)

async function tryConnection(url: string, name: string, stop: AbortSignal): Promise<Lock | undefined> {
  const connection = await createConnection(connectionOptions(url))
  const lost = new AbortController()
  // Without a listener an error of an idle connection would end the process.
  connection.on('error', () => lost.abort())
  connection.on('end', () => lost.abort())
  const ask = async (statement: string, values: unknown[] = []): Promise<unknown> => {
    const [rows] = await connection.query<RowDataPacket[]>({
      sql: statement,
      values,
      timeout: checkMs + waitSeconds * 1_000,
    })
    return Object.values(rows[0]!)[0]
  }
  try {
    const key = serverLockName(String(await ask('select database()')), name)
    const stopped = new Promise((resolve) => stop.addEventListener('abort', resolve))
    const taken = () => ask('select get_lock(?, ?)', [key, waitSeconds])
    while (!stop.aborted && (await Promise.race([taken(), stopped])) !== 1);
  } catch (error) {
    connection.destroy()
    throw error
  }
  if (stop.aborted) {
    connection.destroy()
    return undefined
  }
  const checks = setInterval(() => ask('select 1').catch(() => lost.abort()), checkMs)
  return {
    lost: lost.signal,
    release: async () => {
      clearInterval(checks)
      connection.destroy()
    },
  }
}
