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
import { Email, MailedToken, OptionalHttpUrl, WebhookMethod } from './common.ts'
import { planErrors } from './plan-limit.ts'

/** How long a customer is frozen before it is deleted. */
export const deletionGraceMs = 30 * 24 * 3_600_000

/** Switches of a customer: `rtp_debug` keeps the packets of its calls. */
const Metadata = z.object({ rtp_debug: z.boolean() })

const IdentityVerificationStatus = z.enum(['none', 'pending', 'verified', 'rejected'])

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
    metadata: Metadata,
    email_verified: z.boolean(),
    /** A customer exists from the moment its address is verified, so none is `initial` or `expired`. */
    status: z.enum(['initial', 'active', 'frozen', 'deleted', 'expired']),
    /** Whether the operators know who this is; where they must, only a verified customer calls phone numbers and buys them. */
    identity_verification_status: IdentityVerificationStatus,
    /** When it was frozen: 30 days later it is deleted. */
    tm_deletion_scheduled: Time.nullable(),
  })
  .meta({ id: 'Customer' })
export type Customer = z.infer<typeof Customer>

/** The customer as operators of the platform see it; what it agreed to, if it signed up by itself. */
export const CustomerAdmin = Customer.extend({
  terms_agreed_version: z.string().optional(),
  terms_agreed_ip: z.string().optional(),
}).meta({ id: 'CustomerAdmin' })

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
/** What somebody tells who wants an account. */
export const SignupFields = CustomerFields.extend({ name: Name.default('') })
/** What is left out is off. */
const MetadataFields = z.object({ rtp_debug: z.boolean().default(false) })
const BillingAccountId = z.object({ billing_account_id: Id })
const customerErrors = ['CUSTOMER_NOT_FOUND'] as const
const updateErrors = ['CUSTOMER_NOT_FOUND', 'CUSTOMER_ALREADY_EXISTS', 'INVALID_WEBHOOK_URI'] as const
const billingErrors = ['CUSTOMER_NOT_FOUND', 'BILLING_ACCOUNT_UNKNOWN'] as const
const accesskeyErrors = ['ACCESSKEY_NOT_FOUND'] as const

