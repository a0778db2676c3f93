import { everyCustomer } from '@sidetone/contract'
import type { ReferenceType } from '@sidetone/proto-schemas/billing'
import { newId, type Store, type Tx } from '@sidetone/store'
import type { Logger } from '@sidetone/telemetry'
import { v5 } from 'uuid'
import type { LedgerBooks } from '../ledger.ts'
import { monthlyTokens } from '../plans.ts'
import { type AccountRow, tables } from '../tables.ts'
import type { PaymentFact, ProviderName } from './provider.ts'

const { accounts, billings } = tables

const namespace = '6d0ef3c7-94a1-4c5e-9d4e-2f4f6a3b8c10'

/** The reference of a payment or refund: the same however often, and in whatever event, the provider tells of it. */
const referenceOf = (provider: ProviderName, id: string): string => v5(`${provider}:${id}`, namespace)

const customerField = { paddle: 'paddle_customer_id', stripe: 'stripe_customer_id' } as const
const subscriptionField = { paddle: 'paddle_subscription_id', stripe: 'stripe_subscription_id' } as const

interface Dependencies {
  store: Store
  ledger: LedgerBooks
  log: Logger
}

type Fact<Kind extends PaymentFact['kind']> = Extract<PaymentFact, { kind: Kind }>

/** Makes what a provider says true here: once, however often it is said. */
export function createFactApplier({ store, ledger, log }: Dependencies) {
  async function applyCredit(tx: Tx, provider: ProviderName, fact: Fact<'credit'>): Promise<void> {
    const account = await accounts.findLocked(tx, everyCustomer, fact.account_id)
    if (!account) return unknownAccount(provider, fact)
    const reference_type: ReferenceType = `${provider}_credit_purchase`
    const reference_id = referenceOf(provider, fact.payment)
    if (await ledger.findReference(tx, account.customer_id, [reference_type], reference_id)) return
    const known = await knowCustomer(tx, provider, account, fact.provider_customer)
    const amounts = { token: 0, credit: fact.micros }
    await ledger.enter(tx, known, {
      transaction_type: 'top_up',
      reference_type,
      reference_id,
      counter: 'payments',
      ...amounts,
    })
  }

  async function applyRefund(tx: Tx, provider: ProviderName, fact: Fact<'refund'>): Promise<void> {
    const purchase = await billings.findBy(tx, everyCustomer, {
      reference_type: `${provider}_credit_purchase`,
      reference_id: referenceOf(provider, fact.payment),
    })
    // A subscription's payment: the subscription says itself how it goes on.
    if (!purchase) return
    const account = await accounts.findLocked(tx, everyCustomer, purchase.account_id)
    if (!account) return unknownAccount(provider, fact)
    const reference_type: ReferenceType = `${provider}_refund`
    const reference_id = referenceOf(provider, fact.refund)
    if (await ledger.findReference(tx, account.customer_id, [reference_type], reference_id)) return
    await ledger.enter(tx, account, {
      transaction_type: 'refund',
      reference_type,
      reference_id,
      counter: 'payments',
      token: 0,
      credit: -fact.micros,
    })
  }

  async function applySubscription(tx: Tx, provider: ProviderName, fact: Fact<'subscription'>): Promise<void> {
    const account = await accounts.findLocked(tx, everyCustomer, fact.account_id)
    if (!account) return unknownAccount(provider, fact)
    if (account.tm_subscription !== null && fact.time < account.tm_subscription) return
    const field = subscriptionField[provider]
    const ended = fact.state === 'ended'
    if (ended && account[field] !== fact.subscription) {
      // The end of one that another has replaced, or that its beginning is still to be told of: that is old news then.
      if (account[field] === '') await ledger.change(tx, account, { tm_subscription: fact.time })
      return
    }
    const plan_type = ended ? 'free' : fact.plan_type
    const changed = await ledger.change(tx, account, {
      [field]: ended ? '' : fact.subscription,
      [customerField[provider]]: fact.provider_customer,
      plan_type,
      plan_status: fact.state === 'canceling' ? 'canceling' : 'active',
      tm_subscription: fact.time,
    })
    if (plan_type === account.plan_type) return
    // As many as if it had been this plan all along, so that going back and forth gains nothing.
    const left = Math.max(0, monthlyTokens[plan_type] - (await ledger.tokensUsed(tx, changed)))
    await ledger.enter(tx, changed, {
      transaction_type: 'top_up',
      reference_type: `${provider}_subscription`,
      reference_id: newId(),
      counter: 'allowance',
      token: left - changed.balance_token,
      credit: 0,
    })
  }

  async function knowCustomer(tx: Tx, provider: ProviderName, account: AccountRow, id: string): Promise<AccountRow> {
    const field = customerField[provider]
    return id && account[field] !== id ? ledger.change(tx, account, { [field]: id }) : account
  }

  /** Money that belongs to nobody here: a person has to look. */
  function unknownAccount(provider: ProviderName, fact: PaymentFact): void {
    log.error({ provider, ...fact }, 'a payment for an account that is closed or was never there')
  }

  return (provider: ProviderName, fact: PaymentFact): Promise<void> =>
    store.transaction((tx) => {
      if (fact.kind === 'credit') return applyCredit(tx, provider, fact)
      if (fact.kind === 'refund') return applyRefund(tx, provider, fact)
      return applySubscription(tx, provider, fact)
    })
}
