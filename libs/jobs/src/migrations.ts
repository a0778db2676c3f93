import { createTable, type Migration, migration } from '@sidetone/store'

/** The tables of `libs/jobs`; their owner is `jobs`. */
export const jobMigrations: readonly Migration[] = [
  migration('0001_job', (schema) =>
    createTable(
      schema,
      schema
        .createTable('jobs_job')
        .ifNotExists()
        // Also the order of creation.
        .addColumn('id', schema.dialect === 'mysql' ? 'bigint' : 'integer', (column) =>
          column.primaryKey().autoIncrement(),
        )
        .addColumn('worker', 'varchar(64)', (column) => column.notNull())
        .addColumn('type', 'varchar(128)', (column) => column.notNull())
        .addColumn('payload', 'text', (column) => column.notNull())
        // waiting (for the one before it with the same serial_key), pending, running or dead
        .addColumn('state', 'varchar(16)', (column) => column.notNull())
        .addColumn('run_at_ms', 'bigint', (column) => column.notNull())
        // When somebody may take it: its time, or the end of the lease of who has it; nothing while waiting or dead.
        .addColumn('due_ms', 'bigint')
        .addColumn('attempt', 'integer', (column) => column.notNull())
        .addColumn('claim', 'varchar(36)')
        .addColumn('cancelled', 'integer', (column) => column.notNull())
        .addColumn('job_key', 'varchar(255)')
        // job_key until it is taken: what makes it unique among those that have not begun
        .addColumn('pending_key', 'varchar(255)')
        .addColumn('serial_key', 'varchar(255)')
        .addColumn('reason', 'text')
        .addColumn('tm_create', 'varchar(27)', (column) => column.notNull())
        .addUniqueConstraint('ux_jobs_job_worker_pending_key', ['worker', 'pending_key']),
      'jobs_job',
      ['worker', 'type', 'due_ms'],
    ),
  ),
  migration('0002_job_key', (schema) =>
    schema.createIndex('ix_jobs_job_worker_job_key').on('jobs_job').columns(['worker', 'job_key']).execute(),
  ),
  migration('0003_job_serial_key', (schema) =>
    schema
      .createIndex('ix_jobs_job_worker_serial_key')
      .on('jobs_job')
      .columns(['worker', 'serial_key', 'id'])
      .execute(),
  ),
  migration('0004_slot', (schema) =>
    schema
      .createTable('jobs_slot')
      .ifNotExists()
      .addColumn('slot', 'integer', (column) => column.primaryKey().notNull())
      .execute(),
  ),
]
