import { createResourceTable, migration } from '@sidetone/store'

export const migrations = [
  migration('0001_call', (schema) =>
    createResourceTable(schema, 'call_call', (table) =>
      table
        .addColumn('owner_type', 'varchar(16)')
        .addColumn('owner_id', 'varchar(36)')
        .addColumn('flow_id', 'varchar(36)')
        .addColumn('activeflow_id', 'varchar(36)')
        .addColumn('type', 'varchar(16)')
        .addColumn('master_call_id', 'varchar(36)')
        .addColumn('chained_call_ids', 'text')
        .addColumn('recording_id', 'varchar(36)')
        .addColumn('recording_ids', 'text')
        .addColumn('groupcall_id', 'varchar(36)')
        .addColumn('source', 'text')
        .addColumn('destination', 'text')
        .addColumn('status', 'varchar(16)')
        .addColumn('action', 'text')
        .addColumn('direction', 'varchar(16)')
        .addColumn('mute_direction', 'varchar(8)')
        .addColumn('hangup_by', 'varchar(8)')
        .addColumn('hangup_reason', 'varchar(16)')
        .addColumn('metadata', 'text')
        .addColumn('tm_ringing', 'varchar(27)')
        .addColumn('tm_progressing', 'varchar(27)')
        .addColumn('tm_hangup', 'varchar(27)')
        .addColumn('asterisk_id', 'varchar(64)')
        .addColumn('channel_id', 'varchar(128)')
        .addColumn('version', 'integer')
        .addColumn('asked_cause', 'integer')
        .addColumn('delete_at_end', 'integer')
        .addColumn('phase', 'varchar(16)')
        .addColumn('lease_until', 'bigint')
        .addColumn('turn', 'integer')
        .addColumn('state', 'text')
        .addColumn('typed', 'varchar(255)')
        .addColumn('shown', 'integer')
        .addColumn('last_digit_event', 'varchar(36)')
        .addColumn('actions', 'text'),
    ),
  ),
  migration('0002_call_channel', (schema) =>
    schema
      .createIndex('ux_call_call_channel_id_asterisk_id')
      .unique()
      .on('call_call')
      .columns(['channel_id', 'asterisk_id'])
      .execute(),
  ),
  migration('0003_call_status', (schema) =>
    schema.createIndex('ix_call_call_status').on('call_call').column('status').execute(),
  ),
  migration('0004_recording', (schema) =>
    createResourceTable(schema, 'call_recording', (table) =>
      table
        .addColumn('owner_type', 'varchar(16)')
        .addColumn('owner_id', 'varchar(36)')
        .addColumn('activeflow_id', 'varchar(36)')
        .addColumn('reference_type', 'varchar(16)')
        .addColumn('reference_id', 'varchar(36)')
        .addColumn('status', 'varchar(16)')
        .addColumn('format', 'varchar(8)')
        .addColumn('on_end_flow_id', 'varchar(36)')
        .addColumn('tm_start', 'varchar(27)')
        .addColumn('tm_end', 'varchar(27)')
        .addColumn('uri_download', 'text')
        .addColumn('filesize', 'bigint')
        .addColumn('sha256', 'varchar(64)')
        .addColumn('file_id', 'varchar(36)')
        .addColumn('asterisk_id', 'varchar(64)')
        .addColumn('channel_id', 'varchar(128)')
        .addColumn('end_of_key', 'varchar(8)')
        .addColumn('duration', 'integer')
        .addColumn('end_of_silence', 'integer'),
    ),
  ),
  migration('0005_recording_status', (schema) =>
    schema.createIndex('ix_call_recording_status').on('call_recording').column('status').execute(),
  ),
  migration('0006_call_ways', (schema) => schema.alterTable('call_call').addColumn('ways', 'text').execute()),
  migration('0007_call_anonymous', (schema) =>
    schema
      .alterTable('call_call')
      .addColumn('anonymous', 'integer', (column) => column.notNull().defaultTo(0))
      .execute(),
  ),
  migration('0008_call_early_execution', (schema) =>
    schema
      .alterTable('call_call')
      .addColumn('early_execution', 'integer', (column) => column.notNull().defaultTo(0))
      .execute(),
  ),
  migration('0009_call_covered_seconds', (schema) =>
    schema.alterTable('call_call').addColumn('covered_seconds', 'integer').execute(),
  ),
  migration('0010_groupcall', (schema) =>
    createResourceTable(schema, 'call_groupcall', (table) =>
      table
        .addColumn('owner_type', 'varchar(16)')
        .addColumn('owner_id', 'varchar(36)')
        .addColumn('status', 'varchar(16)')
        .addColumn('flow_id', 'varchar(36)')
        .addColumn('source', 'text')
        .addColumn('destinations', 'text')
        .addColumn('master_call_id', 'varchar(36)')
        .addColumn('master_groupcall_id', 'varchar(36)')
        .addColumn('ring_method', 'varchar(16)')
        .addColumn('answer_method', 'varchar(16)')
        .addColumn('answer_call_id', 'varchar(36)')
        .addColumn('call_ids', 'text')
        .addColumn('answer_groupcall_id', 'varchar(36)')
        .addColumn('groupcall_ids', 'text')
        .addColumn('call_count', 'integer')
        .addColumn('groupcall_count', 'integer')
        .addColumn('dial_index', 'integer')
        .addColumn('live_ids', 'text')
        .addColumn('dialled_as', 'text')
        .addColumn('delete_at_end', 'integer'),
    ),
  ),
  migration('0011_groupcall_master', (schema) =>
    schema.createIndex('ix_call_groupcall_master_call_id').on('call_groupcall').column('master_call_id').execute(),
  ),
  migration('0012_outbound_config', (schema) =>
    createResourceTable(schema, 'call_outbound_config', (table) =>
      table
        .addColumn('name', 'varchar(255)')
        .addColumn('detail', 'text')
        .addColumn('destination_whitelist', 'text')
        .addColumn('codecs', 'varchar(255)')
        .addColumn('default_outgoing_source_number_id', 'varchar(36)'),
    ),
  ),
  migration('0013_call_customer_status', (schema) =>
    schema.createIndex('ix_call_call_customer_id_status').on('call_call').columns(['customer_id', 'status']).execute(),
  ),
  migration('0014_call_early_media', (schema) =>
    schema
      .alterTable('call_call')
      .addColumn('early_media', 'integer', (column) => column.notNull().defaultTo(0))
      .execute(),
  ),
  migration('0015_call_amd', (schema) => schema.alterTable('call_call').addColumn('amd', 'text').execute()),
  migration('0016_call_external_media', (schema) =>
    schema.alterTable('call_call').addColumn('external_media_ids', 'text').execute(),
  ),
  migration('0017_recording_covered_seconds', (schema) =>
    schema.alterTable('call_recording').addColumn('covered_seconds', 'integer').execute(),
  ),
  migration('0018_recording_delete_at_end', (schema) =>
    schema
      .alterTable('call_recording')
      .addColumn('delete_at_end', 'integer', (column) => column.notNull().defaultTo(0))
      .execute(),
  ),
  // What was deleted long ago is purged.
  ...(['call', 'groupcall', 'recording'] as const).map((name, index) =>
    migration(`00${19 + index}_${name}_tm_delete`, (schema) =>
      schema.createIndex(`ix_call_${name}_tm_delete`).on(`call_${name}`).column('tm_delete').execute(),
    ),
  ),
  migration('0022_call_quality', (schema) => schema.alterTable('call_call').addColumn('quality', 'text').execute()),
  migration('0023_recording_channels', (schema) =>
    schema
      .alterTable('call_recording')
      .addColumn('channels', 'integer', (column) => column.notNull().defaultTo(1))
      .execute(),
  ),
  migration('0024_recording_sides', (schema) =>
    schema
      .alterTable('call_recording')
      .addColumn('sides', 'integer', (column) => column.notNull().defaultTo(0))
      .execute(),
  ),
]
