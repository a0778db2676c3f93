import { randomUUID } from 'node:crypto'
import { anonymousIdentity } from '@sidetone/contract'
import { billingContract } from '@sidetone/proto-schemas/billing'
import type { TestPlatform } from '@sidetone/testing'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { announce, auditedBalance, customerWith, hungUpCall, startBilling } from './platform.ts'
import {
  type ProviderDouble,
  paddleEvent,
  paddleKey,
  paddlePurchase,
  paddleRefund,
  paddleSecret,
  startPaddle,
  startStripe,
  stripeEvent,
  stripeKey,
  stripeSecret,
} from './providers.ts'

let paddle: ProviderDouble
let stripe: ProviderDouble
let app: TestPlatform
beforeAll(async () => {
  paddle = await startPaddle()
  stripe = await startStripe()
  app = await startBilling({
    env: {
      PADDLE_API_KEY: paddleKey,
      PADDLE_API_URL: paddle.url,
      PADDLE_WEBHOOK_SECRET: paddleSecret,
      PADDLE_PRICE_BASIC: 'pri_basic',
      STRIPE_API_KEY: stripeKey,
      STRIPE_API_URL: stripe.url,
      STRIPE_WEBHOOK_SECRET: stripeSecret,
      STRIPE_PRICE_BASIC: 'price_basic',
      STRIPE_PRICE_PROFESSIONAL: 'price_professional',
    },
  })
})
afterAll(async () => {
  await app.close()
  await paddle.close()
  await stripe.close()
})

const hooks = () => app.as(billingContract, anonymousIdentity).payment
/** Stripe tells of cents that were paid for an account. */
const paidAtStripe = ({
  account_id,
  ...fields
}: {
  account_id: string
  payment_intent: string
  amount_subtotal: number
  total_details?: object
}) =>
  hooks().stripe_webhook(
    stripeEvent('checkout.session.completed', {
      ...{ mode: 'payment', payment_status: 'paid', customer: null, currency: 'usd' },
      ...{ metadata: { billing_account_id: account_id }, ...fields },
    }),
  )
const return_url = 'https://console.example/billing'

test('credit is bought on a page of the provider', async () => {
  const { own, account_id } = await customerWith(app, 0)
  const bought = await own.payment.checkout({ provider: 'paddle', amount_cents: 1_250, return_url })
  expect(bought.url).toMatch(/^https:\/\/pay\.example\/\?_ptxn=txn_/)
  expect(paddle.asked.at(-1)!.fields).toMatchObject({
    items: [{ price: { unit_price: { amount: '1250', currency_code: 'USD' } } }],
    custom_data: { billing_account_id: account_id },
  })
  const other = await own.payment.checkout({ provider: 'stripe', amount_cents: 1_250, return_url })
  expect(other.url).toBe('https://checkout.stripe.example/c/pay/cs_1')
  expect(stripe.asked.at(-1)!.fields).toMatchObject({
    mode: 'payment',
    'line_items[0][price_data][unit_amount]': '1250',
    'metadata[billing_account_id]': account_id,
    success_url: return_url,
  })
})

test('a plan is bought by its price at the provider, if it is sold there and none is running', async () => {
  const { own, account_id } = await customerWith(app, 0)
  await own.payment.checkout({ provider: 'stripe', plan_type: 'professional', return_url })
  expect(stripe.asked.at(-1)!.fields).toMatchObject({
    mode: 'subscription',
    'line_items[0][price]': 'price_professional',
    'subscription_data[metadata][billing_account_id]': account_id,
  })
  await expect(
    own.payment.checkout({ provider: 'paddle', plan_type: 'professional', return_url }),
  ).rejects.toMatchObject({
    details: [{ field: 'plan_type' }],
  })
  const both = { provider: 'stripe' as const, plan_type: 'basic' as const, amount_cents: 500, return_url }
  await expect(own.payment.checkout(both)).rejects.toMatchObject({ reason: 'INVALID_ARGUMENT' })
  await hooks().stripe_webhook(stripeEvent('customer.subscription.created', subscription(account_id, 'price_basic')))
  await expect(own.payment.checkout({ provider: 'stripe', plan_type: 'basic', return_url })).rejects.toMatchObject({
    reason: 'SUBSCRIPTION_EXISTS',
  })
})

