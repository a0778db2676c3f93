import type { Outbound } from '@sidetone/outbound'
import { z } from 'zod'
import { ask } from './ask.ts'
import { microsPerCent, type PaymentFact, type PaymentProvider, planPrices } from './provider.ts'
import type { PaymentSettings } from './settings.ts'
import { isSigned, stripeScheme } from './signature.ts'

const Metadata = z.object({ billing_account_id: z.uuid() }).nullish().catch(undefined)

// https://docs.stripe.com/api/events; `created` is in seconds.
const Event = z.object({ type: z.string(), created: z.int(), data: z.object({ object: z.unknown() }) })
const Session = z.object({
  mode: z.string(),
  payment_status: z.string(),
  payment_intent: z.string().nullable(),
  customer: z.string().nullable(),
  currency: z.string().nullable(),
  amount_subtotal: z.int().nonnegative().nullable(),
  total_details: z.object({ amount_discount: z.int().nonnegative() }).nullish(),
  metadata: Metadata,
})
const Subscription = z.object({
  id: z.string(),
  customer: z.string(),
  status: z.string(),
  cancel_at_period_end: z.boolean(),
  items: z.object({ data: z.array(z.object({ price: z.object({ id: z.string() }) })).min(1) }),
  metadata: Metadata,
})
const Refund = z.object({
  id: z.string(),
  amount: z.int().nonnegative(),
  payment_intent: z.string().nullable(),
  status: z.string(),
})

const PageAnswer = z.object({ url: z.string() })

/** Statuses under which what was bought may be used; while a renewal is being tried again, too. */
const living = new Set(['active', 'trialing', 'past_due'])

/** Stripe Checkout and Billing (https://docs.stripe.com/api). */
export function createStripe(settings: PaymentSettings, outbound: Outbound): PaymentProvider | undefined {
  const { STRIPE_API_KEY: key, STRIPE_API_URL, STRIPE_WEBHOOK_SECRET: secret } = settings
  if (!key) return undefined
  const { priceOf, planOf } = planPrices({
    basic: settings.STRIPE_PRICE_BASIC,
    professional: settings.STRIPE_PRICE_PROFESSIONAL,
  })
  const send = (method: 'POST' | 'DELETE', path: string, fields?: Record<string, string>): Promise<unknown> =>
    ask(outbound, {
      method,
      url: `${STRIPE_API_URL}/v1${path}`,
      key,
      contentType: 'application/x-www-form-urlencoded',
      ...(fields && { body: new URLSearchParams(fields).toString() }),
    })

  function factOfSubscription(object: unknown, created: number): PaymentFact | undefined {
    const { id, customer, status, cancel_at_period_end, items, metadata } = Subscription.parse(object)
    const plan_type = planOf(items.data[0]!.price.id)
    // Incomplete: not paid for yet.
    if (!metadata || !plan_type || status === 'incomplete') return undefined
    return {
      kind: 'subscription',
      account_id: metadata.billing_account_id,
      subscription: id,
      provider_customer: customer,
      state: !living.has(status) ? 'ended' : cancel_at_period_end ? 'canceling' : 'active',
      plan_type,
      time: new Date(created * 1_000).toISOString(),
    }
  }

  return {
    name: 'stripe',
    priceOf,

    async checkout({ account_id, provider_customer, what, return_url }) {
      const answer = await send('POST', '/checkout/sessions', {
        ...('price' in what
          ? {
              mode: 'subscription',
              'line_items[0][price]': what.price,
              'subscription_data[metadata][billing_account_id]': account_id,
            }
          : {
              mode: 'payment',
              'line_items[0][price_data][currency]': 'usd',
              'line_items[0][price_data][unit_amount]': String(what.amount_cents),
              'line_items[0][price_data][product_data][name]': 'Prepaid credit',
              ...(!provider_customer && { customer_creation: 'always' }),
            }),
        'line_items[0][quantity]': '1',
        'metadata[billing_account_id]': account_id,
        client_reference_id: account_id,
        ...(provider_customer && { customer: provider_customer }),
        success_url: return_url,
        cancel_url: return_url,
      })
      return PageAnswer.parse(answer).url
    },

    portal: async (provider_customer) =>
      PageAnswer.parse(await send('POST', '/billing_portal/sessions', { customer: provider_customer })).url,

    async cancelSubscription(subscription) {
      await send('DELETE', `/subscriptions/${encodeURIComponent(subscription)}`)
    },

    isSigned: (headers, body) =>
      secret !== undefined && isSigned(stripeScheme, { header: headers['stripe-signature'], body, secret }),

    factOf(event) {
      const { type, created, data } = Event.parse(event)
      if (type.startsWith('customer.subscription.')) return factOfSubscription(data.object, created)
      if (type === 'checkout.session.completed' || type === 'checkout.session.async_payment_succeeded') {
        const session = Session.parse(data.object)
        const { mode, payment_status, payment_intent, customer, currency, amount_subtotal, metadata } = session
        if (mode !== 'payment' || payment_status !== 'paid' || !metadata) return undefined
        if (!payment_intent || currency !== 'usd' || !amount_subtotal) throw new Error('not a sale of ours')
        return {
          kind: 'credit',
          account_id: metadata.billing_account_id,
          payment: payment_intent,
          provider_customer: customer ?? '',
          micros: (amount_subtotal - (session.total_details?.amount_discount ?? 0)) * microsPerCent,
        }
      }
      if (type === 'refund.created' || type === 'refund.updated' || type === 'refund.failed') {
        const { id, amount, payment_intent, status } = Refund.parse(data.object)
        if (!payment_intent) return undefined
        // Also after it has succeeded: the customer's bank did not take it (https://docs.stripe.com/refunds#failed-refunds).
        if (status === 'failed') return { kind: 'failed_refund', payment: payment_intent, refund: id }
        if (status !== 'succeeded') return undefined
        return { kind: 'refund', payment: payment_intent, refund: id, micros: amount * microsPerCent }
      }
      if (type === 'charge.dispute.funds_withdrawn' || type === 'charge.dispute.funds_reinstated') {
        const { id, amount, payment_intent } = Refund.parse(data.object)
        if (!payment_intent) return undefined
        const micros = amount * microsPerCent
        return type === 'charge.dispute.funds_withdrawn'
          ? { kind: 'refund', payment: payment_intent, refund: id, micros }
          : { kind: 'refund', payment: payment_intent, refund: `${id} reinstated`, micros: -micros }
      }
      return undefined
    },
  }
}
