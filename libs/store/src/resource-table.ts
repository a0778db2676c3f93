import { everyCustomer, type MadeField, objectMaker, type Page, type PageQuery, type Scope } from '@sidetone/contract'
import { type RawBuilder, type SelectQueryBuilder, sql } from 'kysely'
import type { z } from 'zod'
import { newId } from './clock.ts'
import { type Compilable, compiledQueries } from './compiled.ts'
import { type Position, pageToken, readPageToken } from './page-token.ts'
import { type Column, type ColumnSecrets, columnsOf, decode, encode } from './row-codec.ts'
import { forgetSequences } from './sequences.ts'
import type { CompiledRows, Db, Tables, Tx } from './store.ts'

interface Row {
  id: string
  customer_id: string
}

/** What the store fills in when a row is inserted; an id may be given. */
export type NewRow<T> = Omit<T, 'id' | 'tm_create' | 'tm_update' | 'tm_delete'> & { id?: string }

/** Fields that must be equal; a list means any of its values; `{ anyOf }` a field that is a list of ids and holds one of these. */
export type Where<T> = {
  [K in keyof T]?: T[K] | readonly T[K][] | (T[K] extends readonly string[] ? { anyOf: readonly string[] } : never)
}

/** A table as its schema has it. */
export interface TableDescription {
  name: string
  columns: ReadonlyMap<string, Column>
}

/** The rows of one resource. Everything but `insert` takes the customers it may touch; deleted rows are not found. */
export interface ResourceTable<T extends Row> extends TableDescription {
  /** Sets id and times. Rejects with a `DuplicateError`. */
  insert: (db: Db, row: NewRow<T>) => Promise<T>
  /** Outside of transactions the row may be frozen: others have it too. */
  find: (db: Db, scope: Scope, id: string) => Promise<T | undefined>
  /** Finds a row and keeps others from changing it until the transaction ends. */
  findLocked: (tx: Tx, scope: Scope, id: string) => Promise<T | undefined>
  /** The newest that matches. */
  findBy: (db: Db, scope: Scope, where: Where<T>) => Promise<T | undefined>
  /** Newest first. */
  list: (db: Db, scope: Scope, options: { where?: Where<T>; limit: number }) => Promise<T[]>
  count: (db: Db, scope: Scope, where?: Where<T>) => Promise<number>
  /** Newest first; rejects with INVALID_ARGUMENT when the token is not one of its own. */
  page: (db: Db, scope: Scope, query: PageQuery, where?: Where<T>) => Promise<Page<T>>
  /** Undefined when there is no such row, or it does not match `where`: a state or version that it must still have. */
  update: (
    db: Db,
    scope: Scope,
    id: string,
    patch: Partial<T>,
    options?: { where?: Where<T> },
  ) => Promise<T | undefined>
  updateAllOf: (db: Db, customer_id: string, patch: Partial<T>) => Promise<void>
  softDelete: (db: Db, scope: Scope, id: string) => Promise<T | undefined>
  softDeleteAllOf: (db: Db, customer_id: string) => Promise<void>
  /** Removes for good what was deleted before that time, with what the events of that `resource` were counted by; returns how many. */
  purge: (db: Db, deletedBefore: string, resource?: string) => Promise<number>
  /** For what the others cannot say: a query that is restricted already; its rows go through `decode`. */
  select: (db: Db, scope: Scope) => SelectQueryBuilder<Tables, string, Record<string, unknown>>
  decode: (row: Record<string, unknown>) => T
}

export interface ResourceTableOptions<T> {
  /** Columns that are encrypted at rest. */
  encrypted?: readonly (keyof T & string)[]
  secrets?: ColumnSecrets
}

const batchSize = 500
const settledByStore = ['id', 'customer_id', 'tm_create', 'tm_update', 'tm_delete']

