import { randomUUID } from 'node:crypto'
import { billingContract } from '@sidetone/proto-schemas/billing'
import { testDatabases } from '@sidetone/store/testing'
import type { TestPlatform } from '@sidetone/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { seedRates } from '../src/rates.ts'
import { announce, customerWith, hungUpCall, operator, startBilling } from './platform.ts'

describe.each(await testDatabases('rates'))('on $name', ({ create }) => {
  let app: TestPlatform
  beforeAll(async () => {
    app = await startBilling({ database: await create() })
  })
  afterAll(() => app.close())

  const rates = () => app.as(billingContract, operator).billing_rate
  const outgoing = { cost_type: 'call_pstn_outgoing' as const, rate_token_per_unit: 0 }
  const to = (destination: string) => ({ reference_type: 'call' as const, reference_id: randomUUID(), destination })

  test('the longest prefix that the number begins with sets the price', async () => {
    const { own, reservation } = await customerWith(app, 100)
    for (const [prefix, rate_credit_per_unit] of [
      ['+44', 20_000],
      ['+447', 30_000],
      ['+4479', 40_000],
    ] as const) {
      await rates().create({ ...outgoing, prefix, rate_credit_per_unit })
    }
    for (const [number, price] of [
      ['+15550100000', 10_000],
      ['+442071838750', 20_000],
      ['+447800000000', 30_000],
      ['+447900000000', 40_000],
    ] as const) {
      const { id } = await reservation.create(to(number))
      expect(await own.billing.get({ id })).toMatchObject({ rate_credit_per_unit: price })
    }
  })

  test('a price holds for what has begun under it', async () => {
    const { customer_id, own, reservation } = await customerWith(app, 1)
    const rate = await rates().create({ ...outgoing, prefix: '+81', rate_credit_per_unit: 15_000 })
    const call = to('+81312345678')
    const { id } = await reservation.create(call)
    await rates().update({ id: rate.id, rate_token_per_unit: 0, rate_credit_per_unit: 99_000 })
    await announce(app, 'call_hangup', hungUpCall({ id: call.reference_id, customer_id, seconds: 60 }))
    expect(await own.billing.get({ id })).toMatchObject({ amount_credit: -15_000 })
    await rates().delete({ id: rate.id })
    const later = await reservation.create(to('+81312345678'))
    expect(await own.billing.get({ id: later.id })).toMatchObject({ rate_credit_per_unit: 10_000 })
  })

  test('a prefix has one rate, which can be set anew once it is deleted', async () => {
    const fields = { ...outgoing, prefix: '+33', rate_credit_per_unit: 1 }
    const { id } = await rates().create(fields)
    await expect(rates().create(fields)).rejects.toMatchObject({
      status: 'ALREADY_EXISTS',
      reason: 'RATE_ALREADY_EXISTS',
    })
    await rates().delete({ id })
    await expect(rates().delete({ id })).rejects.toMatchObject({ reason: 'RATE_NOT_FOUND' })
    await rates().create(fields)
  })

  test('what an operator has deleted or changed stays so at the next start', async () => {
    const { result } = await rates().list({})
    const initial = (cost_type: string) => result.find((rate) => rate.cost_type === cost_type && rate.prefix === '')!
    await rates().delete({ id: initial('email').id })
    await rates().update({ id: initial('sms').id, rate_token_per_unit: 0, rate_credit_per_unit: 7 })
    await seedRates(app.platform.store)
    const after = (await rates().list({})).result
    expect(after.filter(({ cost_type }) => cost_type === 'email')).toEqual([])
    expect(after.filter(({ cost_type }) => cost_type === 'sms')).toMatchObject([{ rate_credit_per_unit: 7 }])
  })

  test('a rate that makes no sense is refused by its field', async () => {
    for (const [field, value] of [
      ['prefix', '44'],
      ['prefix', '+44x'],
      ['cost_type', ''],
      ['rate_credit_per_unit', 0.5],
      ['rate_credit_per_unit', -1],
    ] as const) {
      const fields = { ...outgoing, prefix: '+99', rate_credit_per_unit: 1, [field]: value }
      await expect(rates().create(fields as never)).rejects.toMatchObject({
        reason: 'INVALID_ARGUMENT',
        details: [{ field }],
      })
    }
  })
})
