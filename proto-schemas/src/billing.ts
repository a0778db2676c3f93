import {
  admins,
  ById,
  Detail,
  defineContract,
  event,
  Id,
  Name,
  operation,
  operators,
  Page,
  PageQuery,
  RawRequest,
} from '@sidetone/contract'
import { z } from 'zod'
import {
  Billing,
  BillingAccount,
  BillingAccountAdmin,
  BillingRate,
  Invoice,
  PaymentInfo,
  PlanResource,
  PlanType,
  ReferenceType,
} from './billing-schemas.ts'

export * from './billing-schemas.ts'

const Reference = z.object({
  reference_type: ReferenceType.extract([
    'call',
    'call_extension',
    'sms',
    'email',
    'number',
    'number_renew',
    'speaking',
    'recording',
  ]),
  reference_id: Id,
})
const Covered = z.object({
  /** How long it may last in all, counted from its beginning (a call's answer); null: as long as it likes. */
  max_seconds: z.int().nullable(),
})

const Labels = z.object({ name: Name.default(''), detail: Detail })
/** US dollars; below a millionth nothing is counted. */
const Balance = z
  .number()
  .positive()
  .max(1_000_000)
  .refine((usd) => Number(usd.toFixed(6)) === usd, 'must have at most six decimals')
const RateFields = BillingRate.pick({
  cost_type: true,
  prefix: true,
  rate_token_per_unit: true,
  rate_credit_per_unit: true,
})
const Url = z.object({ url: z.string() })
const CheckoutFields = z
  .object({
    provider: z.enum(['paddle', 'stripe']),
    /** Credit to buy, in US cents; or a plan to subscribe to. */
    amount_cents: z.int().min(500).max(1_000_000).optional(),
    plan_type: PlanType.extract(['basic', 'professional']).optional(),
    /** Where Stripe sends the browser afterwards; Paddle's page is the default payment link of its own settings. */
    return_url: z.url({ protocol: /^https?$/ }).max(2048),
  })
  .refine(({ amount_cents, plan_type }) => (amount_cents === undefined) !== (plan_type === undefined), {
    path: ['amount_cents'],
    message: 'give either amount_cents or plan_type',
  })

const accountErrors = ['BILLING_ACCOUNT_NOT_FOUND'] as const
const providerErrors = [
  'BILLING_ACCOUNT_NOT_FOUND',
  'PAYMENT_PROVIDER_NOT_CONFIGURED',
  'PAYMENT_PROVIDER_UNAVAILABLE',
] as const
const portalErrors = [...providerErrors, 'PAYMENT_CUSTOMER_UNKNOWN'] as const
const webhookErrors = ['PAYMENT_PROVIDER_NOT_CONFIGURED', 'WEBHOOK_SIGNATURE_INVALID', 'WEBHOOK_INVALID'] as const

