import type { Outbound } from '@sidetone/outbound'
import { z } from 'zod'
import { ask } from './ask.ts'
import { microsPerCent, type PaymentFact, type PaymentProvider, planPrices } from './provider.ts'
import type { PaymentSettings } from './settings.ts'
import { isSigned, paddleScheme } from './signature.ts'

/** The currency's smallest unit, as a text. */
const Cents = z
  .string()
  .regex(/^[0-9]{1,12}$/)
  .transform(Number)
const CustomData = z.object({ billing_account_id: z.uuid() }).nullish().catch(undefined)

// https://developer.paddle.com/webhooks/overview
const Event = z.object({ event_type: z.string(), occurred_at: z.string(), data: z.unknown() })
const Transaction = z.object({
  id: z.string(),
  customer_id: z.string().nullable(),
  subscription_id: z.string().nullable(),
  currency_code: z.string(),
  custom_data: CustomData,
  details: z.object({ totals: z.object({ subtotal: Cents, discount: Cents }) }),
})
const Subscription = z.object({
  id: z.string(),
  customer_id: z.string(),
  status: z.enum(['active', 'trialing', 'past_due', 'paused', 'canceled']),
  scheduled_change: z.object({ action: z.string() }).nullish(),
  items: z.array(z.object({ price: z.object({ id: z.string() }) })).min(1),
  custom_data: CustomData,
})
const Adjustment = z.object({
  id: z.string(),
  action: z.string(),
  status: z.string(),
  transaction_id: z.string(),
  totals: z.object({ subtotal: Cents }),
})

/** Which adjustments take money back, and which give it again. */
const signs: Partial<Record<string, 1 | -1>> = { refund: 1, chargeback: 1, chargeback_reverse: -1 }

const CheckoutAnswer = z.object({ data: z.object({ checkout: z.object({ url: z.string() }) }) })
const PortalAnswer = z.object({ data: z.object({ urls: z.object({ general: z.object({ overview: z.string() }) }) }) })

/** Paddle Billing (https://developer.paddle.com/api-reference), which sells in its own name and takes care of taxes. */
export function createPaddle(settings: PaymentSettings, outbound: Outbound): PaymentProvider | undefined {
  const { PADDLE_API_KEY: key, PADDLE_API_URL, PADDLE_WEBHOOK_SECRET: secret } = settings
  if (!key) return undefined
  const { priceOf, planOf } = planPrices({
    basic: settings.PADDLE_PRICE_BASIC,
    professional: settings.PADDLE_PRICE_PROFESSIONAL,
  })
  const post = (path: string, body: object): Promise<unknown> =>
    ask(outbound, {
      method: 'POST',
      url: `${PADDLE_API_URL}${path}`,
      key,
      contentType: 'application/json',
      body: JSON.stringify(body),
    })

  function factOfSubscription(data: unknown, time: string): PaymentFact | undefined {
    const { id, customer_id, status, scheduled_change, items, custom_data } = Subscription.parse(data)
    const plan_type = planOf(items[0]!.price.id)
    if (!custom_data || !plan_type) return undefined
    const ended = status === 'canceled' || status === 'paused'
    return {
      kind: 'subscription',
      account_id: custom_data.billing_account_id,
      subscription: id,
      provider_customer: customer_id,
      state: ended ? 'ended' : scheduled_change?.action === 'cancel' ? 'canceling' : 'active',
      plan_type,
      time,
    }
  }

  return {
    name: 'paddle',
    priceOf,

    async checkout({ account_id, provider_customer, what }) {
      const item = 'price' in what ? { price_id: what.price } : { price: creditPrice(what.amount_cents) }
      const answer = await post('/transactions', {
        items: [{ ...item, quantity: 1 }],
        currency_code: 'USD',
        custom_data: { billing_account_id: account_id },
        ...(provider_customer && { customer_id: provider_customer }),
      })
      return CheckoutAnswer.parse(answer).data.checkout.url
    },

    async portal(provider_customer) {
      const answer = await post(`/customers/${encodeURIComponent(provider_customer)}/portal-sessions`, {})
      return PortalAnswer.parse(answer).data.urls.general.overview
    },

    async cancelSubscription(subscription) {
      await post(`/subscriptions/${encodeURIComponent(subscription)}/cancel`, { effective_from: 'immediately' })
    },

    isSigned: (headers, body) =>
      secret !== undefined && isSigned(paddleScheme, { header: headers['paddle-signature'], body, secret }),

    factOf(event) {
      const { event_type, occurred_at, data } = Event.parse(event)
      if (event_type.startsWith('subscription.')) {
        return factOfSubscription(data, new Date(occurred_at).toISOString())
      }
      if (event_type === 'transaction.completed') {
        const { id, customer_id, subscription_id, currency_code, custom_data, details } = Transaction.parse(data)
        if (!custom_data || subscription_id) return undefined
        if (currency_code !== 'USD') throw new Error('not a sale of ours')
        const { subtotal, discount } = details.totals
        return {
          kind: 'credit',
          account_id: custom_data.billing_account_id,
          payment: id,
          provider_customer: customer_id ?? '',
          micros: (subtotal - discount) * microsPerCent,
        }
      }
      if (event_type === 'adjustment.created' || event_type === 'adjustment.updated') {
        const { id, action, status, transaction_id, totals } = Adjustment.parse(data)
        const sign = signs[action]
        if (status !== 'approved' || sign === undefined) return undefined
        return { kind: 'refund', payment: transaction_id, refund: id, micros: sign * totals.subtotal * microsPerCent }
      }
      return undefined
    },
  }
}

/** A price for this one sale; tax comes on top. */
const creditPrice = (cents: number) => ({
  name: 'Credit',
  description: 'Prepaid credit',
  unit_price: { amount: String(cents), currency_code: 'USD' },
  tax_mode: 'external',
  product: { name: 'Prepaid credit', tax_category: 'standard' },
})
