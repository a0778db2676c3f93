import { createResourceTable, migration } from '@sidetone/store'

export const migrations = [
  migration('0001_agent', (schema) =>
    createResourceTable(schema, 'agent_agent', (table) =>
      table
        .addColumn('username', 'varchar(255)')
        // The username while the agent lives, else nothing: what makes it unique among the living.
        .addColumn('login', 'varchar(255)')
        .addColumn('password_hash', 'varchar(255)')
        .addColumn('name', 'varchar(255)')
        .addColumn('detail', 'text')
        .addColumn('ring_method', 'varchar(16)')
        .addColumn('status', 'varchar(16)')
        .addColumn('permission', 'integer')
        .addColumn('tag_ids', 'text')
        .addColumn('addresses', 'text')
        .addColumn('direct_hash', 'varchar(64)'),
    ),
  ),
  migration('0002_agent_login', (schema) =>
    schema.createIndex('ux_agent_agent_login').unique().on('agent_agent').column('login').execute(),
  ),
]
