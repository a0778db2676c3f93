import { createResourceTable, migration } from '@sidetone/store'

export const migrations = [
  migration('0001_customer', (schema) =>
    createResourceTable(schema, 'customer_customer', (table) =>
      table
        .addColumn('name', 'varchar(255)')
        .addColumn('detail', 'text')
        .addColumn('email', 'varchar(255)')
        // The e-mail while the customer lives, else nothing: what makes it unique among the living.
        .addColumn('active_email', 'varchar(255)')
        .addColumn('phone_number', 'varchar(64)')
        .addColumn('address', 'text')
        .addColumn('webhook_method', 'varchar(8)')
        .addColumn('webhook_uri', 'text')
        .addColumn('webhook_secret', 'text')
        .addColumn('billing_account_id', 'varchar(36)')
        .addColumn('metadata', 'text')
        .addColumn('email_verified', 'integer')
        .addColumn('status', 'varchar(16)')
        .addColumn('identity_verification_status', 'varchar(16)')
        .addColumn('tm_deletion_scheduled', 'varchar(27)'),
    ),
  ),
  migration('0002_customer_email', (schema) =>
    schema
      .createIndex('ux_customer_customer_active_email')
      .unique()
      .on('customer_customer')
      .column('active_email')
      .execute(),
  ),
  migration('0003_accesskey', (schema) =>
    createResourceTable(schema, 'customer_accesskey', (table) =>
      table
        .addColumn('name', 'varchar(255)')
        .addColumn('detail', 'text')
        .addColumn('token_prefix', 'varchar(16)')
        .addColumn('token_hash', 'varchar(64)')
        .addColumn('tm_expire', 'varchar(27)')
        .addColumn('tm_last_use', 'varchar(27)'),
    ),
  ),
  migration('0004_accesskey_hash', (schema) =>
    schema
      .createIndex('ux_customer_accesskey_token_hash')
      .unique()
      .on('customer_accesskey')
      .column('token_hash')
      .execute(),
  ),
  migration('0005_signup', (schema) =>
    createResourceTable(schema, 'customer_signup', (table) =>
      table
        .addColumn('email', 'varchar(255)')
        .addColumn('token_hash', 'varchar(64)')
        .addColumn('fields', 'text')
        .addColumn('tm_expire', 'varchar(27)'),
    ),
  ),
  migration('0006_signup_hash', (schema) =>
    schema.createIndex('ux_customer_signup_token_hash').unique().on('customer_signup').column('token_hash').execute(),
  ),
  migration('0007_terms_version', (schema) =>
    schema.alterTable('customer_customer').addColumn('terms_agreed_version', 'varchar(64)').execute(),
  ),
  migration('0008_terms_ip', (schema) =>
    schema.alterTable('customer_customer').addColumn('terms_agreed_ip', 'varchar(64)').execute(),
  ),
]
