import { z } from 'zod'

const url = (fallback: string) => z.url({ protocol: /^https?$/ }).default(fallback)

/** Each provider is used when its API key is set. */
export const paymentSettings = z.object({
  PADDLE_API_KEY: z.string().optional(),
  /** Of the notification destination whose address is `/v1.0/billing/paddle`. */
  PADDLE_WEBHOOK_SECRET: z.string().optional(),
  PADDLE_API_URL: url('https://api.paddle.com'),
  /** The recurring prices (`pri_…`) of the plans; without one a plan cannot be bought. */
  PADDLE_PRICE_BASIC: z.string().optional(),
  PADDLE_PRICE_PROFESSIONAL: z.string().optional(),
  STRIPE_API_KEY: z.string().optional(),
  /** Of the webhook endpoint whose address is `/v1.0/billing/stripe`. */
  STRIPE_WEBHOOK_SECRET: z.string().optional(),
  STRIPE_API_URL: url('https://api.stripe.com'),
  STRIPE_PRICE_BASIC: z.string().optional(),
  STRIPE_PRICE_PROFESSIONAL: z.string().optional(),
})
export type PaymentSettings = z.output<typeof paymentSettings>
