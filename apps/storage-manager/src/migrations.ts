import { createResourceTable, migration } from '@sidetone/store'

export const migrations = [
  migration('0001_file', (schema) =>
    createResourceTable(schema, 'storage_file', (table) =>
      table
        .addColumn('owner_type', 'varchar(16)')
        .addColumn('owner_id', 'varchar(36)')
        .addColumn('reference_type', 'varchar(16)')
        .addColumn('reference_id', 'varchar(36)')
        .addColumn('type', 'varchar(16)')
        .addColumn('name', 'varchar(255)')
        .addColumn('detail', 'text')
        .addColumn('filename', 'varchar(255)')
        .addColumn('filesize', 'bigint')
        .addColumn('content_type', 'varchar(128)')
        .addColumn('sha256', 'varchar(64)')
        .addColumn('key', 'varchar(512)'),
    ),
  ),
  migration('0002_account', (schema) =>
    createResourceTable(schema, 'storage_account', (table) =>
      table.addColumn('total_file_count', 'bigint').addColumn('total_file_size', 'bigint'),
    ),
  ),
  migration('0003_upload', (schema) =>
    createResourceTable(schema, 'storage_upload', (table) => table.addColumn('key', 'varchar(512)')),
  ),
]
