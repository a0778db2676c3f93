import { migration } from '@sidetone/store'

export const migrations = [
  migration('0001_event', (schema) =>
    schema
      .createTable('timeline_event')
      .ifNotExists()
      .addColumn('customer_id', 'varchar(36)', (column) => column.notNull())
      // Counts the customer's events without gaps.
      .addColumn('position', 'bigint', (column) => column.notNull())
      .addColumn('id', 'varchar(36)', (column) => column.notNull())
      .addColumn('type', 'varchar(64)', (column) => column.notNull())
      .addColumn('publisher', 'varchar(32)', (column) => column.notNull())
      .addColumn('owner_id', 'varchar(36)', (column) => column.notNull())
      .addColumn('resource', 'varchar(32)', (column) => column.notNull())
      .addColumn('resource_id', 'varchar(64)', (column) => column.notNull())
      .addColumn('sequence', 'bigint', (column) => column.notNull())
      .addColumn('time', 'varchar(27)', (column) => column.notNull())
      .addColumn('data', 'text', (column) => column.notNull())
      .addPrimaryKeyConstraint('pk_timeline_event', ['customer_id', 'position'])
      .execute(),
  ),
  migration('0002_event_id', (schema) =>
    schema.createIndex('ux_timeline_event_id').unique().on('timeline_event').column('id').execute(),
  ),
  migration('0003_event_resource', (schema) =>
    schema
      .createIndex('ix_timeline_event_resource')
      .on('timeline_event')
      .columns(['customer_id', 'resource', 'resource_id', 'position'])
      .execute(),
  ),
  migration('0004_head', (schema) =>
    schema
      .createTable('timeline_head')
      .ifNotExists()
      .addColumn('customer_id', 'varchar(36)', (column) => column.primaryKey().notNull())
      .addColumn('position', 'bigint', (column) => column.notNull())
      .execute(),
  ),
]
