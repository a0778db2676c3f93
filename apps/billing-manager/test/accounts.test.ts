import { randomUUID } from 'node:crypto'
import { billingContract } from '@sidetone/proto-schemas/billing'
import { testDatabases } from '@sidetone/store/testing'
import { adminOf, type TestPlatform } from '@sidetone/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { microsOf } from '../src/accounts.ts'
import { monthlyTokens } from '../src/plans.ts'
import { announce, auditedBalance, customerWith, hungUpCall, operator, startBilling } from './platform.ts'

describe.each(await testDatabases('billing accounts'))('on $name', ({ create }) => {
  let app: TestPlatform
  beforeAll(async () => {
    app = await startBilling({ database: await create() })
  })
  afterAll(() => app.close())

  test('a new customer has an account with the tokens of the free plan', async () => {
    const id = randomUUID()
    await announce(app, 'customer_created', { id, customer_id: id })
    const { result } = await app.as(billingContract, operator).billing_account.list({ page_size: 1 })
    expect(result[0]).toMatchObject({
      customer_id: id,
      status: 'active',
      plan_type: 'free',
      plan_status: 'active',
      balance_credit: 0,
      balance_token: 100,
      payment_type: 'prepaid',
      payment_method: '',
    })
    expect(Date.parse(result[0]!.tm_next_topup!)).toBeGreaterThan(Date.now())
    const { billing } = app.as(billingContract, adminOf(id))
    expect((await billing.list({})).result).toMatchObject([
      { transaction_type: 'top_up', reference_type: 'monthly_allowance', amount_token: 100, status: 'end' },
    ])
  })

  test('however many ask first, a customer has one account', async () => {
    const { billing_account } = app.as(billingContract, adminOf(randomUUID()))
    const all = await Promise.all(Array.from({ length: 5 }, () => billing_account.own({})))
    expect(new Set(all.map(({ id }) => id)).size).toBe(1)
  })

  test('an account and its billings do not exist for another customer', async () => {
    const { account_id, own } = await customerWith(app, 1)
    const [billing] = (await own.billing.list({})).result
    const rival = app.as(billingContract, adminOf(randomUUID()))
    await expect(rival.billing_account.get({ id: account_id })).rejects.toMatchObject({ status: 'NOT_FOUND' })
    await expect(rival.billing_account.update({ id: account_id })).rejects.toMatchObject({ status: 'NOT_FOUND' })
    await expect(rival.billing.get({ id: billing!.id })).rejects.toMatchObject({ reason: 'BILLING_NOT_FOUND' })
  })

  test('names and payment info are replaced, and the change is announced to managers', async () => {
    const { account_id, own, operators } = await customerWith(app, 0)
    expect(await own.billing_account.update_own({ name: 'Acme', detail: 'main' })).toMatchObject({ name: 'Acme' })
    await own.billing_account.update_own_payment_info({ payment_type: 'prepaid', payment_method: 'credit card' })
    await operators.billing_account.update({ id: account_id, name: 'Acme Ltd' })
    await operators.billing_account.update_payment_info({ id: account_id })
    expect(await own.billing_account.own({})).toMatchObject({ name: 'Acme Ltd', detail: '', payment_method: '' })
    const events = (await app.events()).filter(({ resource_id }) => resource_id === account_id)
    expect(events.map(({ type }) => type)).toEqual([
      'billing_account_created',
      ...Array(4).fill('billing_account_updated'),
    ])
  })

  test('dollars become micros exactly, and what is finer is refused', async () => {
    expect([0.1, 8.2, 64.1, 0.000001, 999_999.999999, 1_000_000].map(microsOf)).toEqual([
      100_000, 8_200_000, 64_100_000, 1, 999_999_999_999, 1_000_000_000_000,
    ])
    const { account_id, operators, customer_id } = await customerWith(app, 0)
    for (const balance of [0, -1, 0.0000001, 1_000_001, Number.NaN]) {
      await expect(operators.billing_account.balance_add_force({ id: account_id, balance })).rejects.toMatchObject({
        reason: 'INVALID_ARGUMENT',
        details: [{ field: 'balance' }],
      })
    }
    expect(await auditedBalance(app, customer_id)).toMatchObject({ balance_credit: 0 })
  })

  test('credit is taken away as far as there is any that no call holds', async () => {
    const { account_id, customer_id, operators, reservation } = await customerWith(app, 0.07)
    const call = { reference_type: 'call' as const, reference_id: randomUUID(), destination: '+442071838750' }
    await reservation.create(call)
    const take = (balance: number) => operators.billing_account.balance_subtract_force({ id: account_id, balance })
    await expect(take(0.03)).rejects.toMatchObject({ status: 'PAYMENT_REQUIRED', reason: 'BALANCE_INSUFFICIENT' })
    expect(await take(0.02)).toMatchObject({ balance_credit: 50_000 })
    expect(await auditedBalance(app, customer_id)).toMatchObject({ balance_credit: 50_000, reserved_credit: 50_000 })
  })

  test('a customer is warned when its credit falls through a dollar, not before and not again', async () => {
    const { account_id, customer_id } = await customerWith(app, 1.02)
    const warnings = async () =>
      (await app.events()).filter(
        ({ type, resource_id }) => type === 'billing_account_balance_low' && resource_id === account_id,
      )
    await announce(app, 'call_hangup', hungUpCall({ customer_id, seconds: 120 }))
    expect(await warnings()).toEqual([])
    for (let i = 0; i < 2; i++) await announce(app, 'call_hangup', hungUpCall({ customer_id, seconds: 60 }))
    expect((await warnings()).map(({ data }) => data)).toMatchObject([{ balance_credit: 990_000 }])
  })

  test('who can pay for something is valid', async () => {
    const { account_id, customer_id, own, operators, reservation } = await customerWith(app, 0)
    expect(await own.billing_account.check({})).toEqual({ valid: true })
    const direction = 'incoming' as const
    // The plan's minutes, five by five as they are held back.
    for (let minutes = 0; minutes < monthlyTokens.free; minutes += 5) {
      const virtual = hungUpCall({ customer_id, seconds: 5 * 60 })
      virtual.destination.target = '+8991'
      await reservation.create({ reference_type: 'call', reference_id: virtual.id, destination: '+8991', direction })
      await announce(app, 'call_hangup', { ...virtual, direction })
    }
    expect(await own.billing_account.check({})).toEqual({ valid: false })
    await operators.billing_account.update_plan_type({ id: account_id, plan_type: 'unlimited' })
    expect(await own.billing_account.check({})).toEqual({ valid: true })
  })

  test('on the unlimited plan nothing costs anything', async () => {
    const { account_id, customer_id, own, operators, reservation } = await customerWith(app, 0)
    await operators.billing_account.update_plan_type({ id: account_id, plan_type: 'unlimited' })
    const call = { reference_type: 'call' as const, reference_id: randomUUID(), destination: '+442071838750' }
    const { id, max_seconds } = await reservation.create(call)
    expect(max_seconds).toBeNull()
    await announce(app, 'call_hangup', hungUpCall({ id: call.reference_id, customer_id, seconds: 600 }))
    expect(await own.billing.get({ id })).toMatchObject({ billable_units: 10, amount_credit: 0, status: 'end' })
    expect(await auditedBalance(app, customer_id)).toMatchObject({ balance_credit: 0, balance_token: 0 })
  })

  test('the account of a frozen customer is frozen until the customer has recovered', async () => {
    const { account_id, customer_id, own, operators, reservation } = await customerWith(app, 1)
    const call = { reference_type: 'call' as const, reference_id: randomUUID(), destination: '+442071838750' }
    await announce(app, 'customer_frozen', { id: customer_id, customer_id })
    await operators.billing_account.balance_add_force({ id: account_id, balance: 1 })
    expect(await operators.billing_account.get({ id: account_id })).toMatchObject({ status: 'frozen' })
    expect(await own.billing_account.check({})).toEqual({ valid: false })
    await expect(reservation.create(call)).rejects.toMatchObject({ reason: 'BILLING_ACCOUNT_FROZEN' })
    await announce(app, 'customer_recovered', { id: customer_id, customer_id })
    expect(await reservation.create(call)).toMatchObject({ max_seconds: 300 })
  })

  test('another plan brings its own tokens, at once', async () => {
    const { account_id, customer_id, operators } = await customerWith(app, 0)
    const set = (plan_type: 'professional' | 'basic') =>
      operators.billing_account.update_plan_type({ id: account_id, plan_type })
    expect(await set('professional')).toMatchObject({ plan_type: 'professional', balance_token: 10_000 })
    expect(await set('basic')).toMatchObject({ plan_type: 'basic', balance_token: 1_000 })
    await auditedBalance(app, customer_id)
  })
})
