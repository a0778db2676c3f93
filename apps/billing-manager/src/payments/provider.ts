import type { PlanType } from '@sidetone/proto-schemas/billing'
import { v5 } from 'uuid'

export type ProviderName = 'paddle' | 'stripe'
export type PaidPlan = Extract<PlanType, 'basic' | 'professional'>

/** Something that a provider says has happened. */
export type PaymentFact =
  /** Somebody has paid for credit. `payment` is the provider's id of what may be refunded later. */
  | { kind: 'credit'; account_id: string; payment: string; provider_customer: string; micros: number }
  /** Part of a payment has gone back; below zero: it has come again, since a dispute was won. */
  | { kind: 'refund'; payment: string; refund: string; micros: number }
  /** A refund has not come about after all, whether or not it was told of before. */
  | { kind: 'failed_refund'; payment: string; refund: string }
  /** How a subscription is now. */
  | {
      kind: 'subscription'
      account_id: string
      subscription: string
      provider_customer: string
      state: 'active' | 'canceling' | 'ended'
      plan_type: PaidPlan
      time: string
    }

/** What is to be paid for. */
interface Checkout {
  account_id: string
  /** The account's customer at the provider, once there is one. */
  provider_customer: string
  what: { amount_cents: number } | { price: string }
  return_url: string
}

/** A payment provider. Rejects when it cannot be reached or says no. */
export interface PaymentProvider {
  name: ProviderName
  /** The price of a plan there, or undefined when it is not sold. */
  priceOf: (plan: PaidPlan) => string | undefined
  /** The page on which to pay. */
  checkout: (checkout: Checkout) => Promise<string>
  /** The page on which a customer manages what it has bought. */
  portal: (provider_customer: string) => Promise<string>
  cancelSubscription: (subscription: string) => Promise<void>
  isSigned: (headers: Record<string, string>, body: string) => boolean
  /** What an event says; undefined when it does not matter to us. Throws when it is no event of this provider. */
  factOf: (event: unknown) => PaymentFact | undefined
}

const namespace = '6d0ef3c7-94a1-4c5e-9d4e-2f4f6a3b8c10'

/** A payment, refund or subscription here: the same however often, and in whatever event, the provider tells of it. */
export const referenceOf = (provider: ProviderName, id: string): string => v5(`${provider}:${id}`, namespace)

export const customerField = { paddle: 'paddle_customer_id', stripe: 'stripe_customer_id' } as const
export const subscriptionField = { paddle: 'paddle_subscription_id', stripe: 'stripe_subscription_id' } as const

/** A cent in micros. */
export const microsPerCent = 10_000

/** Both ways between plans and a provider's prices. */
export function planPrices(prices: Record<PaidPlan, string | undefined>) {
  return {
    priceOf: (plan: PaidPlan) => prices[plan],
    planOf: (price: string) => (Object.keys(prices) as PaidPlan[]).find((plan) => prices[plan] === price),
  }
}
