import { migration } from '@sidetone/store'
import { sipMigrations } from './sip/migrations.ts'

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
  migration('0005_event_activeflow', (schema) =>
    schema.alterTable('timeline_event').addColumn('activeflow_id', 'varchar(36)').execute(),
  ),
  migration('0006_event_activeflow_index', (schema) =>
    schema
      .createIndex('ix_timeline_event_activeflow')
      .on('timeline_event')
      .columns(['customer_id', 'activeflow_id', 'position'])
      .execute(),
  ),
  // How long the customer's events are kept; null: as long as everybody's.
  migration('0007_retention', (schema) =>
    schema.alterTable('timeline_head').addColumn('events_days', 'integer').execute(),
  ),
  migration('0008_audit', (schema) =>
    schema
      .createTable('timeline_audit')
      .ifNotExists()
      .addColumn('customer_id', 'varchar(36)', (column) => column.notNull())
      .addColumn('id', 'varchar(36)', (column) => column.notNull())
      .addColumn('timestamp', 'varchar(27)', (column) => column.notNull())
      .addColumn('event_type', 'varchar(64)', (column) => column.notNull())
      .addColumn('resource', 'varchar(32)', (column) => column.notNull())
      .addColumn('resource_id', 'varchar(64)', (column) => column.notNull())
      .addColumn('actor_type', 'varchar(16)', (column) => column.notNull())
      .addColumn('actor_id', 'varchar(36)', (column) => column.notNull())
      .addColumn('credential_id', 'varchar(36)', (column) => column.notNull())
      .addColumn('request_id', 'varchar(64)', (column) => column.notNull())
      .addColumn('address', 'varchar(64)', (column) => column.notNull())
      .addPrimaryKeyConstraint('pk_timeline_audit', ['customer_id', 'id'])
      .execute(),
  ),
  migration('0009_audit_actor', (schema) =>
    schema
      .createIndex('ix_timeline_audit_actor')
      .on('timeline_audit')
      .columns(['customer_id', 'actor_id', 'id'])
      .execute(),
  ),
  migration('0010_audit_resource', (schema) =>
    schema
      .createIndex('ix_timeline_audit_resource')
      .on('timeline_audit')
      .columns(['customer_id', 'resource_id', 'id'])
      .execute(),
  ),
  ...sipMigrations,
]
