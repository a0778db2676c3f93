import { sql } from 'kysely'
import type { TableDescription } from './resource-table.ts'
import type { Column } from './row-codec.ts'
import type { Db } from './store.ts'

interface LiveColumn {
  name: string
  type: string
  required: boolean
}

const integers = /int/i
const decimals = /double|float|real|decimal|numeric/i
const texts = /char|text/i
const fitting: Record<Column['kind'], RegExp[]> = {
  plain: [texts],
  json: [texts],
  flag: [integers],
  number: [integers, decimals],
}

/** Compares the live columns with the schemas, and rejects with everything that does not fit. */
export async function checkTables(db: Db, tables: readonly TableDescription[]): Promise<void> {
  const problems = (await Promise.all(tables.map((table) => problemsOf(db, table)))).flat()
  if (problems.length > 0) throw new Error(`the database does not fit the schemas:\n${problems.join('\n')}`)
}

async function problemsOf(db: Db, { name, columns }: TableDescription): Promise<string[]> {
  const live = new Map((await liveColumns(db, name)).map((column) => [column.name, column]))
  if (live.size === 0) return [`${name}: there is no such table`]
  const missing = [...columns].flatMap(([field, column]) => {
    const found = live.get(field)
    if (!found) return [`${name}.${field}: there is no such column`]
    const wanted = column.encrypted ? [texts] : fitting[column.kind]
    if (!wanted.some((type) => type.test(found.type))) return [`${name}.${field}: ${found.type} cannot hold it`]
    if (column.nullable && found.required) return [`${name}.${field}: the column takes no NULL, the schema does`]
    return []
  })
  const unfilled = [...live.values()].filter((column) => column.required && !columns.has(column.name))
  return [...missing, ...unfilled.map((column) => `${name}.${column.name}: must be filled, but the schema lacks it`)]
}

async function liveColumns({ dialect, kysely }: Db, table: string): Promise<LiveColumn[]> {
  const query =
    dialect === 'sqlite'
      ? sql<LiveColumn>`select name, type, "notnull" = 1 and dflt_value is null as required from pragma_table_info(${table})`
      : sql<LiveColumn>`
          select column_name as name, data_type as type, is_nullable = 'NO' and column_default is null as required
          from information_schema.columns where table_schema = database() and table_name = ${table}`
  const { rows } = await query.execute(kysely)
  return rows.map((row) => ({ ...row, required: Boolean(row.required) }))
}