export const customerContract = defineContract({
  name: 'customer',
  errors: {
    ...planErrors,
    CUSTOMER_NOT_FOUND: { status: 'NOT_FOUND', message: 'The customer was not found.' },
    CUSTOMER_ALREADY_EXISTS: { status: 'ALREADY_EXISTS', message: 'A customer with this email exists already.' },
    INVALID_WEBHOOK_URI: { status: 'INVALID_ARGUMENT', message: 'webhook_uri: must be a public http or https URL.' },
    BILLING_ACCOUNT_UNKNOWN: {
      status: 'INVALID_ARGUMENT',
      message: 'billing_account_id: is no billing account of this customer.',
    },
    INVALID_TOKEN: {
      status: 'INVALID_ARGUMENT',
      message: 'token: is wrong, was used or has expired; ask for a new one.',
    },
    CONFIRMATION_NEEDED: {
      status: 'INVALID_ARGUMENT',
      message: 'Give either your password or confirmation_phrase "DELETE".',
    },
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
          summary: 'Replace your own customer; an email that is not verified is mailed a link',
          allow: admins,
          input: CustomerFields,
          output: Customer,
          errors: updateErrors,
        }),
        update_own_metadata: operation({
          http: 'PUT /customer/metadata',
          summary: 'Set the switches of your own customer',
          allow: admins,
          input: MetadataFields,
          output: Customer,
          errors: customerErrors,
        }),
        update_own_billing_account_id: operation({
          http: 'PUT /customer/billing_account_id',
          summary: 'Choose which billing account pays for your own customer',
          allow: admins,
          input: BillingAccountId,
          output: Customer,
          errors: billingErrors,
        }),
        signup: operation({
          http: 'POST /customers/signup',
          summary: 'Mail a link that makes an account',
          idempotent: true,
          input: SignupFields.extend({ terms_agreed_ip: z.string() }),
          output: z.object({}),
          errors: ['INVALID_WEBHOOK_URI'],
        }),
        email_verify: operation({
          http: 'POST /auth/email-verify',
          summary:
            'Confirm an address with the token from the mail. That of a sign-up makes the account; its access key is shown this once',
          allow: 'public',
          input: z.object({ token: MailedToken }),
          output: z.object({ customer: Customer, accesskey: Accesskey.optional() }),
          errors: ['INVALID_TOKEN'],
        }),
        unregister: operation({
          http: 'POST /auth/unregister',
          summary: 'Freeze your own customer, to be deleted in 30 days or, with `immediate`, now',
          allow: admins,
          idempotent: true,
          input: z.object({
            password: z.string().max(256).optional(),
            confirmation_phrase: z.string().max(16).optional(),
            immediate: z.boolean().default(false),
          }),
          output: Customer,
          errors: ['CUSTOMER_NOT_FOUND', 'CONFIRMATION_NEEDED'],
        }),
        recover_own: operation({
          http: 'DELETE /auth/unregister',
          summary: 'Take back that your own customer is to be deleted',
          allow: admins,
          input: z.object({}),
          output: Customer,
          errors: customerErrors,
        }),
        list: operation({
          http: 'GET /customers',
          summary: 'List all customers',
          allow: operators,
          input: PageQuery,
          output: Page(CustomerAdmin),
        }),
        create: operation({
          http: 'POST /customers',
          summary: 'Create a customer',
          allow: operators,
          input: CustomerFields.extend({ id: Id.optional() }),
          output: CustomerAdmin,
          errors: ['CUSTOMER_ALREADY_EXISTS', 'INVALID_WEBHOOK_URI'],
        }),
        get: operation({
          http: 'GET /customers/{id}',
          summary: 'Get a customer',
          allow: operators,
          input: ById,
          output: CustomerAdmin,
          errors: customerErrors,
        }),
        update: operation({
          http: 'PUT /customers/{id}',
          summary: 'Replace a customer',
          allow: operators,
          input: CustomerFields.extend(ById.shape),
          output: CustomerAdmin,
          errors: updateErrors,
        }),
        update_metadata: operation({
          http: 'PUT /customers/{id}/metadata',
          summary: 'Set the switches of a customer',
          allow: operators,
          input: ById.extend(MetadataFields.shape),
          output: CustomerAdmin,
          errors: customerErrors,
        }),
        update_identity_verification_status: operation({
          http: 'PUT /customers/{id}/identity_verification_status',
          summary: 'Say whether it is known who a customer is',
          allow: operators,
          input: ById.extend({ identity_verification_status: IdentityVerificationStatus }),
          output: CustomerAdmin,
          errors: customerErrors,
        }),
        update_billing_account_id: operation({
          http: 'PUT /customers/{id}/billing_account_id',
          summary: 'Choose which billing account pays for a customer',
          allow: operators,
          input: ById.extend(BillingAccountId.shape),
          output: CustomerAdmin,
          errors: billingErrors,
        }),
        freeze: operation({
          http: 'POST /customers/{id}/freeze',
          summary: 'Freeze a customer, to be deleted in 30 days',
          allow: operators,
          idempotent: true,
          input: ById,
          output: CustomerAdmin,
          errors: customerErrors,
        }),
        recover: operation({
          http: 'POST /customers/{id}/recover',
          summary: 'Take a freeze back',
          allow: operators,
          idempotent: true,
          input: ById,
          output: CustomerAdmin,
          errors: customerErrors,
        }),
        delete: operation({
          http: 'DELETE /customers/{id}',
          summary: 'Delete a customer with everything it has',
          allow: operators,
          input: ById,
          output: CustomerAdmin,
          errors: customerErrors,
        }),
      },
      events: {
        created: event(
          /** `headless`: whoever made it makes its first agent too. */
          AnnouncedCustomer.extend({ headless: z.boolean() }),
          'A customer was created',
          { internal: true },
        ),
        updated: event(AnnouncedCustomer, 'A customer was changed', { internal: true }),
        frozen: event(AnnouncedCustomer, 'A customer was frozen', { internal: true }),
        recovered: event(AnnouncedCustomer, 'A frozen customer works again', { internal: true }),
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
          errors: ['RESOURCE_LIMIT_EXCEEDED'],
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
