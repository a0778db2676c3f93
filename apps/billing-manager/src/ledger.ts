import { everyCustomer } from '@sidetone/contract'
import type { Resources } from '@sidetone/manager'
import type { Billing, billingContract, ReferenceType } from '@sidetone/proto-schemas/billing'
import { DuplicateError, newId, type Tx } from '@sidetone/store'
import type { Amounts } from './cost.ts'
import { periodAfter, periodOf, startOf } from './period.ts'
import { monthlyTokens } from './plans.ts'
import { type AccountRow, type BillingRow, type Ledger, tables } from './tables.ts'

const { accounts, billings, postings } = tables

/** Below it the customer is warned, once each time that the credit falls through it. */
const lowCredit = 1_000_000

/** An entry that is complete at once; usage is not. */
interface Entry extends Amounts {
  transaction_type: Exclude<Billing['transaction_type'], 'usage'>
  reference_type: ReferenceType
  /** The same reference is entered once. */
  reference_id: string
  counter: Ledger
}

export type LedgerBooks = ReturnType<typeof createLedger>

/**
 * The books. Everything that changes an account locks its row first, so that the entries of one account are made one after
 * the other and what was checked still holds when it is written.
 */
export function createLedger({ emit }: Pick<Resources<typeof billingContract>, 'emit'>) {
  /** Also one that is being closed: its customer is gone, and it waits for what goes on. */
  const lock = async (tx: Tx, customer_id: string): Promise<AccountRow | undefined> => {
    const known = await accounts.findBy(tx, customer_id, {})
    return known && accounts.findLocked(tx, customer_id, known.id)
  }

  /** The customer's account, locked; opened when it has never had one. Undefined when it is closed, or about to be. */
  async function open(tx: Tx, customer_id: string): Promise<AccountRow | undefined> {
    const known = await lock(tx, customer_id)
    if (known) return isGone(known) ? undefined : known
    const period = periodOf(tx.now())
    try {
      const account = await accounts.insert(tx, {
        customer_id,
        status: 'active',
        name: '',
        detail: '',
        plan_type: 'free',
        plan_status: 'active',
        balance_credit: 0,
        balance_token: 0,
        reserved_credit: 0,
        reserved_token: 0,
        payment_type: 'prepaid',
        payment_method: '',
        paddle_subscription_id: '',
        paddle_customer_id: '',
        stripe_subscription_id: '',
        stripe_customer_id: '',
        tm_last_topup: null,
        tm_next_topup: null,
        invoiced_period: periodAfter(period, -1),
        customer_frozen: false,
      })
      await emit(tx, 'billing_account', 'created', account)
      return renewTokens(tx, account)
    } catch (error) {
      if (!(error instanceof DuplicateError)) throw error
      // Somebody else has just opened it, or it is closed.
      const other = await lock(tx, customer_id)
      return other && !isGone(other) ? other : undefined
    }
  }

  /** Gives the account the tokens of its plan, no more and no less, until the next month begins. */
  function renewTokens(tx: Tx, account: AccountRow): Promise<AccountRow> {
    const time = tx.now()
    return enter(
      tx,
      account,
      {
        transaction_type: 'top_up',
        reference_type: 'monthly_allowance',
        reference_id: newId(),
        counter: 'allowance',
        token: monthlyTokens[account.plan_type] - account.balance_token,
        credit: 0,
      },
      { tm_last_topup: time, tm_next_topup: startOf(periodAfter(periodOf(time))) },
    )
  }

  /** Tokens that were used since they were last given out. */
  async function tokensUsed(tx: Tx, { customer_id, id, tm_last_topup }: AccountRow): Promise<number> {
    const [row] = await postings
      .select(tx, customer_id)
      .select(({ fn }) => fn.sum('amount').as('used'))
      .where('account_id', '=', id)
      .where('ledger', '=', 'revenue')
      .where('unit', '=', 'token')
      .where('tm_create', '>=', tm_last_topup)
      .execute()
    return Number(row?.used ?? 0)
  }

  /** Changes what is no balance, and says so. */
  async function change(tx: Tx, account: AccountRow, patch: Partial<AccountRow>): Promise<AccountRow> {
    const changed = await accounts.update(tx, everyCustomer, account.id, patch)
    await emit(tx, 'billing_account', 'updated', changed!)
    return changed!
  }

  /** Moves amounts into the account (negative: out of it) and writes both sides down. Only a refund takes more than there is. */
  async function move(
    tx: Tx,
    account: AccountRow,
    {
      billing_id,
      token,
      credit,
      uncollected = 0,
      counter,
    }: Amounts & { billing_id: string; uncollected?: number; counter: Ledger },
    patch: Partial<AccountRow> = {},
  ): Promise<AccountRow> {
    const sides = [
      { ledger: 'customer', unit: 'token', amount: token },
      { ledger: counter, unit: 'token', amount: -token },
      { ledger: 'customer', unit: 'credit', amount: credit },
      { ledger: 'uncollected', unit: 'credit', amount: -uncollected },
      { ledger: counter, unit: 'credit', amount: uncollected - credit },
    ] as const
    for (const side of sides) {
      if (side.amount === 0) continue
      if (!Number.isSafeInteger(side.amount)) throw new Error(`${side.amount} cannot be counted exactly`)
      await postings.insert(tx, { ...side, customer_id: account.customer_id, account_id: account.id, billing_id })
    }
    const balance_credit = account.balance_credit + credit
    const balance_token = account.balance_token + token
    if (!Number.isSafeInteger(balance_credit)) throw new Error(`${account.id} has more than can be counted exactly`)
    const status = isGone(account) ? account.status : statusOf({ ...account, balance_credit })
    const balances = { balance_credit, balance_token, status } as const
    const moved = (await accounts.update(tx, everyCustomer, account.id, { ...patch, ...balances }))!
    if (status !== account.status) await emit(tx, 'billing_account', 'updated', moved)
    if (account.balance_credit >= lowCredit && balance_credit < lowCredit) {
      await emit(tx, 'billing_account', 'balance_low', moved)
    }
    return moved
  }

  /** Makes an entry with its billing. */
  async function enter(
    tx: Tx,
    account: AccountRow,
    { counter, token, credit, ...about }: Entry,
    patch?: Partial<AccountRow>,
  ): Promise<AccountRow> {
    const time = tx.now()
    const billing = await billings.insert(tx, {
      ...about,
      customer_id: account.customer_id,
      account_id: account.id,
      status: 'end',
      cost_type: '',
      usage_duration: 0,
      billable_units: 0,
      rate_token_per_unit: 0,
      rate_credit_per_unit: 0,
      amount_token: token,
      amount_credit: credit,
      balance_token_snapshot: account.balance_token + token,
      balance_credit_snapshot: account.balance_credit + credit,
      uncollected_credit: 0,
      reserved_credit: 0,
      reserved_token: 0,
      reserved_units: 0,
      idempotency_key: about.reference_id,
      tm_billing_start: time,
      tm_billing_end: time,
      tm_posted: postedAt(tx, account),
    })
    await emit(tx, 'billing', 'created', billing)
    return move(tx, account, { billing_id: billing.id, token, credit, counter }, patch)
  }

  /** What stands for a reference, be it settled, released or neither. The account must be locked. */
  async function findReference(
    tx: Tx,
    customer_id: string,
    types: readonly ReferenceType[],
    reference_id: string,
  ): Promise<BillingRow | undefined> {
    const [row] = await tx.kysely
      .selectFrom(billings.name)
      .selectAll()
      .where('customer_id', '=', customer_id)
      .where('reference_type', 'in', [...types])
      .where('reference_id', '=', reference_id)
      .execute()
    return row && billings.decode(row)
  }

  /** Lets go of what is held back for something that costs nothing after all. */
  const release = (tx: Tx, account: AccountRow, billing: BillingRow): Promise<AccountRow> =>
    letGo(tx, account, billing, 'end')

  /**
   * The same for something that was not heard of any more: whoever asked for it has died. It is gone from the list, but not
   * closed: should it have come about after all, it is recalled.
   */
  const forget = (tx: Tx, account: AccountRow, billing: BillingRow): Promise<AccountRow> =>
    letGo(tx, account, billing, 'progressing')

  async function letGo(tx: Tx, account: AccountRow, billing: BillingRow, status: BillingRow['status']) {
    await billings.update(tx, account.customer_id, billing.id, { status, reserved_credit: 0, reserved_token: 0 })
    const deleted = await billings.softDelete(tx, account.customer_id, billing.id)
    await emit(tx, 'billing', 'deleted', deleted!)
    return (await accounts.update(tx, account.customer_id, account.id, {
      reserved_credit: account.reserved_credit - billing.reserved_credit,
      reserved_token: account.reserved_token - billing.reserved_token,
    }))!
  }

  /** Something that was forgotten is heard of again. It knows how much was held back for it, which is held no more. */
  async function recall(tx: Tx, { id }: BillingRow): Promise<BillingRow> {
    await tx.kysely.updateTable(billings.name).set({ tm_delete: null }).where('id', '=', id).execute()
    const billing = (await billings.find(tx, everyCustomer, id))!
    await emit(tx, 'billing', 'created', billing)
    return billing
  }

  /** Follows the customer, which is frozen or recovers. */
  async function freeze(tx: Tx, customer_id: string, customer_frozen: boolean): Promise<void> {
    const account = await open(tx, customer_id)
    if (account) await change(tx, account, { customer_frozen, status: statusOf({ ...account, customer_frozen }) })
  }

  return { lock, open, renewTokens, tokensUsed, change, move, enter, findReference, release, forget, recall, freeze }
}

const isGone = ({ status }: AccountRow): boolean => status === 'deleted'

/** Of an account that is not closed. */
const statusOf = ({ balance_credit, customer_frozen }: Pick<AccountRow, 'balance_credit' | 'customer_frozen'>) =>
  customer_frozen || balance_credit < 0 ? ('frozen' as const) : ('active' as const)

/**
 * When something is posted: now, but never in a month that was invoiced already, should the clock have been set back. So every
 * posting is in one invoice.
 */
export function postedAt(tx: Tx, { invoiced_period }: Pick<AccountRow, 'invoiced_period'>): string {
  const [now, open] = [tx.now(), startOf(periodAfter(invoiced_period))]
  return now > open ? now : open
}

/** What no one else may use while this billing goes on. */
export const availableTo = (
  account: AccountRow,
  held: Pick<BillingRow, 'reserved_credit' | 'reserved_token'> = { reserved_credit: 0, reserved_token: 0 },
): Amounts => ({
  token: Math.max(0, account.balance_token - account.reserved_token + held.reserved_token),
  credit: Math.max(0, account.balance_credit - account.reserved_credit + held.reserved_credit),
})
