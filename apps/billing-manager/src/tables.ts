import { Id, resourceFields, Time } from '@sidetone/contract'
import { Billing, BillingAccount, BillingRate, Invoice, PlanType } from '@sidetone/proto-schemas/billing'
import { resourceTable } from '@sidetone/store'
import { z } from 'zod'

const AccountRow = BillingAccount.extend({
  /** The part of the balances that is held back for what is going on. */
  reserved_credit: z.int(),
  reserved_token: z.int(),
  /** The customer is frozen, and its account with it. */
  customer_frozen: z.boolean(),
  /** The last month that was invoiced. */
  invoiced_period: z.string(),
})
export type AccountRow = z.infer<typeof AccountRow>

const BillingRow = Billing.extend({
  /** Of what it costs, the part that no balance was left for. */
  uncollected_credit: z.int(),
  /** What is held back for it while it is `progressing`. */
  reserved_credit: z.int(),
  reserved_token: z.int(),
  reserved_units: z.int(),
  /** When its amounts were posted; in that month's invoice they are. */
  tm_posted: Time.nullable(),
})
export type BillingRow = z.infer<typeof BillingRow>

/** The sides of the books: what customers have, and where it came from or went. */
const Ledger = z.enum(['customer', 'revenue', 'uncollected', 'payments', 'adjustments', 'allowance'])
export type Ledger = z.infer<typeof Ledger>

/** One side of an entry. Those of a billing add up to zero, in each unit. */
const Posting = z.object({
  ...resourceFields,
  account_id: Id,
  billing_id: Id,
  ledger: Ledger,
  unit: z.enum(['credit', 'token']),
  amount: z.int(),
})

/** Something that is paid every month, as the provider tells of it. */
const Subscription = z.object({
  ...resourceFields,
  account_id: Id,
  provider: z.enum(['paddle', 'stripe']),
  /** The provider's id. */
  subscription: z.string(),
  plan_type: PlanType.extract(['basic', 'professional']),
  state: z.enum(['active', 'canceling', 'ended']),
  /** When the newest fact about it was true; an older one that arrives later is ignored. */
  tm_fact: Time,
})

/** A refund whose payment has not been told of. Its id is its reference; it belongs to nobody yet. */
const EarlyRefund = z.object({ ...resourceFields, payment_id: Id, micros: z.int() })

const RateRow = BillingRate.extend({ active_key: z.string().nullable() })

export const tables = {
  accounts: resourceTable(AccountRow, 'billing_account'),
  billings: resourceTable(BillingRow, 'billing_billing'),
  postings: resourceTable(Posting, 'billing_posting'),
  rates: resourceTable(RateRow, 'billing_rate'),
  subscriptions: resourceTable(Subscription, 'billing_subscription'),
  earlyRefunds: resourceTable(EarlyRefund, 'billing_early_refund'),
  invoices: resourceTable(Invoice, 'billing_invoice'),
}