test('a payment is credited once, whatever it is told in and however often', async () => {
  const { customer_id, account_id, own } = await customerWith(app, 0)
  const purchase = paddlePurchase(account_id, `txn_${randomUUID()}`, 1_250)
  const event = paddleEvent('transaction.completed', purchase)
  await Promise.all([hooks().paddle_webhook(event), hooks().paddle_webhook(event)])
  await hooks().paddle_webhook(paddleEvent('transaction.completed', purchase))
  expect(await auditedBalance(app, customer_id)).toMatchObject({ balance_credit: 12_500_000 })

  const session = {
    id: 'cs_1',
    mode: 'payment',
    payment_status: 'paid',
    payment_intent: `pi_${randomUUID()}`,
    customer: 'cus_1',
    currency: 'usd',
    amount_subtotal: 700,
    metadata: { billing_account_id: account_id },
  }
  const unpaid = { ...session, payment_status: 'unpaid' }
  await hooks().stripe_webhook(stripeEvent('checkout.session.completed', unpaid))
  expect(await auditedBalance(app, customer_id)).toMatchObject({ balance_credit: 12_500_000 })
  await hooks().stripe_webhook(stripeEvent('checkout.session.async_payment_succeeded', session))
  await hooks().stripe_webhook(stripeEvent('checkout.session.completed', session))
  expect(await auditedBalance(app, customer_id)).toMatchObject({ balance_credit: 19_500_000 })
  expect(await own.billing_account.own({})).toMatchObject({ paddle_customer_id: 'ctm_1', stripe_customer_id: 'cus_1' })
})

test('what is not signed, or was signed for another body, time or secret, changes nothing', async () => {
  const { customer_id, account_id } = await customerWith(app, 0)
  const purchase = paddlePurchase(account_id, `txn_${randomUUID()}`, 1_250)
  const invalid = { reason: 'WEBHOOK_SIGNATURE_INVALID' }
  const good = paddleEvent('transaction.completed', purchase)
  const forged = [
    { ...good, headers: {} },
    { ...good, headers: { 'paddle-signature': 'ts=;h1=' } },
    { ...good, body: good.body.replace('1250', '9250') },
    paddleEvent('transaction.completed', purchase, { age: 301 }),
    paddleEvent('transaction.completed', purchase, { age: -301 }),
    { ...good, headers: { 'paddle-signature': good.headers['paddle-signature'].replace(/ts=\d+/, (ts) => `${ts}0`) } },
  ]
  for (const event of forged) await expect(hooks().paddle_webhook(event)).rejects.toMatchObject(invalid)
  const old = stripeEvent('refund.created', {}, { age: 301 })
  await expect(hooks().stripe_webhook(old)).rejects.toMatchObject(invalid)
  await expect(hooks().stripe_webhook(good)).rejects.toMatchObject(invalid)
  expect(await auditedBalance(app, customer_id)).toMatchObject({ balance_credit: 0 })
})

test('what does not concern us is accepted; what cannot be read is not', async () => {
  expect(await hooks().paddle_webhook(paddleEvent('customer.created', { id: 'ctm_9' }))).toEqual({})
  expect(await hooks().stripe_webhook(stripeEvent('invoice.paid', { id: 'in_1' }))).toEqual({})
  const others = { ...paddlePurchase('', 'txn_other', 100), custom_data: null, currency_code: 'EUR' }
  expect(await hooks().paddle_webhook(paddleEvent('transaction.completed', others))).toEqual({})
  await expect(hooks().paddle_webhook(paddleEvent('transaction.completed', {}))).rejects.toMatchObject({
    reason: 'WEBHOOK_INVALID',
  })
})

test('a refund takes credit back once; one that takes more than is left freezes the account until it is paid', async () => {
  const { customer_id, account_id, own, reservation } = await customerWith(app, 0)
  const transaction = `txn_${randomUUID()}`
  await hooks().paddle_webhook(paddleEvent('transaction.completed', paddlePurchase(account_id, transaction, 1_000)))
  const refund = paddleRefund(transaction, `adj_${randomUUID()}`, 400)
  await hooks().paddle_webhook(paddleEvent('adjustment.created', { ...refund, status: 'pending_approval' }))
  await hooks().paddle_webhook(paddleEvent('adjustment.updated', refund))
  await hooks().paddle_webhook(paddleEvent('adjustment.updated', refund))
  expect(await auditedBalance(app, customer_id)).toMatchObject({ balance_credit: 6_000_000 })

  const chargeback = { ...paddleRefund(transaction, `adj_${randomUUID()}`, 1_000), action: 'chargeback' }
  await hooks().paddle_webhook(paddleEvent('adjustment.created', chargeback))
  expect(await auditedBalance(app, customer_id)).toMatchObject({ balance_credit: -4_000_000 })
  const call = { reference_type: 'call_extension' as const, reference_id: randomUUID() }
  await expect(reservation.create(call)).rejects.toMatchObject({
    status: 'PAYMENT_REQUIRED',
    reason: 'BILLING_ACCOUNT_FROZEN',
  })
  await hooks().paddle_webhook(paddleEvent('transaction.completed', paddlePurchase(account_id, randomUUID(), 500)))
  expect(await own.billing_account.own({})).toMatchObject({ balance_credit: 1_000_000 })
  expect(await reservation.create(call)).toMatchObject({ max_seconds: null })
})

