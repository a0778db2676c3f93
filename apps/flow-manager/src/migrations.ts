import { createResourceTable, migration } from '@sidetone/store'

export const migrations = [
  migration('0001_flow', (schema) =>
    createResourceTable(schema, 'flow_flow', (table) =>
      table
        .addColumn('type', 'varchar(16)')
        .addColumn('name', 'varchar(255)')
        .addColumn('detail', 'text')
        .addColumn('actions', 'text')
        .addColumn('direct_hash', 'varchar(64)')
        .addColumn('on_complete_flow_id', 'varchar(36)'),
    ),
  ),
  migration('0002_activeflow', (schema) =>
    createResourceTable(schema, 'flow_activeflow', (table) =>
      table
        .addColumn('flow_id', 'varchar(36)')
        .addColumn('status', 'varchar(16)')
        .addColumn('reference_type', 'varchar(16)')
        .addColumn('reference_id', 'varchar(36)')
        .addColumn('reference_activeflow_id', 'varchar(36)')
        .addColumn('on_complete_flow_id', 'varchar(36)')
        .addColumn('webhook_uri', 'text')
        .addColumn('webhook_method', 'varchar(16)')
        .addColumn('current_action', 'text')
        .addColumn('forward_action_id', 'varchar(36)')
        .addColumn('executed_actions', 'text')
        .addColumn('error', 'text')
        .addColumn('stack_map', 'text')
        .addColumn('current_stack_id', 'varchar(36)')
        .addColumn('execute_count', 'integer')
        .addColumn('counts', 'text')
        .addColumn('variables', 'text')
        .addColumn('left_action_id', 'varchar(36)')
        .addColumn('complete_count', 'integer'),
    ),
  ),
  // The running ones of a customer are looked for when it is deleted.
  migration('0003_activeflow_status', (schema) =>
    schema
      .createIndex('ix_flow_activeflow_customer_id_status')
      .on('flow_activeflow')
      .columns(['customer_id', 'status'])
      .execute(),
  ),
  migration('0004_activeflow_asked_until', (schema) =>
    schema.alterTable('flow_activeflow').addColumn('asked_until', 'bigint').execute(),
  ),
  // What ended or was deleted long ago is purged.
  migration('0005_activeflow_tm_create', (schema) =>
    schema.createIndex('ix_flow_activeflow_tm_create').on('flow_activeflow').columns(['tm_create']).execute(),
  ),
  migration('0006_activeflow_tm_delete', (schema) =>
    schema.createIndex('ix_flow_activeflow_tm_delete').on('flow_activeflow').columns(['tm_delete']).execute(),
  ),
  migration('0007_flow_frozen', (schema) =>
    schema
      .alterTable('flow_flow')
      .addColumn('frozen', 'integer', (column) => column.notNull().defaultTo(0))
      .execute(),
  ),
]
