import { createResourceTable, createTable, migration } from '@sidetone/store'

export const migrations = [
  migration('0001_endpoint', (schema) =>
    createResourceTable(schema, 'webhook_endpoint', (table) =>
      table
        .addColumn('name', 'varchar(255)')
        .addColumn('detail', 'text')
        .addColumn('type', 'varchar(16)')
        .addColumn('uri', 'text')
        .addColumn('method', 'varchar(8)')
        .addColumn('event_types', 'text')
        .addColumn('status', 'varchar(16)')
        .addColumn('failures', 'integer')
        .addColumn('tm_failing', 'varchar(27)')
        .addColumn('tm_old_secret_expire', 'varchar(27)')
        .addColumn('secret', 'text')
        .addColumn('old_secret', 'text')
        .addColumn('tm_retry', 'varchar(27)')
        .addColumn('tm_source', 'varchar(27)'),
    ),
  ),
  migration('0002_delivery', (schema) =>
    createTable(
      schema,
      schema
        .createTable('webhook_delivery')
        .ifNotExists()
        // The order of sending.
        .addColumn('position', schema.dialect === 'mysql' ? 'bigint' : 'integer', (column) =>
          column.primaryKey().autoIncrement(),
        )
        .addColumn('endpoint_id', 'varchar(36)', (column) => column.notNull())
        .addColumn('customer_id', 'varchar(36)', (column) => column.notNull())
        .addColumn('event_id', 'varchar(36)', (column) => column.notNull())
        .addColumn('event_type', 'varchar(64)', (column) => column.notNull())
        .addColumn('resource_id', 'varchar(64)', (column) => column.notNull())
        .addColumn('body', 'text', (column) => column.notNull())
        .addColumn('status', 'varchar(16)', (column) => column.notNull())
        // Of an endpoint and a resource; nothing once it is delivered or given up.
        .addColumn('line', 'varchar(128)')
        // When it may be sent; nothing unless it is the first of its line.
        .addColumn('tm_due', 'varchar(27)')
        .addColumn('attempts', 'integer', (column) => column.notNull())
        .addColumn('status_code', 'integer', (column) => column.notNull())
        .addColumn('error', 'text', (column) => column.notNull())
        .addColumn('tm_create', 'varchar(27)', (column) => column.notNull())
        .addColumn('tm_update', 'varchar(27)')
        .addUniqueConstraint('ux_webhook_delivery_event_id_endpoint_id', ['event_id', 'endpoint_id']),
      'webhook_delivery',
      ['endpoint_id', 'position'],
    ),
  ),
  migration('0003_delivery_due', (schema) =>
    schema.createIndex('ix_webhook_delivery_due').on('webhook_delivery').columns(['endpoint_id', 'tm_due']).execute(),
  ),
  migration('0004_delivery_line', (schema) =>
    schema.createIndex('ix_webhook_delivery_line').on('webhook_delivery').columns(['line', 'position']).execute(),
  ),
]
