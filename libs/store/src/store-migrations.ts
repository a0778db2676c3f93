import { createTable } from './create-resource-table.ts'
import { type Migration, migration } from './migration.ts'

/** Columns of keys are as wide as an index allows. */
const key = 'varchar(255)'

/** The tables of the message layer, which all managers share. */
export const storeMigrations: readonly Migration[] = [
  migration('0001_outbox', (schema) =>
    createTable(
      schema,
      schema
        .createTable('bus_outbox')
        .ifNotExists()
        .addColumn('position', schema.dialect === 'mysql' ? 'bigint' : 'integer', (column) =>
          column.primaryKey().autoIncrement(),
        )
        .addColumn('publisher', 'varchar(64)', (column) => column.notNull())
        .addColumn('event', 'text', (column) => column.notNull()),
      'bus_outbox',
      ['publisher', 'position'],
    ),
  ),
  migration('0002_sequence', (schema) =>
    schema
      .createTable('bus_sequence')
      .ifNotExists()
      .addColumn('resource', 'varchar(64)', (column) => column.notNull())
      .addColumn('resource_id', 'varchar(64)', (column) => column.notNull())
      .addColumn('sequence', 'bigint', (column) => column.notNull())
      .addPrimaryKeyConstraint('pk_bus_sequence', ['resource', 'resource_id'])
      .execute(),
  ),
  migration('0003_inbox', (schema) =>
    createTable(
      schema,
      schema
        .createTable('bus_inbox')
        .ifNotExists()
        .addColumn('subscriber', 'varchar(64)', (column) => column.notNull())
        .addColumn('event_id', 'varchar(64)', (column) => column.notNull())
        .addColumn('tm_create', 'varchar(27)', (column) => column.notNull())
        .addPrimaryKeyConstraint('pk_bus_inbox', ['subscriber', 'event_id']),
      'bus_inbox',
      ['tm_create'],
    ),
  ),
  migration('0004_idempotency', (schema) =>
    createTable(
      schema,
      schema
        .createTable('bus_idempotency')
        .ifNotExists()
        .addColumn('idempotency_key', key, (column) => column.primaryKey().notNull())
        .addColumn('request_hash', key, (column) => column.notNull())
        .addColumn('reply', 'text')
        .addColumn('lease_until', 'varchar(27)', (column) => column.notNull())
        .addColumn('tm_create', 'varchar(27)', (column) => column.notNull()),
      'bus_idempotency',
      ['tm_create'],
    ),
  ),
  migration('0005_dead_letter', (schema) =>
    createTable(
      schema,
      schema
        .createTable('bus_dead_letter')
        .ifNotExists()
        .addColumn('subscriber', 'varchar(64)', (column) => column.notNull())
        .addColumn('event_id', 'varchar(64)', (column) => column.notNull())
        .addColumn('type', 'varchar(64)', (column) => column.notNull())
        .addColumn('customer_id', 'varchar(36)', (column) => column.notNull())
        .addColumn('reason', 'text', (column) => column.notNull())
        .addColumn('event', 'text', (column) => column.notNull())
        .addColumn('tm_create', 'varchar(27)', (column) => column.notNull())
        .addPrimaryKeyConstraint('pk_bus_dead_letter', ['subscriber', 'event_id']),
      'bus_dead_letter',
      ['tm_create'],
    ),
  ),
  migration('0006_mutex', (schema) =>
    schema
      .createTable('bus_mutex')
      .ifNotExists()
      .addColumn('name', key, (column) => column.primaryKey().notNull())
      .execute(),
  ),
  migration('0007_keys', (schema) =>
    schema
      .createTable('bus_keys')
      .ifNotExists()
      .addColumn('id', 'integer', (column) => column.primaryKey().notNull())
      .addColumn('sealed', 'varchar(255)', (column) => column.notNull())
      .execute(),
  ),
]
