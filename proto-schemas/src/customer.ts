import {
  admins,
  ById,
  Detail,
  defineContract,
  event,
  Id,
  internal,
  managers,
  Name,
  operation,
  operators,
  Page,
  PageQuery,
  resourceFields,
  Time,
} from '@sidetone/contract'
import { z } from 'zod'
import { Email, OptionalHttpUrl, WebhookMethod } from './common.ts'

/** A tenant. Its `customer_id` is its own id. */
export const Customer = z
  .object({
    ...resourceFields,
    customer_id: internal(Id),
    name: Name,
    detail: z.string(),
    email: Email,
    phone_number: z.string(),
    address: z.string(),
    webhook_method: WebhookMethod,
    webhook_uri: z.string(),
    /** Signs webhooks (Standard Webhooks, `whsec_…`); shown by `GET /customer` alone. */
    webhook_secret: internal(z.string()),
    billing_account_id: Id,
    metadata: z.object({ rtp_debug: z.boolean() }),
    email_verified: z.boolean(),
    status: z.enum(['initial', 'active', 'frozen', 'deleted', 'expired']),
    identity_verification_status: z.enum(['none', 'pending', 'verified', 'rejected']),
    tm_deletion_scheduled: Time.nullable(),
  })
  .meta({ id: 'Customer' })
export type Customer = z.infer<typeof Customer>

/** The customer as it sees itself. */
const OwnCustomer = Customer.extend({ webhook_secret: z.string() }).meta({ id: 'OwnCustomer' })

/** A long-lived secret for programs; as powerful as a customer admin. */
export const Accesskey = z
  .object({
    ...resourceFields,
    name: Name,
    detail: z.string(),
    /** The secret itself, shown once: in the answer to its creation. */
    token: z.string().optional(),
    token_prefix: z.string(),
    token_hash: internal(z.string()),
    tm_expire: Time.nullable(),
    tm_last_use: internal(Time.nullable()),
  })
  .meta({ id: 'Accesskey' })
export type Accesskey = z.infer<typeof Accesskey>

const CustomerFields = z.object({
  name: Name,
  detail: Detail,
  email: Email,
  phone_number: z.string().max(64).default(''),
  address: z.string().max(1024).default(''),
  webhook_method: WebhookMethod.default(''),
  webhook_uri: OptionalHttpUrl.default(''),
})
/** Events are kept and passed on in many places, so the secret is not in them. */
const AnnouncedCustomer = Customer.omit({ webhook_secret: true })
const AccesskeyFields = z.object({ name: Name.default(''), detail: Detail })
const customerErrors = ['CUSTOMER_NOT_FOUND'] as const
const accesskeyErrors = ['ACCESSKEY_NOT_FOUND'] as const

export const customerContract = defineContract({
  name: 'customer',
  errors: {
    CUSTOMER_NOT_FOUND: { status: 'NOT_FOUND', message: 'The customer was not found.' },
    CUSTOMER_ALREADY_EXISTS: { status: 'ALREADY_EXISTS', message: 'A customer with this email exists already.' },
    INVALID_WEBHOOK_URI: { status: 'INVALID_ARGUMENT', message: 'webhook_uri: must be a public http or https URL.' },
    ACCESSKEY_NOT_FOUND: { status: 'NOT_FOUND', message: 'The access key was not found.' },
  },
  resources: {
    customer: {
      operations: {
        own: operation({
          http: 'GET /customer',
          summary: 'Get your own customer',
          allow: managers,
          input: z.object({}),
          output: OwnCustomer,
          errors: customerErrors,
        }),
        update_own: operation({
          http: 'PUT /customer',
          summary: 'Replace your own customer',
          allow: admins,
          input: CustomerFields,
          output: Customer,
          errors: ['CUSTOMER_NOT_FOUND', 'CUSTOMER_ALREADY_EXISTS', 'INVALID_WEBHOOK_URI'],
        }),
        list: operation({
          http: 'GET /customers',
          summary: 'List all customers',
          allow: operators,
          input: PageQuery,
          output: Page(Customer),
        }),
        create: operation({
          http: 'POST /customers',
          summary: 'Create a customer',
          allow: operators,
          input: CustomerFields.extend({ id: Id.optional() }),
          output: Customer,
          errors: ['CUSTOMER_ALREADY_EXISTS', 'INVALID_WEBHOOK_URI'],
        }),
        get: operation({
          http: 'GET /customers/{id}',
          summary: 'Get a customer',
          allow: operators,
          input: ById,
          output: Customer,
          errors: customerErrors,
        }),
        delete: operation({
          http: 'DELETE /customers/{id}',
          summary: 'Delete a customer with everything it has',
          allow: operators,
          input: ById,
          output: Customer,
          errors: customerErrors,
        }),
      },
      events: {
        created: event(AnnouncedCustomer, 'A customer was created', { internal: true }),
        updated: event(AnnouncedCustomer, 'A customer was changed', { internal: true }),
        deleted: event(AnnouncedCustomer, 'A customer was deleted', { internal: true }),
      },
    },
    accesskey: {
      operations: {
        list: operation({
          http: 'GET /accesskeys',
          summary: 'List access keys',
          allow: admins,
          input: PageQuery,
          output: Page(Accesskey),
        }),
        create: operation({
          http: 'POST /accesskeys',
          summary: 'Create an access key; its token is shown this once',
          allow: admins,
          /** Seconds until it expires: from a day to a hundred years. */
          input: AccesskeyFields.extend({ expire: z.int().min(86_400).max(3_153_600_000).default(31_536_000) }),
          output: Accesskey,
        }),
        get: operation({
          http: 'GET /accesskeys/{id}',
          summary: 'Get an access key',
          allow: admins,
          input: ById,
          output: Accesskey,
          errors: accesskeyErrors,
        }),
        update: operation({
          http: 'PUT /accesskeys/{id}',
          summary: 'Rename an access key',
          allow: admins,
          input: ById.extend(AccesskeyFields.shape),
          output: Accesskey,
          errors: accesskeyErrors,
        }),
        delete: operation({
          http: 'DELETE /accesskeys/{id}',
          summary: 'Revoke an access key',
          allow: admins,
          input: ById,
          output: Accesskey,
          errors: accesskeyErrors,
        }),
        verify: operation({
          http: 'POST /accesskeys/verify',
          summary: 'Find the living access key with this token hash',
          idempotent: true,
          input: z.object({ token_hash: z.string() }),
          output: Accesskey,
          errors: accesskeyErrors,
        }),
      },
      events: {
        created: event(Accesskey, 'An access key was created', { internal: true }),
        updated: event(Accesskey, 'An access key was renamed', { internal: true }),
        deleted: event(Accesskey, 'An access key was revoked', { internal: true }),
      },
    },
  },
})
