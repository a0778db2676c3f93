import { randomUUID } from 'node:crypto'
import { billingContract } from '@sidetone/proto-schemas/billing'
import { createEmitter, type Store, timeAfter } from '@sidetone/store'
import { testDatabases } from '@sidetone/store/testing'
import { adminOf, type TestPlatform } from '@sidetone/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { endForgotten, renewDue } from '../src/housekeeping.ts'
import { dollars } from '../src/invoice-pdf.ts'
import { invoiceDue } from '../src/invoices.ts'
import { createLedger } from '../src/ledger.ts'
import { periodAfter, periodOf, startOf } from '../src/period.ts'
import { tables } from '../src/tables.ts'
import { announce, auditedBalance, customerWith, hungUpCall, startBilling } from './platform.ts'

const emit = createEmitter(billingContract)
const ledger = createLedger({ emit })
const thisMonth = periodOf(timeAfter(0))
const nextMonth = periodAfter(thisMonth)
const hoursInto = (period: string, hours: number) =>
  new Date(Date.parse(startOf(period)) + hours * 3_600_000).toISOString()

test('months follow each other across years', () => {
  expect(periodOf('2026-11-21T07:00:00.000000Z')).toBe('2026-11')
  expect(['2026-11', '2026-12', '2027-01'].map((period) => periodAfter(period))).toEqual([
    '2026-12',
    '2027-01',
    '2027-02',
  ])
  expect(periodAfter('2026-01', -1)).toBe('2025-12')
})

