import { createResourceTable, migration } from '@sidetone/store'

export const migrations = [
  migration('0001_account', (schema) =>
    createResourceTable(schema, 'billing_account', (table) =>
      table
        .addColumn('status', 'varchar(16)')
        .addColumn('name', 'varchar(255)')
        .addColumn('detail', 'text')
        .addColumn('plan_type', 'varchar(16)')
        .addColumn('plan_status', 'varchar(16)')
        .addColumn('balance_credit', 'bigint', (column) => column.notNull())
        .addColumn('balance_token', 'bigint', (column) => column.notNull())
        .addColumn('reserved_credit', 'bigint', (column) => column.notNull())
        .addColumn('reserved_token', 'bigint', (column) => column.notNull())
        .addColumn('payment_type', 'varchar(16)')
        .addColumn('payment_method', 'varchar(16)')
        .addColumn('paddle_subscription_id', 'varchar(255)')
        .addColumn('paddle_customer_id', 'varchar(255)')
        .addColumn('stripe_subscription_id', 'varchar(255)')
        .addColumn('stripe_customer_id', 'varchar(255)')
        .addColumn('tm_last_topup', 'varchar(27)')
        .addColumn('tm_next_topup', 'varchar(27)')
        .addColumn('tm_subscription', 'varchar(27)')
        .addColumn('invoiced_period', 'varchar(7)')
        // One account per customer, also after it was closed.
        .addUniqueConstraint('ux_billing_account_customer_id', ['customer_id']),
    ),
  ),
  migration('0002_account_topup', (schema) =>
    schema.createIndex('ix_billing_account_tm_next_topup').on('billing_account').column('tm_next_topup').execute(),
  ),
  migration('0003_account_invoiced', (schema) =>
    schema.createIndex('ix_billing_account_invoiced_period').on('billing_account').column('invoiced_period').execute(),
  ),
  migration('0004_billing', (schema) =>
    createResourceTable(schema, 'billing_billing', (table) =>
      table
        .addColumn('account_id', 'varchar(36)', (column) => column.notNull())
        .addColumn('transaction_type', 'varchar(16)')
        .addColumn('status', 'varchar(16)')
        .addColumn('reference_type', 'varchar(32)', (column) => column.notNull())
        .addColumn('reference_id', 'varchar(36)', (column) => column.notNull())
        .addColumn('cost_type', 'varchar(32)')
        .addColumn('usage_duration', 'integer')
        .addColumn('billable_units', 'integer')
        .addColumn('rate_token_per_unit', 'bigint')
        .addColumn('rate_credit_per_unit', 'bigint')
        .addColumn('amount_token', 'bigint')
        .addColumn('amount_credit', 'bigint')
        .addColumn('balance_token_snapshot', 'bigint')
        .addColumn('balance_credit_snapshot', 'bigint')
        .addColumn('uncollected_credit', 'bigint')
        .addColumn('reserved_credit', 'bigint')
        .addColumn('reserved_token', 'bigint')
        .addColumn('reserved_units', 'integer')
        .addColumn('idempotency_key', 'varchar(36)')
        .addColumn('tm_billing_start', 'varchar(27)')
        .addColumn('tm_billing_end', 'varchar(27)')
        .addColumn('tm_posted', 'varchar(27)')
        // Whatever happens twice is charged once; also after it was released.
        .addUniqueConstraint('ux_billing_billing_reference', ['customer_id', 'reference_type', 'reference_id']),
    ),
  ),
  migration('0005_billing_posted', (schema) =>
    schema
      .createIndex('ix_billing_billing_account_id_tm_posted')
      .on('billing_billing')
      .columns(['account_id', 'tm_posted'])
      .execute(),
  ),
  migration('0006_billing_reference', (schema) =>
    schema.createIndex('ix_billing_billing_reference_id').on('billing_billing').column('reference_id').execute(),
  ),
  migration('0007_billing_status', (schema) =>
    schema
      .createIndex('ix_billing_billing_status_tm_update')
      .on('billing_billing')
      .columns(['status', 'tm_update'])
      .execute(),
  ),
  migration('0008_posting', (schema) =>
    createResourceTable(schema, 'billing_posting', (table) =>
      table
        .addColumn('account_id', 'varchar(36)', (column) => column.notNull())
        .addColumn('billing_id', 'varchar(36)', (column) => column.notNull())
        .addColumn('ledger', 'varchar(16)', (column) => column.notNull())
        .addColumn('unit', 'varchar(8)', (column) => column.notNull())
        .addColumn('amount', 'bigint', (column) => column.notNull()),
    ),
  ),
  migration('0009_posting_account', (schema) =>
    schema.createIndex('ix_billing_posting_account_id').on('billing_posting').column('account_id').execute(),
  ),
  migration('0010_rate', (schema) =>
    createResourceTable(schema, 'billing_rate', (table) =>
      table
        .addColumn('cost_type', 'varchar(32)', (column) => column.notNull())
        .addColumn('prefix', 'varchar(16)', (column) => column.notNull())
        .addColumn('rate_token_per_unit', 'bigint', (column) => column.notNull())
        .addColumn('rate_credit_per_unit', 'bigint', (column) => column.notNull())
        // Cost type and prefix while it lives, else nothing: what makes it unique.
        .addColumn('active_key', 'varchar(64)')
        .addUniqueConstraint('ux_billing_rate_active_key', ['active_key']),
    ),
  ),
  migration('0011_invoice', (schema) =>
    createResourceTable(schema, 'billing_invoice', (table) =>
      table
        .addColumn('account_id', 'varchar(36)', (column) => column.notNull())
        .addColumn('period', 'varchar(7)', (column) => column.notNull())
        .addColumn('opening_credit', 'bigint')
        .addColumn('closing_credit', 'bigint')
        .addColumn('lines', 'text')
        .addUniqueConstraint('ux_billing_invoice_account_id_period', ['account_id', 'period']),
    ),
  ),
  migration('0012_account_customer_frozen', (schema) =>
    schema
      .alterTable('billing_account')
      .addColumn('customer_frozen', 'integer', (column) => column.notNull().defaultTo(0))
      .execute(),
  ),
  migration('0013_account_status', (schema) =>
    schema
      .createIndex('ix_billing_account_status_tm_delete')
      .on('billing_account')
      .columns(['status', 'tm_delete'])
      .execute(),
  ),
  migration('0014_subscription', (schema) =>
    createResourceTable(schema, 'billing_subscription', (table) =>
      table
        .addColumn('account_id', 'varchar(36)', (column) => column.notNull())
        .addColumn('provider', 'varchar(16)')
        .addColumn('subscription', 'varchar(255)')
        .addColumn('plan_type', 'varchar(16)')
        .addColumn('state', 'varchar(16)')
        .addColumn('tm_fact', 'varchar(27)'),
    ),
  ),
  migration('0015_early_refund', (schema) =>
    createResourceTable(schema, 'billing_early_refund', (table) =>
      table
        .addColumn('payment_id', 'varchar(36)', (column) => column.notNull())
        .addColumn('micros', 'bigint', (column) => column.notNull()),
    ),
  ),
  migration('0016_early_refund_payment', (schema) =>
    schema.createIndex('ix_billing_early_refund_payment_id').on('billing_early_refund').column('payment_id').execute(),
  ),
]
