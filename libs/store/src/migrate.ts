import { type Kysely, sql } from 'kysely'
import type { Migration, Schema } from './migration.ts'
import { mysqlTablePlugin } from './mysql-table-plugin.ts'
import type { Db, Tables } from './store.ts'
import { storeMigrations } from './store-migrations.ts'

const table = 'store_migration'
const lockSeconds = 60

/** Applies what is missing, one process at a time. */
export async function migrate(db: Db, owner: string, migrations: readonly Migration[]): Promise<void> {
  await db.kysely.connection().execute(async (kysely) => {
    const connection = { ...db, kysely }
    if (db.dialect === 'sqlite') return applyAll(connection, owner, migrations)
    const { rows } = await sql<{ got: number }>`
      select get_lock(concat('migrate:', left(sha1(database()), 40)), ${lockSeconds}) as got`.execute(kysely)
    if (rows[0]?.got !== 1) throw new Error(`another process has been migrating for ${lockSeconds} s; try again later`)
    try {
      await applyAll(connection, owner, migrations)
    } finally {
      await sql`do release_lock(concat('migrate:', left(sha1(database()), 40)))`.execute(kysely)
    }
  })
}

/** The names of the steps that are still to be applied, the store's own among them. */
export async function pendingMigrations(db: Db, owner: string, migrations: readonly Migration[]): Promise<string[]> {
  const exists = (await db.kysely.introspection.getTables()).some(({ name }) => name === table)
  if (!exists) return [...storeMigrations, ...migrations].map(({ name }) => name)
  return [...(await missing(db, 'store', storeMigrations)), ...(await missing(db, owner, migrations))].map(
    ({ name }) => name,
  )
}

async function applyAll(db: Db, owner: string, migrations: readonly Migration[]): Promise<void> {
  await schemaOf(db)
    .createTable(table)
    .ifNotExists()
    .addColumn('owner', 'varchar(64)', (column) => column.notNull())
    .addColumn('name', 'varchar(128)', (column) => column.notNull())
    .addColumn('tm_create', 'varchar(27)', (column) => column.notNull())
    .addPrimaryKeyConstraint('pk_store_migration', ['owner', 'name'])
    .execute()
  await applyMissing(db, 'store', storeMigrations)
  await applyMissing(db, owner, migrations)
}

async function applyMissing(db: Db, owner: string, migrations: readonly Migration[]): Promise<void> {
  for (const step of await missing(db, owner, migrations)) {
    // SQLite takes a step back when it fails; MySQL commits every statement of its own accord.
    if (db.dialect === 'sqlite') await sql.raw('begin').execute(db.kysely)
    try {
      await step.up(schemaOf(db))
      await db.kysely.insertInto(table).values({ owner, name: step.name, tm_create: db.now() }).execute()
      if (db.dialect === 'sqlite') await sql.raw('commit').execute(db.kysely)
    } catch (cause) {
      if (db.dialect === 'sqlite') await sql.raw('rollback').execute(db.kysely)
      throw new Error(`migration ${step.name} of ${owner} failed: ${(cause as Error).message}`, { cause })
    }
  }
}

async function missing(db: Db, owner: string, migrations: readonly Migration[]): Promise<Migration[]> {
  const rows = await db.kysely.selectFrom(table).select('name').where('owner', '=', owner).execute()
  const applied = new Set(rows.map(({ name }) => name))
  const first = migrations.findIndex(({ name }) => !applied.has(name))
  if (first < 0) return []
  const late = migrations.slice(first).find(({ name }) => applied.has(name))
  if (late) {
    throw new Error(
      `migration ${migrations[first]!.name} of ${owner} stands before ${late.name}, which is applied: put new ones last`,
    )
  }
  return migrations.slice(first)
}

function schemaOf({ kysely, dialect }: Db): Schema {
  const { schema }: Pick<Kysely<Tables>, 'schema'> = dialect === 'mysql' ? kysely.withPlugin(mysqlTablePlugin) : kysely
  return Object.assign(schema, { dialect })
}
