import { newId, type Tx } from '@sidetone/store'
import type { Logger } from '@sidetone/telemetry'
import type { LedgerBooks } from '../ledger.ts'
import { monthlyTokens } from '../plans.ts'
import { type AccountRow, tables } from '../tables.ts'
import { customerField, type PaymentFact, type ProviderName, referenceOf, subscriptionField } from './provider.ts'

const { subscriptions } = tables

type SubscriptionFact = Extract<PaymentFact, { kind: 'subscription' }>

/** How many one account may ever have alive: each was paid for by a person. */
const maxLiving = 100

/** The subscriptions of an account that somebody pays for, the best plan first. */
export async function livingOf(tx: Tx, { customer_id, id: account_id }: AccountRow) {
  const where = { account_id, state: ['active', 'canceling'] as const }
  const living = await subscriptions.list(tx, customer_id, { where, limit: maxLiving })
  return living.sort((a, b) => monthlyTokens[b.plan_type] - monthlyTokens[a.plan_type])
}

/**
 * Follows the subscriptions of an account. There should be one, but two pages may have been paid at the same time, even at two
 * providers: the account has the best plan of those that live, and the free one after the last has ended.
 */
export function createSubscriptions({ ledger, log }: { ledger: LedgerBooks; log: Logger }) {
  /** Undefined when a newer fact is known, or when it is the end of one that never began. */
  async function note(tx: Tx, provider: ProviderName, account: AccountRow, fact: SubscriptionFact) {
    const { customer_id } = account
    const id = referenceOf(provider, `${fact.subscription} of ${account.id}`)
    const { state, plan_type, time: tm_fact } = fact
    const known = await subscriptions.find(tx, customer_id, id)
    if (known && fact.time < known.tm_fact) return undefined
    if (known) return subscriptions.update(tx, customer_id, id, { state, plan_type, tm_fact })
    const noted = await subscriptions.insert(tx, {
      ...{ id, customer_id, account_id: account.id, provider, subscription: fact.subscription },
      ...{ state, plan_type, tm_fact },
    })
    return state === 'ended' && account[subscriptionField[provider]] !== fact.subscription ? undefined : noted
  }

  return async (tx: Tx, provider: ProviderName, account: AccountRow, fact: SubscriptionFact): Promise<void> => {
    if (!(await note(tx, provider, account, fact))) return
    const living = await livingOf(tx, account)
    if (living.length > 1) log.warn({ account_id: account.id, living }, 'an account pays for several subscriptions')
    const field = subscriptionField[provider]
    const here = living.filter((one) => one.provider === provider).map(({ subscription }) => subscription)
    const plan_type = living[0]?.plan_type ?? 'free'
    const changed = await ledger.change(tx, account, {
      [field]: here.includes(account[field]) ? account[field] : (here[0] ?? ''),
      [customerField[provider]]: fact.provider_customer,
      plan_type,
      plan_status: living.length > 0 && living.every(({ state }) => state === 'canceling') ? 'canceling' : 'active',
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
}