test('a dispute and a refund at Stripe go by the payment', async () => {
  const { customer_id, account_id } = await customerWith(app, 0)
  const payment_intent = `pi_${randomUUID()}`
  await paidAtStripe({ account_id, payment_intent, amount_subtotal: 1_000 })
  const refund = { id: `re_${randomUUID()}`, amount: 100, payment_intent, status: 'pending' }
  await hooks().stripe_webhook(stripeEvent('refund.created', refund))
  await hooks().stripe_webhook(stripeEvent('refund.updated', { ...refund, status: 'succeeded' }))
  const dispute = { id: `dp_${randomUUID()}`, amount: 300, payment_intent, status: 'needs_response' }
  await hooks().stripe_webhook(stripeEvent('charge.dispute.funds_withdrawn', dispute))
  expect(await auditedBalance(app, customer_id)).toMatchObject({ balance_credit: 6_000_000 })
})

test('a refund at Stripe that fails gives the credit again, in whatever order and however often it is told of', async () => {
  const { customer_id, account_id, own } = await customerWith(app, 0)
  const payment_intent = `pi_${randomUUID()}`
  const refund = () => ({ id: `re_${randomUUID()}`, amount: 1_000, payment_intent })
  const tell = (one: object, status: string) =>
    hooks().stripe_webhook(stripeEvent(status === 'failed' ? 'refund.failed' : 'refund.updated', { ...one, status }))
  const [early, late, pending, reversed] = [refund(), refund(), refund(), refund()]
  for (const status of ['succeeded', 'failed', 'failed', 'succeeded']) await tell(early, status)
  for (const status of ['failed', 'succeeded', 'failed']) await tell(late, status)
  await paidAtStripe({ account_id, payment_intent, amount_subtotal: 500 })
  for (const status of ['pending', 'failed', 'succeeded', 'failed']) await tell(pending, status)
  expect(await auditedBalance(app, customer_id)).toMatchObject({ balance_credit: 5_000_000 })

  for (const status of ['succeeded', 'succeeded']) await tell(reversed, status)
  expect(await own.billing_account.own({})).toMatchObject({ balance_credit: -5_000_000, status: 'frozen' })
  for (const status of ['failed', 'failed', 'succeeded']) await tell(reversed, status)
  expect(await auditedBalance(app, customer_id)).toMatchObject({ balance_credit: 5_000_000 })
  expect(await own.billing_account.own({})).toMatchObject({ status: 'active' })
})

test('a refund that is told of before its payment takes it back when that comes', async () => {
  const { customer_id, account_id } = await customerWith(app, 0)
  const transaction = `txn_${randomUUID()}`
  const refunds = [300, 200].map((cents) => paddleRefund(transaction, `adj_${randomUUID()}`, cents))
  const tell = (one: object) => hooks().paddle_webhook(paddleEvent('adjustment.updated', one))
  for (const refund of [...refunds, ...refunds]) await tell(refund)
  expect(await auditedBalance(app, customer_id)).toMatchObject({ balance_credit: 0 })
  const purchase = paddleEvent('transaction.completed', paddlePurchase(account_id, transaction, 1_000))
  await hooks().paddle_webhook(purchase)
  expect(await auditedBalance(app, customer_id)).toMatchObject({ balance_credit: 5_000_000 })
  for (const refund of refunds) await tell(refund)
  await hooks().paddle_webhook(purchase)
  expect(await auditedBalance(app, customer_id)).toMatchObject({ balance_credit: 5_000_000 })
})

test('a payment and its refund that are told of at the same time both count', async () => {
  const { customer_id, account_id } = await customerWith(app, 0)
  for (let n = 0; n < 5; n++) {
    const payment_intent = `pi_${randomUUID()}`
    const session = {
      ...{ mode: 'payment', payment_status: 'paid', payment_intent, customer: null },
      ...{ currency: 'usd', amount_subtotal: 1_000, metadata: { billing_account_id: account_id } },
    }
    const refund = { id: `re_${randomUUID()}`, amount: 1_000, payment_intent, status: 'succeeded' }
    await Promise.all([
      hooks().stripe_webhook(stripeEvent('refund.created', refund)),
      hooks().stripe_webhook(stripeEvent('checkout.session.completed', session)),
    ])
  }
  expect(await auditedBalance(app, customer_id)).toMatchObject({ balance_credit: 0 })
})

