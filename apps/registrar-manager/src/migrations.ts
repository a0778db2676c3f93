import { createResourceTable, migration } from '@sidetone/store'

export const migrations = [
  migration('0001_extension', (schema) =>
    createResourceTable(schema, 'registrar_extension', (table) =>
      table
        .addColumn('name', 'varchar(255)')
        .addColumn('detail', 'text')
        .addColumn('extension', 'varchar(64)')
        .addColumn('domain_name', 'varchar(64)')
        .addColumn('username', 'varchar(64)')
        .addColumn('password', 'text')
        .addColumn('ha1_md5', 'text')
        .addColumn('ha1_sha256', 'text')
        .addColumn('direct_hash', 'varchar(64)')
        // `<extension>@<customer>` while it lives, else nothing: what makes it unique.
        .addColumn('address', 'varchar(128)'),
    ),
  ),
  migration('0002_extension_address', (schema) =>
    schema.createIndex('ux_registrar_extension_address').unique().on('registrar_extension').column('address').execute(),
  ),
  migration('0003_trunk', (schema) =>
    createResourceTable(schema, 'registrar_trunk', (table) =>
      table
        .addColumn('name', 'varchar(255)')
        .addColumn('detail', 'text')
        .addColumn('domain_name', 'varchar(31)')
        .addColumn('auth_types', 'text')
        .addColumn('username', 'varchar(64)')
        .addColumn('password', 'text')
        .addColumn('allowed_ips', 'text')
        .addColumn('ha1_md5', 'text')
        .addColumn('ha1_sha256', 'text')
        // The name in lower case while it lives, else nothing: what makes it unique.
        .addColumn('active_domain', 'varchar(31)'),
    ),
  ),
  migration('0004_trunk_domain', (schema) =>
    schema.createIndex('ux_registrar_trunk_domain').unique().on('registrar_trunk').column('active_domain').execute(),
  ),
  migration('0005_extension_frozen', (schema) =>
    schema
      .alterTable('registrar_extension')
      .addColumn('frozen', 'integer', (column) => column.notNull().defaultTo(0))
      .execute(),
  ),
  migration('0006_trunk_frozen', (schema) =>
    schema
      .alterTable('registrar_trunk')
      .addColumn('frozen', 'integer', (column) => column.notNull().defaultTo(0))
      .execute(),
  ),
]