describe.each(await testDatabases('months of billing'))('on $name', ({ create }) => {
  let app: TestPlatform
  let store: Store
  beforeAll(async () => {
    app = await startBilling({ database: await create() })
    store = app.platform.store
  })
  afterAll(() => app.close())

  /** Nothing has been heard of it for a day. */
  async function forget(reference_id: string): Promise<void> {
    await store.kysely
      .updateTable(tables.billings.name)
      .set({ tm_update: timeAfter(-25 * 3_600_000) })
      .where('reference_id', '=', reference_id)
      .execute()
    await endForgotten(store, ledger)
  }

  test('at the beginning of a month, tokens are what the plan says, once', async () => {
    const { customer_id, own, reservation } = await customerWith(app, 0)
    const virtual = hungUpCall({ customer_id, seconds: 5 * 60 })
    virtual.destination.target = '+8991'
    const direction = 'incoming' as const
    await reservation.create({ reference_type: 'call', reference_id: virtual.id, destination: '+8991', direction })
    await announce(app, 'call_hangup', { ...virtual, direction })
    await renewDue(store, ledger, hoursInto(thisMonth, 0))
    expect(await auditedBalance(app, customer_id)).toMatchObject({ balance_token: 95 })
    // The next one is due by the clock, not by what it is called with.
    await store.transaction(async (tx) => {
      const account = (await ledger.lock(tx, customer_id))!
      await tables.accounts.update(tx, customer_id, account.id, { tm_next_topup: hoursInto(thisMonth, 0) })
    })
    await Promise.all([1, 2].map(() => renewDue(store, ledger, hoursInto(thisMonth, 1))))
    expect(await auditedBalance(app, customer_id)).toMatchObject({ balance_token: 100 })
    const { result } = await own.billing.list({})
    expect(result.filter(({ reference_type }) => reference_type === 'monthly_allowance')).toMatchObject([
      { amount_token: 5, balance_token_snapshot: 100 },
      { amount_token: 100 },
    ])
    expect(await own.billing_account.own({})).toMatchObject({ tm_next_topup: startOf(nextMonth) })
  })

  test('what nobody has asked for within a day is over, but charged when it is known', async () => {
    const { customer_id, own, reservation } = await customerWith(app, 1)
    const destination = '+442071838750'
    const [forgotten, fresh] = [randomUUID(), randomUUID()]
    for (const reference_id of [forgotten, fresh]) {
      await reservation.create({ reference_type: 'call', reference_id, destination })
    }
    await forget(forgotten)
    expect(await auditedBalance(app, customer_id)).toMatchObject({ balance_credit: 1_000_000, reserved_credit: 50_000 })
    const listed = async () =>
      (await own.billing.list({})).result.flatMap((one) => (one.reference_type === 'call' ? [one.reference_id] : []))
    expect(await listed()).toEqual([fresh])
    await expect(reservation.extend({ reference_type: 'call', reference_id: forgotten })).rejects.toMatchObject({
      reason: 'RESERVATION_CLOSED',
    })
    await announce(app, 'call_hangup', hungUpCall({ id: forgotten, customer_id, seconds: 60 }))
    expect((await listed()).sort()).toEqual([forgotten, fresh].sort())
    expect(await auditedBalance(app, customer_id)).toMatchObject({ balance_credit: 990_000, reserved_credit: 50_000 })
  })

  test('what was forgotten is charged no more than was held back for it, and nothing when it has not come about', async () => {
    const { customer_id, own, reservation } = await customerWith(app, 1)
    const [long, unanswered, released] = [randomUUID(), randomUUID(), randomUUID()]
    for (const reference_id of [long, unanswered, released]) {
      await reservation.create({ reference_type: 'call', reference_id, destination: '+442071838750' })
      await forget(reference_id)
    }
    await announce(app, 'call_hangup', hungUpCall({ id: long, customer_id, seconds: 2 * 86_400 }))
    await announce(app, 'call_hangup', hungUpCall({ id: unanswered, customer_id, seconds: null }))
    await reservation.release({ reference_type: 'call', reference_id: released })
    await announce(app, 'call_hangup', hungUpCall({ id: released, customer_id, seconds: 60 }))
    expect(await auditedBalance(app, customer_id)).toMatchObject({ balance_credit: 950_000, reserved_credit: 0 })
    const { result } = await own.billing.list({})
    expect(result.filter(({ reference_type }) => reference_type === 'call')).toMatchObject([{ reference_id: long }])
  })

  test('what was held back too long ago is held back anew when it is asked for again', async () => {
    const { customer_id, account_id, reservation, operators } = await customerWith(app, 6)
    const renewal = { reference_type: 'number_renew' as const, reference_id: randomUUID(), destination: '+15550100009' }
    const { id } = await reservation.create(renewal)
    await forget(renewal.reference_id)
    expect(await reservation.create(renewal)).toMatchObject({ id })
    expect(await auditedBalance(app, customer_id)).toMatchObject({ reserved_credit: 5_000_000 })

    await forget(renewal.reference_id)
    await operators.billing_account.balance_subtract_force({ id: account_id, balance: 2 })
    await expect(reservation.create(renewal)).rejects.toMatchObject({ reason: 'BALANCE_INSUFFICIENT' })
  })

  test('a month is invoiced once, an hour after it has ended, and its lines add up', async () => {
    const { customer_id, account_id, own } = await customerWith(app, 1)
    for (const seconds of [60, 61]) await announce(app, 'call_hangup', hungUpCall({ customer_id, seconds }))
    await announce(app, 'call_hangup', hungUpCall({ customer_id, seconds: null }))
    await invoiceDue({ store, emit }, hoursInto(nextMonth, 0.5))
    expect((await own.invoice.list({})).result).toEqual([])
    await Promise.all([1, 2].map(() => invoiceDue({ store, emit }, hoursInto(nextMonth, 1.5))))
    const line = { count: 1, billable_units: 0, amount_token: 0, amount_credit: 0, cost_type: '' }
    const { result } = await own.invoice.list({})
    expect(result).toEqual([
      {
        ...{ id: expect.any(String), customer_id, account_id, period: thisMonth },
        ...{ opening_credit: 0, closing_credit: 970_000 },
        lines: [
          { ...line, transaction_type: 'adjustment', reference_type: 'credit_adjustment', amount_credit: 1_000_000 },
          { ...line, transaction_type: 'top_up', reference_type: 'monthly_allowance', amount_token: 100 },
          {
            ...{ transaction_type: 'usage', reference_type: 'call', cost_type: 'call_pstn_outgoing' },
            ...{ count: 2, billable_units: 3, amount_token: 0, amount_credit: -30_000 },
          },
        ],
        ...{ tm_create: expect.any(String), tm_update: null, tm_delete: null },
      },
    ])
    expect(await own.invoice.get({ id: result[0]!.id })).toEqual(result[0])
    const rival = app.as(billingContract, adminOf(randomUUID())).invoice
    await expect(rival.get({ id: result[0]!.id })).rejects.toMatchObject({ reason: 'INVOICE_NOT_FOUND' })
    await expect(rival.file({ id: result[0]!.id })).rejects.toMatchObject({ reason: 'INVOICE_NOT_FOUND' })
  })

  test('months that were missed are made up for in order, each with the last one’s balance', async () => {
    const { own } = await customerWith(app, 2)
    await invoiceDue({ store, emit }, hoursInto(periodAfter(thisMonth, 3), 2))
    const { result } = await own.invoice.list({})
    expect(
      result.map(({ period, opening_credit, closing_credit }) => [period, opening_credit, closing_credit]),
    ).toEqual([
      [periodAfter(thisMonth, 2), 2_000_000, 2_000_000],
      [nextMonth, 2_000_000, 2_000_000],
      [thisMonth, 0, 2_000_000],
    ])
  })

  test('a clock that is set back posts nothing into a month that was invoiced, and loses nothing', async () => {
    const { customer_id, account_id, own, operators } = await customerWith(app, 1)
    const spend = async () => {
      await announce(app, 'call_hangup', hungUpCall({ customer_id, seconds: 60 }))
      await operators.billing_account.balance_add_force({ id: account_id, balance: 2 })
    }
    await spend()
    await invoiceDue({ store, emit }, hoursInto(nextMonth, 2))
    // From here on the clock is in the month that was just invoiced.
    await spend()
    await announce(app, 'call_hangup', hungUpCall({ customer_id, seconds: null }))
    const [before] = (await own.invoice.list({})).result
    expect(before).toMatchObject({ period: thisMonth, closing_credit: 2_990_000 })
    await invoiceDue({ store, emit }, hoursInto(periodAfter(nextMonth), 2))
    const [after, ...earlier] = (await own.invoice.list({})).result
    expect(earlier).toEqual([before])
    expect(after).toMatchObject({ period: nextMonth, opening_credit: 2_990_000, closing_credit: 4_980_000 })
    expect(after!.lines.map(({ transaction_type, count }) => [transaction_type, count])).toEqual([
      ['adjustment', 1],
      ['usage', 1],
    ])
    expect(await auditedBalance(app, customer_id)).toMatchObject({ balance_credit: 4_980_000 })
  })

  test('an invoice can be had as a PDF under a signed address', async () => {
    const { own } = await customerWith(app, 2)
    await invoiceDue({ store, emit }, hoursInto(nextMonth, 2))
    const [invoice] = (await own.invoice.list({})).result
    const { location } = await own.invoice.file({ id: invoice!.id })
    const granted = app.platform.fileSigner.verify(new URL(location))!
    expect(granted.filename).toBe(`invoice-${thisMonth}.pdf`)
    const file = await app.platform.files.get(granted.key)
    expect(file!.contentType).toBe('application/pdf')
    const bytes = Buffer.from(await new Response(file!.body).arrayBuffer())
    expect(bytes.subarray(0, 5).toString()).toBe('%PDF-')
    expect((await own.invoice.file({ id: invoice!.id })).location).toContain(granted.key)
  })
})

test('amounts are written out to the last micro', () => {
  expect([0, 1, -1, 999_999, -1_000_000, 123_456_789_012].map(dollars)).toEqual([
    '0.000000',
    '0.000001',
    '-0.000001',
    '0.999999',
    '-1.000000',
    '123456.789012',
  ])
})
