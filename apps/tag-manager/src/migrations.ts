import { createResourceTable, migration } from '@sidetone/store'

export const migrations = [
  migration('0001_tag', (schema) =>
    createResourceTable(schema, 'tag_tag', (table) =>
      table.addColumn('name', 'varchar(255)').addColumn('detail', 'text'),
    ),
  ),
]
