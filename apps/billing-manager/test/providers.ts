import { createHmac, randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'

/** A payment provider as its documentation describes it, as far as we use it. */
export interface ProviderDouble {
  url: string
  /** What was asked of it: method, path and fields. */
  asked: { method: string; path: string; fields: Record<string, unknown> }[]
  /** The customers that it knows. */
  customers: Set<string>
  subscriptions: Set<string>
  close: () => Promise<void>
}

export const paddleKey = 'pdl_sdbx_apikey_test'
export const paddleSecret = 'pdl_ntfset_test'
export const stripeKey = 'sk_test_key'
export const stripeSecret = 'whsec_test'

type Reply = [status: number, body: unknown]
type Answer = (asked: ProviderDouble['asked'][number]) => Reply

async function start(key: string, contentType: string, answer: (double: ProviderDouble) => Answer) {
  const double: ProviderDouble = {
    url: '',
    asked: [],
    customers: new Set(),
    subscriptions: new Set(),
    close: () => new Promise((resolve) => server.close(() => resolve())),
  }
  const reply = answer(double)
  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body = await text(request)
    const [status, answered] = answerTo(request, body)
    response.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(answered))
  }
  function answerTo({ method, url, headers }: IncomingMessage, body: string): Reply {
    if (headers.authorization !== `Bearer ${key}`) return [401, { error: { code: 'unauthorized' } }]
    if (body && headers['content-type'] !== contentType) return [400, { error: { code: 'bad_content_type' } }]
    const form = contentType.includes('form')
    const fields = form ? Object.fromEntries(new URLSearchParams(body)) : body ? JSON.parse(body) : {}
    const asked = { method: method!, path: url!, fields }
    double.asked.push(asked)
    return reply(asked)
  }
  const server = createServer(((request, response) => void handle(request, response)) satisfies RequestListener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  double.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return double
}

/** https://developer.paddle.com/api-reference: transactions, customer portal sessions, subscriptions. */
export const startPaddle = (): Promise<ProviderDouble> =>
  start(paddleKey, 'application/json', ({ customers, subscriptions }) => ({ method, path, fields }) => {
    const notFound: Reply = [404, { error: { type: 'request_error', code: 'not_found' } }]
    const [, resource, id, action] = path.split('/')
    if (method === 'POST' && path === '/transactions') {
      const [item] = fields.items as { quantity?: number; price_id?: string; price?: { unit_price: object } }[]
      if (item?.quantity !== 1 || (!item.price_id && !item.price?.unit_price)) {
        return [400, { error: { type: 'request_error', code: 'bad_request' } }]
      }
      const transaction = `txn_${randomUUID()}`
      return [201, { data: { id: transaction, checkout: { url: `https://pay.example/?_ptxn=${transaction}` } } }]
    }
    if (method === 'POST' && resource === 'customers' && action === 'portal-sessions') {
      if (!customers.has(id!)) return notFound
      return [201, { data: { id: 'cpls_1', urls: { general: { overview: `https://portal.example/${id}` } } } }]
    }
    if (method === 'POST' && resource === 'subscriptions' && action === 'cancel') {
      if (!subscriptions.delete(id!)) return notFound
      return [200, { data: { id, status: 'canceled' } }]
    }
    return notFound
  })

/** https://docs.stripe.com/api: checkout sessions, billing portal sessions, subscriptions. */
export const startStripe = (): Promise<ProviderDouble> =>
  start(
    stripeKey,
    'application/x-www-form-urlencoded',
    ({ customers, subscriptions }) =>
      ({ method, path, fields }) => {
        const missing: Reply = [400, { error: { type: 'invalid_request_error', code: 'parameter_missing' } }]
        if (method === 'POST' && path === '/v1/checkout/sessions') {
          if (!fields.success_url || fields['line_items[0][quantity]'] !== '1') return missing
          // Only in payment mode; a subscription always makes a customer.
          if (fields.customer_creation && fields.mode !== 'payment') return missing
          return [200, { id: 'cs_1', object: 'checkout.session', url: 'https://checkout.stripe.example/c/pay/cs_1' }]
        }
        if (method === 'POST' && path === '/v1/billing_portal/sessions') {
          if (!customers.has(String(fields.customer))) return missing
          return [200, { id: 'bps_1', url: `https://billing.stripe.example/p/${fields.customer}` }]
        }
        const [, , resource, id] = path.split('/')
        if (method === 'DELETE' && resource === 'subscriptions' && subscriptions.delete(id!)) {
          return [200, { id, status: 'canceled' }]
        }
        return [404, { error: { type: 'invalid_request_error', code: 'resource_missing' } }]
      },
  )

const hmac = (secret: string, signed: string) => createHmac('sha256', secret).update(signed).digest('hex')

/** An event as Paddle sends it. */
export function paddleEvent(
  event_type: string,
  data: object,
  { occurred_at = new Date().toISOString(), age = 0 } = {},
) {
  const body = JSON.stringify({ event_id: `evt_${randomUUID()}`, event_type, occurred_at, data })
  const ts = Math.floor(Date.now() / 1_000) - age
  return { headers: { 'paddle-signature': `ts=${ts};h1=${hmac(paddleSecret, `${ts}:${body}`)}` }, body }
}

/** An event as Stripe sends it; while its secret is being changed, with two signatures. */
export function stripeEvent(type: string, object: object, { created = Math.floor(Date.now() / 1_000), age = 0 } = {}) {
  const body = JSON.stringify({ id: `evt_${randomUUID()}`, object: 'event', type, created, data: { object } }, null, 2)
  const t = Math.floor(Date.now() / 1_000) - age
  const v1 = hmac(stripeSecret, `${t}.${body}`)
  return { headers: { 'stripe-signature': `t=${t},v1=${hmac('old', body)},v1=${v1},v0=00` }, body }
}

/** A purchase of credit, paid; tax comes on top of the cents. */
export const paddlePurchase = (account_id: string, id: string, cents: number) => ({
  id,
  status: 'completed',
  customer_id: 'ctm_1',
  subscription_id: null,
  currency_code: 'USD',
  custom_data: { billing_account_id: account_id },
  details: { totals: { subtotal: String(cents), discount: '0', tax: '19', total: String(cents + 19) } },
})

export const paddleRefund = (transaction_id: string, id: string, cents: number) => ({
  id,
  action: 'refund',
  status: 'approved',
  transaction_id,
  totals: { subtotal: String(cents), tax: '0', total: String(cents) },
})
