import { everyCustomer } from '@sidetone/contract'
import type { ReferenceType } from '@sidetone/proto-schemas/billing'
import { type Store, serialize, type Tx } from '@sidetone/store'
import type { Logger } from '@sidetone/telemetry'
import type { LedgerBooks } from '../ledger.ts'
import { type AccountRow, tables } from '../tables.ts'
import { customerField, type PaymentFact, type ProviderName, referenceOf } from './provider.ts'
import { addEarlyRefund, failEarlyRefund, takeEarlyRefunds } from './refunds.ts'
import { createSubscriptions } from './subscriptions.ts'

const { accounts, billings } = tables

interface Dependencies {
  store: Store
  ledger: LedgerBooks
  log: Logger
}

type Fact<Kind extends PaymentFact['kind']> = Extract<PaymentFact, { kind: Kind }>

/** Makes what a provider says true here: once, however often and in whatever order it is said. */
export function createFactApplier({ store, ledger, log }: Dependencies) {
  const applySubscription = createSubscriptions({ ledger, log })

  /** An account that lives, locked. Money for another is nobody's here: a person has to look. */
  async function accountOf(tx: Tx, provider: ProviderName, id: string, fact: PaymentFact) {
    const account = await accounts.findLocked(tx, everyCustomer, id)
    if (account && account.status !== 'deleted') return account
    // The end of a subscription is what we have asked for.
    if (fact.kind !== 'subscription' || fact.state !== 'ended')
      log.error({ provider, ...fact }, 'a payment for an account that is closed or was never there')
    return undefined
  }

  async function applyCredit(tx: Tx, provider: ProviderName, fact: Fact<'credit'>): Promise<void> {
    const account = await accountOf(tx, provider, fact.account_id, fact)
    if (!account) return
    const reference_type: ReferenceType = `${provider}_credit_purchase`
    const reference_id = referenceOf(provider, fact.payment)
    if (await ledger.findReference(tx, account.customer_id, [reference_type], reference_id)) return
    const known = await knowCustomer(tx, provider, account, fact.provider_customer)
    let entered = await ledger.enter(tx, known, {
      transaction_type: 'top_up',
      reference_type,
      reference_id,
      counter: 'payments',
      token: 0,
      credit: fact.micros,
    })
    for (const { id, micros } of await takeEarlyRefunds(tx, reference_id)) {
      entered = await enterRefund(tx, provider, entered, { reference_id: id, micros })
    }
  }

  async function applyRefund(tx: Tx, provider: ProviderName, fact: Fact<'refund'>): Promise<void> {
    const payment_id = referenceOf(provider, fact.payment)
    const refund = { reference_id: referenceOf(provider, fact.refund), micros: fact.micros }
    const purchase = await purchaseOf(tx, provider, payment_id)
    // It may be told of later; if it was a subscription's, that says itself how it goes on.
    if (!purchase) return addEarlyRefund(tx, { id: refund.reference_id, payment_id, micros: refund.micros })
    const account = await accountOf(tx, provider, purchase.account_id, fact)
    if (account) await enterRefund(tx, provider, account, refund)
  }

  /** What it took is given again; if it has not yet taken anything, it never will. */
  async function applyFailedRefund(tx: Tx, provider: ProviderName, fact: Fact<'failed_refund'>): Promise<void> {
    const payment_id = referenceOf(provider, fact.payment)
    const reference_id = referenceOf(provider, fact.refund)
    const purchase = await purchaseOf(tx, provider, payment_id)
    if (!purchase) return failEarlyRefund(tx, { id: reference_id, payment_id })
    const account = await accountOf(tx, provider, purchase.account_id, fact)
    if (!account) return
    const entered = await ledger.findReference(tx, account.customer_id, [`${provider}_refund`], reference_id)
    if (!entered) await enterRefund(tx, provider, account, { reference_id, micros: 0 })
    else if (entered.amount_credit !== 0) {
      const reversal = referenceOf(provider, `${fact.refund} failed`)
      await enterRefund(tx, provider, account, { reference_id: reversal, micros: entered.amount_credit })
    }
  }

  const purchaseOf = (tx: Tx, provider: ProviderName, reference_id: string) =>
    billings.findBy(tx, everyCustomer, { reference_type: `${provider}_credit_purchase`, reference_id })

  async function enterRefund(
    tx: Tx,
    provider: ProviderName,
    account: AccountRow,
    { reference_id, micros }: { reference_id: string; micros: number },
  ): Promise<AccountRow> {
    const reference_type: ReferenceType = `${provider}_refund`
    if (await ledger.findReference(tx, account.customer_id, [reference_type], reference_id)) return account
    return ledger.enter(tx, account, {
      transaction_type: 'refund',
      reference_type,
      reference_id,
      counter: 'payments',
      token: 0,
      credit: 0 - micros,
    })
  }

  async function knowCustomer(tx: Tx, provider: ProviderName, account: AccountRow, id: string): Promise<AccountRow> {
    const field = customerField[provider]
    return id && account[field] !== id ? ledger.change(tx, account, { [field]: id }) : account
  }

  return (provider: ProviderName, fact: PaymentFact): Promise<void> =>
    store.transaction(async (tx) => {
      // A payment and its refund may be told of at the same time: one of them sees the other.
      if (fact.kind !== 'subscription') await serialize(tx, `billing.payment.${referenceOf(provider, fact.payment)}`)
      if (fact.kind === 'credit') return applyCredit(tx, provider, fact)
      if (fact.kind === 'refund') return applyRefund(tx, provider, fact)
      if (fact.kind === 'failed_refund') return applyFailedRefund(tx, provider, fact)
      const account = await accountOf(tx, provider, fact.account_id, fact)
      if (account) await applySubscription(tx, provider, account, fact)
    })
}