/** The table that holds the resources of a schema; its columns are the schema's fields. */
export function resourceTable<T extends Row>(
  schema: z.ZodObject & z.ZodType<T>,
  name: string,
  { encrypted = [], secrets }: ResourceTableOptions<T> = {},
): ResourceTable<T> {
  const columns = columnsOf(schema, encrypted)
  if (encrypted.length > 0 && !secrets) throw new Error(`${name} has encrypted columns but no secrets`)

  const column = (field: string) => sql.ref(`${name}.${field}`)
  const contextOf = (column: string, id: string) => `${name}.${column}.${id}`

  function encodeRow(id: string, row: Record<string, unknown>): Record<string, unknown> {
    return Object.fromEntries(
      Object.entries(row).flatMap(([field, value]) => {
        if (value === undefined) return []
        const { kind, nullable, encrypted: secret } = columnOf(field)
        const encoded = encode(kind, value)
        if (encoded === null && !nullable) throw new Error(`${name}.${field} cannot be null`)
        return [[field, secret && encoded !== null ? secrets!.encrypt(String(encoded), contextOf(field, id)) : encoded]]
      }),
    )
  }

  const decodeRow = objectMaker(
    [...columns].map(([field, column]) => decoded(field, column)),
  ) as ResourceTable<T>['decode']

  function decoded(name: string, { kind, absent, encrypted: secret }: Column): MadeField<Record<string, unknown>> {
    if (!secret && !absent && (kind === 'plain' || kind === 'number')) return { name }
    const read = (row: Record<string, unknown>) => {
      const stored = row[name]
      if (stored === undefined || (stored === null && absent)) return undefined
      if (!secret || stored === null) return decode(kind, stored)
      const plain = secrets!.decrypt(stored as string, contextOf(name, row.id as string))
      return decode(kind, kind === 'number' || kind === 'flag' ? Number(plain) : plain)
    }
    return { name, read, optional: absent }
  }

  function columnOf(field: string): Column {
    const found = columns.get(field)
    if (!found) throw new Error(`${name} has no field ${field}`)
    return found
  }

  /** The conditions as SQL; every query on rows goes through here. */
  function matching(scope: Scope, where: Record<string, unknown> = {}) {
    if (!scope) throw new Error(`a query on ${name} lacks its customer`)
    const conditions = [sql<boolean>`${column('tm_delete')} is null`]
    if (scope !== everyCustomer) conditions.push(sql`${column('customer_id')} = ${scope}`)
    for (const [field, value] of Object.entries(where)) conditions.push(condition(field, value))
    return sql<boolean>`${sql.join(conditions, sql` and `)}`
  }

  function condition(field: string, value: unknown) {
    const { encrypted: secret, kind } = columnOf(field)
    if (value === undefined) throw new Error(`${name}.${field}: undefined would match everything; leave the field out`)
    if (kind === 'json' && isAnyOf(value)) return holdsAny(column(field), value.anyOf)
    if (secret || kind === 'json') throw new Error(`${name}.${field} cannot be searched by its value`)
    if (value === null) return sql<boolean>`${column(field)} is null`
    if (!Array.isArray(value)) return sql<boolean>`${column(field)} = ${encode(kind, value)}`
    if (value.length === 0) return sql<boolean>`1 = 0`
    return sql<boolean>`${column(field)} in (${sql.join(value.map((one) => encode(kind, one)))})`
  }

  const select = (db: Db, scope: Scope, where?: Record<string, unknown>) =>
    db.kysely.selectFrom(name).where(matching(scope, where)) as SelectQueryBuilder<
      Tables,
      string,
      Record<string, unknown>
    >

  const compiled = compiledQueries()
  const scopeForm = (scope: Scope) => (scope === everyCustomer ? 'all' : scope && 'one')
  /** In the order of `matching`. */
  const scopeParameters = (scope: Scope, id: string) => (scope === everyCustomer ? [id] : [scope, id])

  const findQuery = (db: Db, scope: Scope, id: string) =>
    compiled(db, `find ${scopeForm(scope)}`, scopeParameters(scope, id), () => select(db, scope, { id }).selectAll())

  const newestFirst = (db: Db, scope: Scope, where?: Record<string, unknown>) =>
    select(db, scope, where).selectAll().orderBy('tm_create', 'desc').orderBy('id', 'desc')

  const first = (rows: Record<string, unknown>[]): T | undefined => rows[0] && decodeRow(rows[0])

  async function change(
    db: Db,
    { scope, id, where }: { scope: Scope; id: string; where?: Record<string, unknown> | undefined },
    values: Record<string, unknown>,
  ): Promise<T | undefined> {
    const set = { ...values, tm_update: db.now() }
    const returning = db.dialect === 'sqlite'
    const build = (): Compilable => {
      const update = db.kysely
        .updateTable(name)
        .set(set)
        .where(matching(scope, { ...where, id }))
      return returning ? update.returningAll() : update
    }
    const parameters = [...Object.values(set), ...scopeParameters(scope, id)]
    const query = where
      ? (build().compile() as CompiledRows)
      : compiled(db, `update ${scopeForm(scope)} ${Object.keys(set)}`, parameters, build)
    const { rows, numAffectedRows } = await db.run({ ...query, row: id })
    if (returning) return first(rows)
    return numAffectedRows === 0n ? undefined : first(await db.rowsOf(rowQuery(db, id)))
  }

  /** Whoever it belongs to, deleted or not. */
  const rowQuery = (db: Db, id: string) =>
    compiled(db, 'row', [id], () => db.kysely.selectFrom(name).selectAll().where('id', '=', id))

  /** Ids of up to a batch of rows, so that no statement locks or changes a whole table. */
  async function inBatches(next: () => Promise<{ id?: unknown }[]>, work: (ids: string[]) => Promise<unknown>) {
    let count = 0
    for (;;) {
      const ids = (await next()).map(({ id }) => id as string)
      if (ids.length > 0) await work(ids)
      count += ids.length
      if (ids.length < batchSize) return count
    }
  }

  const changeable = (id: string, patch: Record<string, unknown>) => {
    const settled = settledByStore.find((field) => patch[field] !== undefined)
    if (settled) throw new Error(`${name}.${settled} is not for a patch to change`)
    return encodeRow(id, patch)
  }

  const table: ResourceTable<T> = {
    name,
    columns,
    decode: decodeRow,
    select,

    async insert(db, row) {
      const id = row.id ?? newId()
      if (!row.customer_id || row.customer_id === everyCustomer) throw new Error(`a row of ${name} lacks its customer`)
      const given: Record<string, unknown> = { ...row, id, tm_create: db.now(), tm_update: null, tm_delete: null }
      for (const field of columns.keys()) given[field] ??= null
      const values = encodeRow(id, given)
      const fields = Object.keys(values)
      const insert = () => db.kysely.insertInto(name).values(values)
      await db.run({ ...compiled(db, `insert ${fields}`, Object.values(values), insert), row: id })
      return decodeRow(values)
    },

    async find(db, scope, id) {
      const query = () => findQuery(db, scope, id)
      // What is encrypted at rest does not stay in memory either.
      const kept = encrypted.length === 0 ? db.keptRow?.(name, id, query, decodeRow) : undefined
      if (kept && (scope === everyCustomer || kept.customer_id === scope)) return kept
      return first(await db.rowsOf(query()))
    },

    async findLocked(tx, scope, id) {
      const query = select(tx, scope, { id }).selectAll()
      // SQLite has one writer, and this transaction is it.
      return first(await (tx.dialect === 'mysql' ? query.forUpdate() : query).execute())
    },

    findBy: async (db, scope, where) => first(await newestFirst(db, scope, where).limit(1).execute()),

    list: async (db, scope, { where, limit }) =>
      (await newestFirst(db, scope, where).limit(limit).execute()).map(decodeRow),

    async count(db, scope, where) {
      const [row] = await select(db, scope, where)
        .select(({ fn }) => fn.countAll().as('count'))
        .execute()
      return Number(row?.count)
    },

    async page(db, scope, { page_size, page_token }, where) {
      const query = newestFirst(db, scope, where).limit(page_size + 1)
      const rows = await (page_token ? query.where(after(readPageToken(page_token))) : query).execute()
      const result = rows.slice(0, page_size).map(decodeRow)
      const last = rows[page_size - 1] as Position | undefined
      return { result, next_page_token: rows.length > page_size ? pageToken(last!) : '' }
    },

    update: (db, scope, id, patch, { where } = {}) => change(db, { scope, id, where }, changeable(id, patch)),

    async updateAllOf(db, customer_id, patch) {
      if (encrypted.some((field) => field in patch)) throw new Error('an encrypted value belongs to one row')
      const values = { ...changeable('', patch), tm_update: db.now() }
      await db.kysely.updateTable(name).set(values).where(matching(customer_id)).execute()
    },

    softDelete: (db, scope, id) => change(db, { scope, id }, { tm_delete: db.now() }),

    async softDeleteAllOf(db, customer_id) {
      const next = () => select(db, customer_id).select('id').limit(batchSize).execute()
      await inBatches(next, (ids) => {
        const time = db.now()
        return db.kysely.updateTable(name).set({ tm_delete: time, tm_update: time }).where('id', 'in', ids).execute()
      })
    },

    purge(db, deletedBefore, resource) {
      const next = () =>
        db.kysely.selectFrom(name).select('id').where('tm_delete', '<', deletedBefore).limit(batchSize).execute()
      return inBatches(next, async (ids) => {
        if (resource !== undefined) await forgetSequences(db, resource, ids)
        return db.kysely.deleteFrom(name).where('id', 'in', ids).execute()
      })
    },
  }
  return table
}

const isAnyOf = (value: unknown): value is { anyOf: readonly string[] } =>
  typeof value === 'object' && value !== null && 'anyOf' in value

/** In the text of a JSON list, an id has its quotes on both sides. */
const holdsAny = (column: RawBuilder<unknown>, ids: readonly string[]) =>
  ids.length === 0
    ? sql<boolean>`1 = 0`
    : sql<boolean>`(${sql.join(
        ids.map((id) => sql`instr(${column}, ${JSON.stringify(id)}) > 0`),
        sql` or `,
      )})`

/** The rows behind a position. The first condition is the one that an index can use. */
const after = ({ tm_create, id }: Position) =>
  sql<boolean>`tm_create <= ${tm_create} and (tm_create < ${tm_create} or id < ${id})`
