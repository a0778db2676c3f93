import { createResourceTable, migration } from '@sidetone/store'

export const migrations = [
  migration('0001_direct', (schema) =>
    createResourceTable(schema, 'direct_direct', (table) =>
      table
        .addColumn('resource_type', 'varchar(32)')
        .addColumn('resource_id', 'varchar(36)')
        // The resource while it has this hash, else nothing: what makes the living hash of a resource one.
        .addColumn('active_resource_id', 'varchar(36)')
        .addColumn('hash', 'varchar(64)'),
    ),
  ),
  migration('0002_direct_resource', (schema) =>
    schema
      .createIndex('ux_direct_direct_active_resource_id')
      .unique()
      .on('direct_direct')
      .column('active_resource_id')
      .execute(),
  ),
  migration('0003_direct_hash', (schema) =>
    schema.createIndex('ux_direct_direct_hash').unique().on('direct_direct').column('hash').execute(),
  ),
]
