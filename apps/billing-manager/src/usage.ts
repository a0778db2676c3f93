import type { Handlers } from '@sidetone/contract'
import type { Resources } from '@sidetone/manager'
import type { billingContract, ReferenceType } from '@sidetone/proto-schemas/billing'
import { newId, type Tx } from '@sidetone/store'
import { charge, costTypeOf, freeOfCharge, isTimed, minutes, payable, secondsBetween, type Usage } from './cost.ts'
import { availableTo, type LedgerBooks, postedAt } from './ledger.ts'
import { priceOf } from './rates.ts'
import { type AccountRow, type BillingRow, tables } from './tables.ts'

const { accounts, billings } = tables

/** How many units are held back at a time: minutes, or the one piece. */
const unitsAhead = (reference_type: string): number => (isTimed(reference_type) ? 5 : 1)

/** What has been used, or (without units) has not come about. */
export interface Used {
  customer_id: string
  /** Under which of them it may have been reserved; the first when it was not. */
  reference_types: readonly [ReferenceType, ...ReferenceType[]]
  reference_id: string
  /** What it is priced by when it was not. */
  number: Omit<Usage, 'reference_type'>
  units: number
  duration: number
  start: string | null
  end: string | null
}

const isFree = ({ rate_credit_per_unit, rate_token_per_unit }: BillingRow): boolean =>
  rate_credit_per_unit === 0 && rate_token_per_unit === 0

/** The talk time that is paid for. */
const covered = (billing: BillingRow): { max_seconds: number | null } => ({
  max_seconds: isFree(billing) || !isTimed(billing.reference_type) ? null : billing.reserved_units * 60,
})

