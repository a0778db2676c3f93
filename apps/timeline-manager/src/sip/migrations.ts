import { createTable, migration } from '@sidetone/store'

/** Both tables: what is old is found by the id, which begins with its time. */
export const sipMigrations = [
  migration('0011_sip_message', (schema) =>
    createTable(
      schema,
      schema
        .createTable('timeline_sip_message')
        .ifNotExists()
        .addColumn('id', 'varchar(36)', (column) => column.primaryKey().notNull())
        .addColumn('sip_call_id', 'varchar(255)', (column) => column.notNull())
        .addColumn('timestamp', 'varchar(27)', (column) => column.notNull())
        .addColumn('method', 'varchar(32)', (column) => column.notNull())
        .addColumn('src_ip', 'varchar(45)', (column) => column.notNull())
        .addColumn('src_port', 'integer', (column) => column.notNull())
        .addColumn('dst_ip', 'varchar(45)', (column) => column.notNull())
        .addColumn('dst_port', 'integer', (column) => column.notNull())
        .addColumn('raw', 'text', (column) => column.notNull()),
      'timeline_sip_message',
      ['sip_call_id', 'timestamp'],
    ),
  ),
  migration('0012_sip_leg', (schema) =>
    schema
      .createTable('timeline_sip_leg')
      .ifNotExists()
      .addColumn('id', 'varchar(36)', (column) => column.primaryKey().notNull())
      .addColumn('asterisk_id', 'varchar(64)', (column) => column.notNull())
      .addColumn('channel_id', 'varchar(128)', (column) => column.notNull())
      .addColumn('sip_call_id', 'varchar(255)', (column) => column.notNull())
      .addUniqueConstraint('ux_timeline_sip_leg', ['asterisk_id', 'channel_id', 'sip_call_id'])
      .execute(),
  ),
  migration('0013_sip_leg_call_id', (schema) =>
    schema.createIndex('ix_timeline_sip_leg_call_id').on('timeline_sip_leg').columns(['sip_call_id', 'id']).execute(),
  ),
]
