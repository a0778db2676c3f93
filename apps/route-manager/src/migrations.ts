import { createResourceTable, migration } from '@sidetone/store'

export const migrations = [
  migration('0001_provider', (schema) =>
    createResourceTable(schema, 'route_provider', (table) =>
      table
        .addColumn('type', 'varchar(16)')
        .addColumn('hostname', 'varchar(255)')
        .addColumn('tech_prefix', 'varchar(32)')
        .addColumn('tech_postfix', 'varchar(32)')
        .addColumn('tech_headers', 'text')
        .addColumn('metadata', 'text')
        .addColumn('name', 'varchar(255)')
        .addColumn('detail', 'text')
        .addColumn('codecs', 'varchar(255)')
        .addColumn('username', 'varchar(128)')
        .addColumn('password', 'text')
        .addColumn('health_status', 'varchar(16)')
        .addColumn('health_checked_at', 'varchar(27)'),
    ),
  ),
  migration('0002_route', (schema) =>
    createResourceTable(schema, 'route_route', (table) =>
      table
        .addColumn('name', 'varchar(255)')
        .addColumn('detail', 'text')
        .addColumn('provider_id', 'varchar(36)')
        .addColumn('priority', 'integer')
        .addColumn('target', 'varchar(16)'),
    ),
  ),
  migration('0003_route_target', (schema) =>
    schema.createIndex('ix_route_route_customer_target').on('route_route').columns(['customer_id', 'target']).execute(),
  ),
  migration('0004_providercall', (schema) =>
    createResourceTable(schema, 'route_providercall', (table) =>
      table
        .addColumn('provider_id', 'varchar(36)')
        .addColumn('flow_id', 'varchar(36)')
        .addColumn('source', 'text')
        .addColumn('destinations', 'text')
        .addColumn('anonymous', 'varchar(4)')
        .addColumn('call_ids', 'text')
        .addColumn('groupcall_ids', 'text'),
    ),
  ),
  migration('0005_provider_register', (schema) =>
    schema
      .alterTable('route_provider')
      .addColumn('register', 'integer', (column) => column.notNull().defaultTo(0))
      .execute(),
  ),
  migration('0006_provider_registration_status', (schema) =>
    schema
      .alterTable('route_provider')
      .addColumn('registration_status', 'varchar(16)', (column) => column.notNull().defaultTo('off'))
      .execute(),
  ),
  migration('0007_provider_registration_detail', (schema) =>
    schema
      .alterTable('route_provider')
      .addColumn('registration_detail', 'varchar(255)', (column) => column.notNull().defaultTo(''))
      .execute(),
  ),
]
