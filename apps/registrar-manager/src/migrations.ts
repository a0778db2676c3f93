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
]