test('what a won dispute gives back is credited once; a discount was never paid', async () => {
  const { customer_id, account_id } = await customerWith(app, 0)
  const payment_intent = `pi_${randomUUID()}`
  await paidAtStripe({
    account_id,
    payment_intent,
    amount_subtotal: 1_000,
    total_details: { amount_discount: 200, amount_tax: 0 },
  })
  const dispute = { id: `dp_${randomUUID()}`, amount: 800, payment_intent, status: 'won' }
  const reinstated = stripeEvent('charge.dispute.funds_reinstated', dispute)
  await hooks().stripe_webhook(stripeEvent('charge.dispute.funds_withdrawn', dispute))
  expect(await auditedBalance(app, customer_id)).toMatchObject({ balance_credit: 0 })
  await hooks().stripe_webhook(reinstated)
  await hooks().stripe_webhook(reinstated)
  expect(await auditedBalance(app, customer_id)).toMatchObject({ balance_credit: 8_000_000 })

  const transaction = `txn_${randomUUID()}`
  await hooks().paddle_webhook(paddleEvent('transaction.completed', paddlePurchase(account_id, transaction, 500)))
  for (const action of ['chargeback', 'chargeback_reverse', 'credit', 'chargeback_warning']) {
    const adjustment = { ...paddleRefund(transaction, `adj_${randomUUID()}`, 500), action }
    await hooks().paddle_webhook(paddleEvent('adjustment.created', adjustment))
  }
  expect(await auditedBalance(app, customer_id)).toMatchObject({ balance_credit: 13_000_000 })
})

test('of two subscriptions, be it at two providers, the better plan counts until the last has ended', async () => {
  const { customer_id, account_id, own } = await customerWith(app, 0)
  const bought = subscription(account_id, 'price_professional', `sub_${randomUUID()}`)
  const other = {
    ...{ id: `sub_${randomUUID()}`, customer_id: 'ctm_1', status: 'active', scheduled_change: null },
    ...{ items: [{ price: { id: 'pri_basic' } }], custom_data: { billing_account_id: account_id } },
  }
  const plan = async () => {
    const { plan_type, stripe_subscription_id, paddle_subscription_id } = await own.billing_account.own({})
    return [plan_type, stripe_subscription_id === bought.id, paddle_subscription_id === other.id]
  }
  await hooks().stripe_webhook(stripeEvent('customer.subscription.created', bought))
  await hooks().paddle_webhook(paddleEvent('subscription.activated', other))
  expect(await plan()).toEqual(['professional', true, true])
  await hooks().stripe_webhook(stripeEvent('customer.subscription.deleted', { ...bought, status: 'canceled' }))
  expect(await plan()).toEqual(['basic', false, true])
  await hooks().paddle_webhook(paddleEvent('subscription.canceled', { ...other, status: 'canceled' }))
  expect(await plan()).toEqual(['free', false, false])
  expect(await auditedBalance(app, customer_id)).toMatchObject({ balance_token: 100 })
})

const subscription = (account_id: string, price: string, id = 'sub_1') => ({
  id,
  customer: 'cus_1',
  status: 'active',
  cancel_at_period_end: false,
  items: { data: [{ price: { id: price } }] },
  metadata: { billing_account_id: account_id },
})

test('a subscription sets plan and tokens; events that arrive late do not turn it back', async () => {
  const { customer_id, account_id, own } = await customerWith(app, 0)
  const now = Math.floor(Date.now() / 1_000)
  const say = (type: string, object: object, created: number) =>
    hooks().stripe_webhook(stripeEvent(`customer.subscription.${type}`, object, { created }))
  const basic = subscription(account_id, 'price_basic')
  await say('created', basic, now)
  expect(await own.billing_account.own({})).toMatchObject({
    plan_type: 'basic',
    balance_token: 1_000,
    stripe_subscription_id: 'sub_1',
  })
  await say('updated', { ...basic, cancel_at_period_end: true }, now + 10)
  expect(await own.billing_account.own({})).toMatchObject({ plan_type: 'basic', plan_status: 'canceling' })
  await say('updated', subscription(account_id, 'price_professional'), now + 5)
  expect(await own.billing_account.own({})).toMatchObject({ plan_type: 'basic', plan_status: 'canceling' })
  await say('deleted', { ...subscription(account_id, 'price_basic', 'sub_0'), status: 'canceled' }, now + 20)
  expect(await own.billing_account.own({})).toMatchObject({ plan_type: 'basic' })
  await say('deleted', { ...basic, status: 'canceled' }, now + 30)
  expect(await own.billing_account.own({})).toMatchObject({ plan_type: 'free', stripe_subscription_id: '' })
  expect(await auditedBalance(app, customer_id)).toMatchObject({ balance_token: 100 })
})

