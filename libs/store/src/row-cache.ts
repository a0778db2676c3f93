import type { DatabaseSync } from 'node:sqlite'
import { freeze } from '@sidetone/contract'

/** The longest list of one table; what was kept first is forgotten first. */
const mostRows = 1_000

/** Rows as they were read last, decoded, each until something may have been written to it. */
export interface RowCache {
  get: (table: string, id: string) => object | undefined
  /** Keeps a row that is committed, and freezes it. */
  keep: <T extends object>(table: string, id: string, row: T) => T
  /** A statement of this connection has written; `table` undefined: to whichever; `id`: to no other row that was there before. */
  written: (table: string | undefined, id: string | undefined) => void
}

export function createRowCache(raw: DatabaseSync): RowCache {
  const tables = new Map<string, Map<string, object>>()
  // Changes when another connection has committed something: a second process, or an operator's sqlite3.
  const dataVersion = raw.prepare('pragma data_version')
  dataVersion.setReturnArrays(true)
  let version = 0
  let isCurrent = false

  /** Once in each turn of the event loop: it costs as much as a small query. */
  function forgetWhatOthersWrote(): void {
    if (isCurrent) return
    isCurrent = true
    setImmediate(() => {
      isCurrent = false
    })
    const [current] = dataVersion.get() as unknown as [number]
    if (current !== version) tables.clear()
    version = current
  }

  return {
    get(table, id) {
      forgetWhatOthersWrote()
      return tables.get(table)?.get(id)
    },
    keep(table, id, row) {
      const rows = tables.get(table) ?? new Map<string, object>()
      tables.set(table, rows)
      if (rows.size >= mostRows) rows.delete(rows.keys().next().value!)
      rows.set(id, freeze(row))
      return row
    },
    written(table, id) {
      if (table === undefined) tables.clear()
      else if (id === undefined) tables.delete(table)
      else tables.get(table)?.delete(id)
    },
  }
}

/** The table that a statement writes to; undefined when it may be any. */
export const writtenTable = (sql: string): string | undefined =>
  /^(?:insert into|update|delete from) "?(\w+)/i.exec(sql)?.[1]