export const billingContract = defineContract({
  name: 'billing',
  errors: {
    BILLING_ACCOUNT_NOT_FOUND: { status: 'NOT_FOUND', message: 'The billing account was not found.' },
    BILLING_ACCOUNT_FROZEN: {
      status: 'PAYMENT_REQUIRED',
      message: 'The billing account is frozen: its customer is, or a refund has taken back more than was left.',
    },
    BALANCE_INSUFFICIENT: { status: 'PAYMENT_REQUIRED', message: 'The balance does not suffice; top it up.' },
    BILLING_NOT_FOUND: { status: 'NOT_FOUND', message: 'The billing was not found.' },
    RESERVATION_NOT_FOUND: { status: 'NOT_FOUND', message: 'Nothing is reserved for this reference.' },
    RESERVATION_CLOSED: { status: 'FAILED_PRECONDITION', message: 'This reference has been settled or released.' },
    RATE_NOT_FOUND: { status: 'NOT_FOUND', message: 'The rate was not found.' },
    RATE_ALREADY_EXISTS: {
      status: 'ALREADY_EXISTS',
      message: 'There is a rate for this cost_type and prefix; change that one.',
    },
    INVOICE_NOT_FOUND: { status: 'NOT_FOUND', message: 'The invoice was not found.' },
    PAYMENT_PROVIDER_NOT_CONFIGURED: {
      status: 'FAILED_PRECONDITION',
      message: 'This platform does not take payments through that provider.',
    },
    PAYMENT_PROVIDER_UNAVAILABLE: { status: 'UNAVAILABLE', message: 'The payment provider cannot be reached.' },
    SUBSCRIPTION_EXISTS: {
      status: 'FAILED_PRECONDITION',
      message: 'There is a subscription already; change it in the portal of the payment provider.',
    },
    PAYMENT_CUSTOMER_UNKNOWN: {
      status: 'FAILED_PRECONDITION',
      message: 'The payment provider does not know this account yet; buy something first.',
    },
    WEBHOOK_SIGNATURE_INVALID: { status: 'INVALID_ARGUMENT', message: 'The signature does not fit, or is too old.' },
    WEBHOOK_INVALID: { status: 'INVALID_ARGUMENT', message: 'The body is not an event of this provider.' },
  },
  resources: {
    billing_account: {
      operations: {
        own: operation({
          http: 'GET /billing_account',
          summary: 'Get your own billing account',
          allow: admins,
          input: z.object({}),
          output: BillingAccount,
          errors: accountErrors,
        }),
        update_own: operation({
          http: 'PUT /billing_account',
          summary: 'Name your own billing account',
          allow: admins,
          input: Labels,
          output: BillingAccount,
          errors: accountErrors,
        }),
        update_own_payment_info: operation({
          http: 'PUT /billing_account/payment_info',
          summary: 'Say how you pay',
          allow: admins,
          input: PaymentInfo,
          output: BillingAccount,
          errors: accountErrors,
        }),
        check: operation({
          http: 'GET /billing_account/check',
          summary: 'Whether the customer can pay for anything at all',
          input: z.object({}),
          output: z.object({ valid: z.boolean() }),
        }),
        plan_limit: operation({
          http: 'GET /billing_account/plan_limit',
          summary: 'How many of a resource the customer may have; null: any number',
          input: z.object({ resource: PlanResource }),
          output: z.object({ limit: z.int().nullable() }),
        }),
        list: operation({
          http: 'GET /billing_accounts',
          summary: 'List all billing accounts',
          allow: operators,
          input: PageQuery,
          output: Page(BillingAccountAdmin),
        }),
        get: operation({
          http: 'GET /billing_accounts/{id}',
          summary: 'Get a billing account',
          allow: operators,
          input: ById,
          output: BillingAccountAdmin,
          errors: accountErrors,
        }),
        update: operation({
          http: 'PUT /billing_accounts/{id}',
          summary: 'Name a billing account',
          allow: operators,
          input: ById.extend(Labels.shape),
          output: BillingAccountAdmin,
          errors: accountErrors,
        }),
        update_payment_info: operation({
          http: 'PUT /billing_accounts/{id}/payment_info',
          summary: 'Say how a billing account is paid',
          allow: operators,
          input: ById.extend(PaymentInfo.shape),
          output: BillingAccountAdmin,
          errors: accountErrors,
        }),
        update_plan_type: operation({
          http: 'PUT /billing_accounts/{id}/plan_type',
          summary: 'Put a billing account on another plan, with its tokens from now on',
          allow: operators,
          input: ById.extend({ plan_type: PlanType }),
          output: BillingAccountAdmin,
          errors: accountErrors,
        }),
        balance_add_force: operation({
          http: 'POST /billing_accounts/{id}/balance_add_force',
          summary: 'Add credit, in US dollars',
          allow: operators,
          input: ById.extend({ balance: Balance }),
          output: BillingAccount,
          errors: accountErrors,
        }),
        balance_subtract_force: operation({
          http: 'POST /billing_accounts/{id}/balance_subtract_force',
          summary: 'Take credit away, in US dollars, as far as there is any that no call holds',
          allow: operators,
          input: ById.extend({ balance: Balance }),
          output: BillingAccount,
          errors: ['BILLING_ACCOUNT_NOT_FOUND', 'BALANCE_INSUFFICIENT'],
        }),
      },
      events: {
        created: event(BillingAccount, 'A billing account was opened', { internal: true }),
        updated: event(BillingAccount, 'Name, plan, status or payment changed', { internal: true }),
        deleted: event(BillingAccount, 'A billing account was closed', { internal: true }),
        balance_low: event(BillingAccount, 'The credit has fallen below a dollar'),
      },
    },
    billing: {
      operations: {
        list: operation({
          http: 'GET /billings',
          summary: 'List what was charged and paid',
          allow: admins,
          input: PageQuery,
          output: Page(Billing),
        }),
        get: operation({
          http: 'GET /billings/{id}',
          summary: 'Get a billing',
          allow: admins,
          input: ById,
          output: Billing,
          errors: ['BILLING_NOT_FOUND'],
        }),
      },
      events: {
        created: event(Billing, 'Something is being charged, or was paid', { internal: true }),
        updated: event(Billing, 'What was used has been charged', { internal: true }),
        deleted: event(Billing, 'Nothing was used, so nothing is charged', { internal: true }),
      },
    },
    reservation: {
      operations: {
        create: operation({
          http: 'POST /reservations',
          summary: 'Hold back what the beginning costs; the same again for the same reference',
          idempotent: true,
          input: Reference.extend({
            /** E.164, or empty when it is no phone number. */
            destination: z.string().max(255).default(''),
            direction: z.enum(['incoming', 'outgoing']).default('outgoing'),
          }),
          output: Covered.extend({ id: Id, account_id: Id }),
          errors: ['BILLING_ACCOUNT_NOT_FOUND', 'BILLING_ACCOUNT_FROZEN', 'BALANCE_INSUFFICIENT', 'RESERVATION_CLOSED'],
        }),
        extend: operation({
          http: 'POST /reservations/extend',
          summary: 'Hold back more; when nothing is left, it must end when what was covered so far is over',
          idempotent: true,
          input: Reference,
          output: Covered,
          errors: ['BALANCE_INSUFFICIENT', 'RESERVATION_NOT_FOUND', 'RESERVATION_CLOSED'],
        }),
        release: operation({
          http: 'POST /reservations/release',
          summary: 'Let go of what was held back for something that did not happen',
          idempotent: true,
          input: Reference,
          output: z.object({}),
          errors: ['RESERVATION_NOT_FOUND'],
        }),
      },
      events: {},
    },
    billing_rate: {
      operations: {
        list: operation({
          http: 'GET /billing_rates',
          summary: 'List the rates',
          allow: operators,
          input: PageQuery,
          output: Page(BillingRate),
        }),
        create: operation({
          http: 'POST /billing_rates',
          summary: 'Add a rate for a prefix',
          allow: operators,
          input: RateFields.extend({ prefix: RateFields.shape.prefix.default('') }),
          output: BillingRate,
          errors: ['RATE_ALREADY_EXISTS'],
        }),
        update: operation({
          http: 'PUT /billing_rates/{id}',
          summary: 'Change a rate for what begins from now on',
          allow: operators,
          input: ById.extend(RateFields.omit({ cost_type: true, prefix: true }).shape),
          output: BillingRate,
          errors: ['RATE_NOT_FOUND'],
        }),
        delete: operation({
          http: 'DELETE /billing_rates/{id}',
          summary: 'Delete a rate; a shorter prefix counts then, and without any nothing is charged',
          allow: operators,
          input: ById,
          output: BillingRate,
          errors: ['RATE_NOT_FOUND'],
        }),
      },
      events: {},
    },
    invoice: {
      operations: {
        list: operation({
          http: 'GET /invoices',
          summary: 'List invoices; one is made after each month',
          allow: admins,
          input: PageQuery,
          output: Page(Invoice),
        }),
        get: operation({
          http: 'GET /invoices/{id}',
          summary: 'Get an invoice',
          allow: admins,
          input: ById,
          output: Invoice,
          errors: ['INVOICE_NOT_FOUND'],
        }),
        file: operation({
          http: 'GET /invoicefiles/{id}',
          summary: 'Get an invoice as a PDF (307 to a signed address)',
          allow: admins,
          input: ById,
          output: z.object({ location: z.string() }),
          redirect: true,
          errors: ['INVOICE_NOT_FOUND'],
        }),
      },
      events: { created: event(Invoice, 'A month was invoiced') },
    },
    payment: {
      operations: {
        checkout: operation({
          http: 'POST /billing_account/checkout_session',
          summary: 'Get a page on which to buy credit or a plan',
          allow: admins,
          input: CheckoutFields,
          output: Url,
          errors: [...providerErrors, 'SUBSCRIPTION_EXISTS'],
          timeoutMs: 20_000,
        }),
        paddle_portal: operation({
          http: 'POST /billing_account/paddle_portal_session',
          summary: 'Get a page of Paddle on which to manage payments',
          allow: admins,
          input: z.object({}),
          output: Url,
          errors: portalErrors,
          timeoutMs: 20_000,
        }),
        stripe_portal: operation({
          http: 'POST /billing_account/stripe_portal_session',
          summary: 'Get a page of Stripe on which to manage payments',
          allow: admins,
          input: z.object({}),
          output: Url,
          errors: portalErrors,
          timeoutMs: 20_000,
        }),
        paddle_webhook: operation({
          http: 'POST /billing/paddle',
          summary: 'Take a signed event of Paddle',
          allow: 'public',
          idempotent: true,
          raw: true,
          input: RawRequest,
          output: z.object({}),
          errors: webhookErrors,
        }),
        stripe_webhook: operation({
          http: 'POST /billing/stripe',
          summary: 'Take a signed event of Stripe',
          allow: 'public',
          idempotent: true,
          raw: true,
          input: RawRequest,
          output: z.object({}),
          errors: webhookErrors,
        }),
      },
      events: {},
    },
  },
})