/** Holds back money before something begins, and charges what it has become. */
export function createUsage({
  store,
  emit,
  ledger,
}: Pick<Resources<typeof billingContract>, 'store' | 'emit'> & { ledger: LedgerBooks }) {
  /** Writes down that something is going on, for which nothing is held back yet. */
  async function begin(tx: Tx, account: AccountRow, reference_id: string, usage: Usage): Promise<BillingRow> {
    const cost_type = costTypeOf(usage)
    const price = account.plan_type === 'unlimited' ? freeOfCharge : await priceOf(tx, cost_type, usage.destination)
    return billings.insert(tx, {
      customer_id: account.customer_id,
      account_id: account.id,
      transaction_type: 'usage',
      status: 'progressing',
      reference_type: usage.reference_type as ReferenceType,
      reference_id,
      cost_type,
      usage_duration: 0,
      billable_units: 0,
      rate_token_per_unit: price.rate_token_per_unit,
      rate_credit_per_unit: price.rate_credit_per_unit,
      amount_token: 0,
      amount_credit: 0,
      balance_token_snapshot: account.balance_token,
      balance_credit_snapshot: account.balance_credit,
      uncollected_credit: 0,
      reserved_credit: 0,
      reserved_token: 0,
      reserved_units: 0,
      idempotency_key: newId(),
      tm_billing_start: tx.now(),
      tm_billing_end: null,
      tm_posted: null,
    })
  }

  /** Holds back as many units more as can be paid; undefined when that is none. */
  async function hold(
    tx: Tx,
    account: AccountRow,
    billing: BillingRow,
    units: number,
  ): Promise<BillingRow | undefined> {
    const more = payable(units, billing, availableTo(account))
    if (more.units === 0) return undefined
    await accounts.update(tx, account.customer_id, account.id, {
      reserved_credit: account.reserved_credit + more.credit,
      reserved_token: account.reserved_token + more.token,
    })
    return billings.update(tx, account.customer_id, billing.id, {
      reserved_credit: billing.reserved_credit + more.credit,
      reserved_token: billing.reserved_token + more.token,
      reserved_units: billing.reserved_units + more.units,
    })
  }

  const handlers: Handlers<typeof billingContract>['reservation'] = {
    create: ({ reference_id, ...usage }, { customer_id, fail }) =>
      store.transaction(async (tx) => {
        const account = await ledger.open(tx, customer_id)
        if (!account) throw fail('BILLING_ACCOUNT_NOT_FOUND')
        const known = await ledger.findReference(tx, customer_id, [usage.reference_type], reference_id)
        if (known && known.status !== 'progressing') throw fail('RESERVATION_CLOSED')
        if (known && !known.tm_delete) return { id: known.id, account_id: account.id, ...covered(known) }
        if (account.status === 'frozen') throw fail('BILLING_ACCOUNT_FROZEN')
        const billing = known
          ? { ...(await ledger.recall(tx, known)), reserved_units: 0 }
          : await begin(tx, account, reference_id, usage)
        const held = await hold(tx, account, billing, unitsAhead(usage.reference_type))
        if (!held) throw fail('BALANCE_INSUFFICIENT', { details: [lacking(account, billing)] })
        if (!known) await emit(tx, 'billing', 'created', held)
        return { id: held.id, account_id: account.id, ...covered(held) }
      }),

    extend: ({ reference_type, reference_id }, { customer_id, fail }) =>
      store.transaction(async (tx) => {
        const account = await ledger.lock(tx, customer_id)
        const billing = await ledger.findReference(tx, customer_id, [reference_type], reference_id)
        if (!billing) throw fail('RESERVATION_NOT_FOUND')
        if (!account || billing.tm_delete || billing.status !== 'progressing') throw fail('RESERVATION_CLOSED')
        const elapsed = minutes(secondsBetween(billing.tm_billing_start!, tx.now()))
        const lacks = elapsed + unitsAhead(reference_type) - billing.reserved_units
        // Free, or asked again before anything more is needed.
        if (covered(billing).max_seconds === null || lacks <= 0) return covered(billing)
        // No more at a time, whatever the clock says: it may have been set forward.
        const more = Math.min(lacks, unitsAhead(reference_type))
        const held = account.status !== 'active' ? undefined : await hold(tx, account, billing, more)
        if (!held) throw fail('BALANCE_INSUFFICIENT', { details: [lacking(account, billing)] })
        return covered(held)
      }),

    release: ({ reference_type, reference_id }, { customer_id, fail }) =>
      store.transaction(async (tx) => {
        const account = await ledger.lock(tx, customer_id)
        const billing = await ledger.findReference(tx, customer_id, [reference_type], reference_id)
        if (!billing) throw fail('RESERVATION_NOT_FOUND')
        if (account && billing.status === 'progressing') await ledger.release(tx, account, await awake(tx, billing))
        return {}
      }),
  }

  const awake = async (tx: Tx, billing: BillingRow): Promise<BillingRow> =>
    billing.tm_delete ? ledger.recall(tx, billing) : billing

  /**
   * Charges what was used, once per reference, and of what was reserved no more than that: what lasts longer by the clock was
   * not cut off in time, or the clock was set forward. A reservation that arrives later than this finds it closed.
   */
  async function settle(tx: Tx, { customer_id, reference_types, reference_id, number, ...used }: Used): Promise<void> {
    // Also of a customer that is gone: what it has used is charged before its books are closed.
    const account = (await ledger.lock(tx, customer_id)) ?? (await ledger.open(tx, customer_id))
    if (!account) return
    const known = await ledger.findReference(tx, customer_id, reference_types, reference_id)
    if (known && known.status !== 'progressing') return
    const usage = { ...number, reference_type: reference_types[0] }
    const billing = known ? await awake(tx, known) : await begin(tx, account, reference_id, usage)
    if (!known) await emit(tx, 'billing', 'created', billing)
    if (used.units === 0) {
      await ledger.release(tx, account, billing)
      return
    }
    const units = known && !isFree(known) ? Math.min(used.units, known.reserved_units) : used.units
    const { token, credit, uncollected } = charge(units, billing, availableTo(account, billing))
    const moved = await ledger.move(
      tx,
      account,
      { billing_id: billing.id, token: -token, credit: -credit, uncollected, counter: 'revenue' },
      {
        reserved_credit: account.reserved_credit - billing.reserved_credit,
        reserved_token: account.reserved_token - billing.reserved_token,
      },
    )
    const settled = await billings.update(tx, customer_id, billing.id, {
      status: 'end',
      usage_duration: used.duration,
      billable_units: units,
      // Minus zero is not zero to everybody.
      amount_token: 0 - token,
      amount_credit: 0 - credit,
      uncollected_credit: uncollected,
      balance_token_snapshot: moved.balance_token,
      balance_credit_snapshot: moved.balance_credit,
      reserved_credit: 0,
      reserved_token: 0,
      reserved_units: 0,
      tm_billing_start: used.start,
      tm_billing_end: used.end,
      tm_posted: postedAt(tx, account),
    })
    await emit(tx, 'billing', 'updated', settled!)
  }

  return { handlers, settle }
}

const lacking = (account: AccountRow, { rate_credit_per_unit, rate_token_per_unit }: BillingRow) => ({
  available: availableTo(account),
  rate_credit_per_unit,
  rate_token_per_unit,
})
