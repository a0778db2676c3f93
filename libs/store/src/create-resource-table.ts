import type { CreateTableBuilder } from 'kysely'
import type { Schema } from './migration.ts'

type Builder<Columns extends string = string> = CreateTableBuilder<string, Columns>
type CommonColumn = 'id' | 'customer_id' | 'tm_create' | 'tm_update' | 'tm_delete'

/** Creates the table of a resource: id, customer_id, the times, the index that pages use, and what `build` adds. */
export async function createResourceTable<Columns extends string>(
  schema: Schema,
  name: string,
  build: (table: Builder<CommonColumn>) => Builder<Columns>,
): Promise<void> {
  const common = schema
    .createTable(name)
    .ifNotExists()
    .addColumn('id', 'varchar(36)', (column) => column.primaryKey().notNull())
    .addColumn('customer_id', 'varchar(36)', (column) => column.notNull())
    .addColumn('tm_create', 'varchar(27)', (column) => column.notNull())
    .addColumn('tm_update', 'varchar(27)')
    .addColumn('tm_delete', 'varchar(27)')
  await createTable(schema, build(common), name, ['customer_id', 'tm_create', 'id'])
}

/** Creates a table and an index on it, on MySQL in one statement (it could not take the first of two back). */
export async function createTable(
  schema: Schema,
  table: Pick<Builder<never>, 'execute'>,
  name: string,
  index: string[],
): Promise<void> {
  const indexName = `ix_${name}_${index.join('_')}`
  if (schema.dialect === 'mysql') return (table as Builder).addIndex(indexName, index).execute()
  await table.execute()
  await schema.createIndex(indexName).ifNotExists().on(name).columns(index).execute()
}
