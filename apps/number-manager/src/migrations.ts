import { createResourceTable, migration } from '@sidetone/store'

export const migrations = [
  migration('0001_number', (schema) =>
    createResourceTable(schema, 'number_number', (table) =>
      table
        .addColumn('number', 'varchar(16)')
        .addColumn('type', 'varchar(16)')
        .addColumn('call_flow_id', 'varchar(36)')
        .addColumn('message_flow_id', 'varchar(36)')
        .addColumn('name', 'varchar(255)')
        .addColumn('detail', 'text')
        .addColumn('status', 'varchar(16)')
        .addColumn('t38_enabled', 'integer')
        .addColumn('emergency_enabled', 'integer')
        .addColumn('metadata', 'text')
        .addColumn('tm_purchase', 'varchar(27)')
        .addColumn('tm_renew', 'varchar(27)')
        // The number while it is active, else nothing: what makes it unique among the living.
        .addColumn('active_number', 'varchar(16)'),
    ),
  ),
  migration('0002_number_active', (schema) =>
    schema.createIndex('ux_number_number_active').unique().on('number_number').column('active_number').execute(),
  ),
  migration('0003_number_provider', (schema) =>
    schema
      .alterTable('number_number')
      .addColumn('provider_name', 'varchar(16)', (column) => column.notNull().defaultTo(''))
      .execute(),
  ),
  migration('0004_number_renewal', (schema) =>
    schema.alterTable('number_number').addColumn('renewal_id', 'varchar(36)').execute(),
  ),
  migration('0005_number_due', (schema) =>
    schema.createIndex('ix_number_number_renewal').on('number_number').columns(['tm_renew', 'id']).execute(),
  ),
  migration('0006_number_pattern', (schema) =>
    createResourceTable(schema, 'number_pattern', (table) =>
      table
        .addColumn('type', 'varchar(16)')
        .addColumn('pattern', 'varchar(128)')
        .addColumn('call_flow_id', 'varchar(36)')
        .addColumn('message_flow_id', 'varchar(36)')
        .addColumn('name', 'varchar(255)')
        .addColumn('detail', 'text')
        .addColumn('prefix', 'varchar(128)')
        .addColumn('digits', 'integer')
        // `<type>:<pattern>` while it lives, else nothing: what makes it unique.
        .addColumn('active_pattern', 'varchar(160)'),
    ),
  ),
  migration('0007_number_pattern_active', (schema) =>
    schema.createIndex('ux_number_pattern_active').unique().on('number_pattern').column('active_pattern').execute(),
  ),
  migration('0008_number_pattern_prefix', (schema) =>
    schema.createIndex('ix_number_pattern_prefix').on('number_pattern').column('prefix').execute(),
  ),
]
