import { type Kysely, sql } from 'kysely'
import type { Migration, Schema } from './migration.ts'
import { mysqlTablePlugin } from './mysql-table-plugin.ts'
import type { Db, Tables } from './store.ts'
import { storeMigrations } from './store-migrations.ts'

const table = 'store_migration'
const lockSeconds = 60

/** Runs a step: all of it or nothing, where the database can. */
type RunStep = (step: (db: Db) => Promise<void>) => Promise<void>

/** Applies what is missing, one process at a time. `transaction` is given for databases that can take a step back. */
export async function migrate(
  db: Db,
  owner: string,
  migrations: readonly Migration[],
  transaction?: RunStep,
): Promise<void> {
  if (transaction) return applyAll(db, owner, migrations, transaction)
  await db.kysely.connection().execute(async (kysely) => {
    const connection = { ...db, kysely }
    const { rows } = await sql<{ got: number }>`
      select get_lock(concat('migrate:', left(sha1(database()), 40)), ${lockSeconds}) as got`.execute(kysely)
    if (rows[0]?.got !== 1) throw new Error(`another process has been migrating for ${lockSeconds} s; try again later`)
    try {
      // MySQL commits every statement of its own accord.
      await applyAll(connection, owner, migrations, (step) => step(connection))
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

async function applyAll(db: Db, owner: string, migrations: readonly Migration[], runStep: RunStep): Promise<void> {
  await schemaOf(db)
    .createTable(table)
    .ifNotExists()
    .addColumn('owner', 'varchar(64)', (column) => column.notNull())
    .addColumn('name', 'varchar(128)', (column) => column.notNull())
    .addColumn('tm_create', 'varchar(27)', (column) => column.notNull())
    .addPrimaryKeyConstraint('pk_store_migration', ['owner', 'name'])
    .execute()
  await applyMissing(db, 'store', storeMigrations, runStep)
  await applyMissing(db, owner, migrations, runStep)
}

async function applyMissing(db: Db, owner: string, migrations: readonly Migration[], runStep: RunStep): Promise<void> {
  for (const { name, up } of await missing(db, owner, migrations)) {
    try {
      await runStep(async (db) => {
        await up(schemaOf(db))
        await db.kysely.insertInto(table).values({ owner, name, tm_create: db.now() }).execute()
      })
    } catch (cause) {
      throw new Error(`migration ${name} of ${owner} failed: ${(cause as Error).message}`, { cause })
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
