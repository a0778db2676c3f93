import { Id, internal, Name, resourceFields, Time } from '@sidetone/contract'
import { z } from 'zod'

/** What was charged, topped up or corrected. Millionths of a US dollar are called micros. */
export const ReferenceType = z.enum([
  '',
  'call',
  'call_extension',
  'sms',
  'email',
  'number',
  'number_renew',
  'credit_free_tier',
  'monthly_allowance',
  'credit_adjustment',
  'token_adjustment',
  'speaking',
  'recording',
  'paddle_credit_purchase',
  'paddle_subscription',
  'paddle_refund',
  'stripe_credit_purchase',
  'stripe_subscription',
  'stripe_refund',
])
export type ReferenceType = z.infer<typeof ReferenceType>

export const CostType = z.enum([
  '',
  'call_pstn_outgoing',
  'call_pstn_incoming',
  'call_vn',
  'call_extension',
  'call_direct_ext',
  'sms',
  'email',
  'number',
  'number_renew',
  'tts',
  'recording',
])
export type CostType = z.infer<typeof CostType>

export const PlanType = z.enum(['free', 'basic', 'professional', 'unlimited'])
export type PlanType = z.infer<typeof PlanType>

/** Of what a plan allows so many. */
export const PlanResource = z.enum([
  'extension',
  'agent',
  'trunk',
  'virtual_number',
  'flow',
  'accesskey',
  'tag',
  'webhook_endpoint',
])
export type PlanResource = z.infer<typeof PlanResource>

const PaymentType = z.enum(['', 'prepaid'])
const PaymentMethod = z.enum(['', 'credit card'])

/** How an account is paid, as customers say it. */
export const PaymentInfo = z.object({
  payment_type: PaymentType.default(''),
  payment_method: PaymentMethod.default(''),
})

const AccountStatus = z.enum(['active', 'frozen', 'deleted'])

/** The prepaid account of a customer: credit in micros, and tokens that are renewed each month. */
export const BillingAccount = z
  .object({
    ...resourceFields,
    /** Frozen: the customer is, or a refund has taken back more than was left. */
    status: internal(AccountStatus),
    name: Name,
    detail: z.string(),
    plan_type: PlanType,
    plan_status: z.enum(['active', 'canceling']),
    balance_credit: z.int(),
    balance_token: z.int(),
    payment_type: PaymentType,
    payment_method: PaymentMethod,
    paddle_subscription_id: z.string(),
    paddle_customer_id: z.string(),
    stripe_subscription_id: z.string(),
    stripe_customer_id: z.string(),
    tm_last_topup: Time.nullable(),
    tm_next_topup: Time.nullable(),
  })
  .meta({ id: 'BillingAccount' })
export type BillingAccount = z.infer<typeof BillingAccount>

/** The account as operators see it. */
export const BillingAccountAdmin = BillingAccount.extend({ status: AccountStatus }).meta({ id: 'BillingAccountAdmin' })

/** One entry of the ledger. Amounts are signed: usage is negative. */
export const Billing = z
  .object({
    ...resourceFields,
    account_id: Id,
    transaction_type: z.enum(['usage', 'top_up', 'adjustment', 'refund']),
    status: z.enum(['progressing', 'end', 'pending', 'finished']),
    reference_type: ReferenceType,
    reference_id: Id,
    cost_type: CostType,
    /** Seconds. */
    usage_duration: z.int(),
    /** Started minutes, or pieces. */
    billable_units: z.int(),
    rate_token_per_unit: z.int(),
    /** Micros. */
    rate_credit_per_unit: z.int(),
    amount_token: z.int(),
    /** Micros. */
    amount_credit: z.int(),
    balance_token_snapshot: z.int(),
    balance_credit_snapshot: z.int(),
    idempotency_key: Id,
    tm_billing_start: Time.nullable(),
    tm_billing_end: Time.nullable(),
  })
  .meta({ id: 'Billing' })
export type Billing = z.infer<typeof Billing>

/** What a unit costs: the row of the cost type with the longest prefix that the number begins with. */
export const BillingRate = z
  .object({
    ...resourceFields,
    customer_id: internal(Id),
    cost_type: CostType.exclude(['']),
    /** Of an E.164 number, like `+44`; empty fits every number. */
    prefix: z.string().regex(/^(\+[0-9]{0,15})?$/, 'must be empty or the beginning of an E.164 number, like +44'),
    /** Taken first, as long as there are any; 0: this is never paid with tokens. */
    rate_token_per_unit: z.int().min(0).max(1_000_000),
    /** Micros. */
    rate_credit_per_unit: z.int().min(0).max(1_000_000_000),
  })
  .meta({ id: 'BillingRate' })
export type BillingRate = z.infer<typeof BillingRate>

/** What a customer used and paid in a month. */
export const Invoice = z
  .object({
    ...resourceFields,
    account_id: Id,
    /** `2026-11`, in UTC. */
    period: z.string(),
    /** Micros. */
    opening_credit: z.int(),
    closing_credit: z.int(),
    lines: z.array(
      z.object({
        transaction_type: Billing.shape.transaction_type,
        reference_type: ReferenceType,
        cost_type: CostType,
        count: z.int(),
        billable_units: z.int(),
        amount_token: z.int(),
        amount_credit: z.int(),
      }),
    ),
  })
  .meta({ id: 'Invoice' })
export type Invoice = z.infer<typeof Invoice>