test('going back and forth between plans does not bring back tokens that were used', async () => {
  const { customer_id, account_id } = await customerWith(app, 0)
  let created = Math.floor(Date.now() / 1_000)
  const goTo = async (price: string) => {
    const event = stripeEvent('customer.subscription.updated', subscription(account_id, price), { created: created++ })
    await hooks().stripe_webhook(event)
    return (await auditedBalance(app, customer_id)).balance_token
  }
  expect(await goTo('price_professional')).toBe(10_000)
  const { tm_progressing: tm_start, tm_hangup: tm_end } = hungUpCall({ seconds: 500 * 60 })
  await announce(app, 'recording_finished', { id: randomUUID(), customer_id, tm_start, tm_end })
  expect(await goTo('price_basic')).toBe(0)
  expect(await goTo('price_professional')).toBe(8_500)
})

test('the beginning of a subscription that has ended meanwhile is old news', async () => {
  const { account_id, own } = await customerWith(app, 0)
  const data = {
    id: 'sub_p',
    customer_id: 'ctm_1',
    status: 'active',
    scheduled_change: null,
    items: [{ price: { id: 'pri_basic' } }],
    custom_data: { billing_account_id: account_id },
  }
  const at = (seconds: number) => ({ occurred_at: new Date(Date.now() + seconds * 1_000).toISOString() })
  await hooks().paddle_webhook(paddleEvent('subscription.canceled', { ...data, status: 'canceled' }, at(5)))
  await hooks().paddle_webhook(paddleEvent('subscription.activated', data, at(0)))
  expect(await own.billing_account.own({})).toMatchObject({ plan_type: 'free', paddle_subscription_id: '' })
})

test('the portal needs a customer that the provider knows', async () => {
  const { account_id, own } = await customerWith(app, 0)
  const unknown = { status: 'FAILED_PRECONDITION', reason: 'PAYMENT_CUSTOMER_UNKNOWN' }
  await expect(own.payment.paddle_portal({})).rejects.toMatchObject(unknown)
  await expect(own.payment.stripe_portal({})).rejects.toMatchObject(unknown)
  await hooks().paddle_webhook(paddleEvent('transaction.completed', paddlePurchase(account_id, randomUUID(), 500)))
  await expect(own.payment.paddle_portal({})).rejects.toMatchObject({ reason: 'PAYMENT_PROVIDER_UNAVAILABLE' })
  paddle.customers.add('ctm_1')
  expect(await own.payment.paddle_portal({})).toEqual({ url: 'https://portal.example/ctm_1' })
})

test('a closed account cancels all its subscriptions', async () => {
  const { customer_id, account_id } = await customerWith(app, 0)
  const [id, second] = [`sub_${randomUUID()}`, `sub_${randomUUID()}`]
  for (const one of [id, second]) {
    stripe.subscriptions.add(one)
    const created = subscription(account_id, 'price_basic', one)
    await hooks().stripe_webhook(stripeEvent('customer.subscription.created', created))
  }
  const event = stripeEvent('customer.subscription.updated', subscription(account_id, 'price_basic', id))
  await announce(app, 'customer_deleted', { id: customer_id, customer_id })
  await vi.waitFor(() => expect([...stripe.subscriptions]).toEqual([]), 5_000)
  // Told again by Stripe, it does not come back.
  await hooks().stripe_webhook(event)
})

test('without its settings a provider is not there', async () => {
  const bare = await startBilling({})
  const { own } = await customerWith(bare, 0)
  const missing = { status: 'FAILED_PRECONDITION', reason: 'PAYMENT_PROVIDER_NOT_CONFIGURED' }
  await expect(own.payment.paddle_portal({})).rejects.toMatchObject(missing)
  await expect(own.payment.checkout({ provider: 'stripe', amount_cents: 500, return_url })).rejects.toMatchObject(
    missing,
  )
  const event = paddleEvent('transaction.completed', {})
  await expect(bare.as(billingContract, anonymousIdentity).payment.paddle_webhook(event)).rejects.toMatchObject(missing)
  await bare.close()
})
