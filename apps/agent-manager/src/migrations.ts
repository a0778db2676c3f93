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
  migration('0003_session', (schema) =>
    createResourceTable(schema, 'agent_session', (table) =>
      table
        .addColumn('agent_id', 'varchar(36)')
        .addColumn('type', 'varchar(16)')
        .addColumn('reason', 'text')
        .addColumn('tm_expire', 'varchar(27)'),
    ),
  ),
  migration('0004_session_agent', (schema) =>
    schema.createIndex('ix_agent_session_agent_id').on('agent_session').column('agent_id').execute(),
  ),
  migration('0005_password_token', (schema) =>
    createResourceTable(schema, 'agent_password_token', (table) =>
      table
        .addColumn('agent_id', 'varchar(36)')
        .addColumn('token_hash', 'varchar(64)')
        .addColumn('tm_expire', 'varchar(27)'),
    ),
  ),
  migration('0006_password_token_hash', (schema) =>
    schema
      .createIndex('ux_agent_password_token_token_hash')
      .unique()
      .on('agent_password_token')
      .column('token_hash')
      .execute(),
  ),
]
