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
]
