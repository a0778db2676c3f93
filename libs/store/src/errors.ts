/** A row with the same key exists. */
export class DuplicateError extends Error {
  override readonly name = 'DuplicateError'
  /** The name of the index as `ux_<table>_<columns>`, or `PRIMARY`. */
  readonly key: string

  constructor(key: string, options?: ErrorOptions) {
    super(`a row with the same ${key} exists`, options)
    this.key = key
  }
}

/** The database asked for the transaction to be repeated: a deadlock, or a lock that did not come free. */
export class RetryableError extends Error {
  override readonly name = 'RetryableError'
}

/** Gives the errors that callers tell apart one form on both databases; everything else stays as it is. */
export function translate(error: unknown): unknown {
  if (!(error instanceof Error)) return error
  const { errno, errcode } = error as { errno?: number; errcode?: number }
  if (errcode === sqlite.primaryKey) return new DuplicateError('PRIMARY', { cause: error })
  if (errcode === sqlite.unique) return new DuplicateError(sqliteKey(error.message), { cause: error })
  if (errno === mysql.ER_DUP_ENTRY) return new DuplicateError(mysqlKey(error.message), { cause: error })
  const repeat = errno === mysql.ER_LOCK_DEADLOCK || errno === mysql.ER_LOCK_WAIT_TIMEOUT
  // The low byte is the primary code; extended ones (BUSY_SNAPSHOT) share it.
  if (repeat || (errcode !== undefined && (errcode & 0xff) === sqlite.busy)) {
    return new RetryableError(error.message, { cause: error })
  }
  return error
}

// https://www.sqlite.org/rescode.html
const sqlite = { busy: 5, primaryKey: 1555, unique: 2067 }
// https://dev.mysql.com/doc/mysql-errors/8.0/en/server-error-reference.html
const mysql = { ER_DUP_ENTRY: 1062, ER_LOCK_WAIT_TIMEOUT: 1205, ER_LOCK_DEADLOCK: 1213 }

// UNIQUE constraint failed: tag_tag.customer_id, tag_tag.name
function sqliteKey(message: string): string {
  const columns = message.slice(message.indexOf(': ') + 2).split(', ')
  const table = columns[0]?.split('.')[0]
  return `ux_${table}_${columns.map((column) => column.split('.')[1]).join('_')}`
}

// Duplicate entry 'x' for key 'tag_tag.ux_tag_tag_name' (MySQL), without the table (MariaDB)
const mysqlKey = (message: string): string => /for key '(?:[^']*\.)?([^'.]+)'$/.exec(message)?.[1] ?? 'key'
