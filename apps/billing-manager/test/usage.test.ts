import { randomUUID } from 'node:crypto'
import { internalIdentity } from '@sidetone/contract'
import { billingContract } from '@sidetone/proto-schemas/billing'
import { createEmitter, timeAfter } from '@sidetone/store'
import { testDatabases } from '@sidetone/store/testing'
import type { TestPlatform } from '@sidetone/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createClosing } from '../src/closing.ts'
import { createLedger } from '../src/ledger.ts'
import { tables } from '../src/tables.ts'
import { announce, auditedBalance, customerWith, hungUpCall, startBilling } from './platform.ts'

const emit = createEmitter(billingContract)
const { finishDue } = createClosing({ emit, ledger: createLedger({ emit }) })

describe.each(await testDatabases('charges'))('on $name', ({ create }) => {
  let app: TestPlatform
  beforeAll(async () => {
    app = await startBilling({ database: await create() })
  })
  afterAll(() => app.close())

  const toLondon = (reference_id: string = randomUUID()) => ({
    reference_type: 'call' as const,
    reference_id,
    destination: '+442071838750',
    direction: 'outgoing' as const,
  })

  test('a call holds back its beginning and pays for its started minutes when it ends', async () => {
    const { customer_id, account_id, own, reservation } = await customerWith(app, 1)
    const call = toLondon()
    const reserved = await reservation.create(call)
    expect(reserved).toEqual({ id: expect.any(String), account_id, max_seconds: 300 })
    expect(await auditedBalance(app, customer_id)).toMatchObject({ balance_credit: 1_000_000, reserved_credit: 50_000 })

    await announce(app, 'call_hangup', hungUpCall({ id: call.reference_id, customer_id, seconds: 61 }))
    expect(await auditedBalance(app, customer_id)).toMatchObject({ balance_credit: 980_000, reserved_credit: 0 })
    expect(await own.billing.get({ id: reserved.id })).toMatchObject({
      status: 'end',
      reference_type: 'call',
      reference_id: call.reference_id,
      cost_type: 'call_pstn_outgoing',
      usage_duration: 61,
      billable_units: 2,
      rate_credit_per_unit: 10_000,
      amount_credit: -20_000,
      amount_token: 0,
      balance_credit_snapshot: 980_000,
    })
  })

  test('a reservation is made once per reference, and charged once', async () => {
    const { customer_id, reservation } = await customerWith(app, 1)
    const call = toLondon()
    const [one, two] = await Promise.all([reservation.create(call), reservation.create(call)])
    expect(two).toEqual(one)
    const ended = hungUpCall({ id: call.reference_id, customer_id, seconds: 60 })
    await Promise.all([announce(app, 'call_hangup', ended), announce(app, 'call_hangup', ended)])
    await announce(app, 'call_hangup', ended)
    expect(await auditedBalance(app, customer_id)).toMatchObject({ balance_credit: 990_000, reserved_credit: 0 })
    await expect(reservation.create(call)).rejects.toMatchObject({ reason: 'RESERVATION_CLOSED' })
  })

  test('without enough for a minute nothing begins, and the answer says 402', async () => {
    const { customer_id, reservation } = await customerWith(app, 0.009999)
    await expect(reservation.create(toLondon())).rejects.toMatchObject({
      status: 'PAYMENT_REQUIRED',
      reason: 'BALANCE_INSUFFICIENT',
      details: [{ available: { credit: 9_999 }, rate_credit_per_unit: 10_000 }],
    })
    expect(await auditedBalance(app, customer_id)).toMatchObject({ balance_credit: 9_999, reserved_credit: 0 })
  })

  test('a call may last as long as the balance does, shared with other calls', async () => {
    const { customer_id, reservation } = await customerWith(app, 0.08)
    const [first, second] = [toLondon(), toLondon()]
    expect(await reservation.create(first)).toMatchObject({ max_seconds: 300 })
    expect(await reservation.create(second)).toMatchObject({ max_seconds: 180 })
    await expect(reservation.create(toLondon())).rejects.toMatchObject({ reason: 'BALANCE_INSUFFICIENT' })
    const more = { reference_type: first.reference_type, reference_id: first.reference_id }
    await expect(reservation.extend(more)).rejects.toMatchObject({ reason: 'BALANCE_INSUFFICIENT' })

    await reservation.release({ reference_type: 'call', reference_id: second.reference_id })
    expect(await reservation.extend(more)).toEqual({ max_seconds: 360 })
    // Asked again, it holds back no more than is needed.
    expect(await reservation.extend(more)).toEqual({ max_seconds: 360 })
    expect(await auditedBalance(app, customer_id)).toMatchObject({ balance_credit: 80_000, reserved_credit: 60_000 })
  })

  test('a call that was never reserved takes the last cent and no more; the rest is written off', async () => {
    const { customer_id, own } = await customerWith(app, 0.015)
    await announce(app, 'call_hangup', hungUpCall({ customer_id, seconds: 180 }))
    expect(await auditedBalance(app, customer_id)).toMatchObject({ balance_credit: 0, reserved_credit: 0 })
    const { result } = await own.billing.list({})
    expect(result[0]).toMatchObject({ billable_units: 3, amount_credit: -15_000 })
  })

  test('whatever the clock says, nothing costs more than was held back for it', async () => {
    const { customer_id, own, reservation } = await customerWith(app, 100)
    const dayS = 86_400
    const call = toLondon()
    const { id } = await reservation.create(call)
    await announce(app, 'call_hangup', hungUpCall({ id: call.reference_id, customer_id, seconds: dayS }))
    expect(await own.billing.get({ id })).toMatchObject({ usage_duration: dayS, billable_units: 5 })

    const longer = toLondon()
    await reservation.create(longer)
    await app.platform.store.kysely
      .updateTable(tables.billings.name)
      .set({ tm_billing_start: timeAfter(-dayS * 1_000) })
      .where('reference_id', '=', longer.reference_id)
      .execute()
    const { reference_type, reference_id } = longer
    expect(await reservation.extend({ reference_type, reference_id })).toEqual({ max_seconds: 600 })
    await announce(app, 'call_hangup', hungUpCall({ id: reference_id, customer_id, seconds: dayS }))
    expect(await auditedBalance(app, customer_id)).toMatchObject({ balance_credit: 99_850_000, reserved_credit: 0 })

    const recording = { reference_type: 'recording' as const, reference_id: randomUUID() }
    await reservation.create(recording)
    const { tm_progressing: tm_start, tm_hangup: tm_end } = hungUpCall({ seconds: dayS })
    await announce(app, 'recording_finished', { id: recording.reference_id, customer_id, tm_start, tm_end })
    expect(await auditedBalance(app, customer_id)).toMatchObject({ balance_token: 85, balance_credit: 99_850_000 })
  })

  test('a recording whose file its node has lost costs nothing', async () => {
    const { customer_id, reservation } = await customerWith(app, 1)
    const recording = { reference_type: 'recording' as const, reference_id: randomUUID() }
    await reservation.create(recording)
    const { tm_progressing: tm_start, tm_hangup: tm_end } = hungUpCall({ seconds: 90 })
    const finished = { customer_id, tm_start, tm_end, filesize: 0 }
    await announce(app, 'recording_finished', { ...finished, id: recording.reference_id })
    await announce(app, 'recording_finished', { ...finished, id: randomUUID() })
    expect(await auditedBalance(app, customer_id)).toMatchObject({ balance_token: 100, reserved_token: 0 })
  })

  test('a call that nobody answered costs nothing and closes its reference, even if it is reserved late', async () => {
    const { customer_id, own, reservation } = await customerWith(app, 1)
    const call = toLondon()
    await reservation.create(call)
    await announce(app, 'call_hangup', hungUpCall({ id: call.reference_id, customer_id, seconds: null }))
    expect((await own.billing.list({})).result.filter(({ reference_type }) => reference_type === 'call')).toEqual([])
    const late = toLondon()
    await announce(app, 'call_hangup', hungUpCall({ id: late.reference_id, customer_id, seconds: null }))
    await expect(reservation.create(late)).rejects.toMatchObject({ reason: 'RESERVATION_CLOSED' })
    await expect(reservation.extend({ reference_type: 'call', reference_id: late.reference_id })).rejects.toMatchObject(
      {
        reason: 'RESERVATION_CLOSED',
      },
    )
    expect(await auditedBalance(app, customer_id)).toMatchObject({ balance_credit: 1_000_000, reserved_credit: 0 })
  })

  test('a call that was never reserved is charged all the same', async () => {
    const { customer_id } = await customerWith(app, 1)
    await announce(app, 'call_hangup', hungUpCall({ customer_id, seconds: 30 }))
    expect(await auditedBalance(app, customer_id)).toMatchObject({ balance_credit: 990_000 })
  })

  test('calls between extensions are free and have no limit', async () => {
    const { customer_id, reservation } = await customerWith(app, 0)
    const call = { reference_type: 'call_extension' as const, reference_id: randomUUID() }
    expect(await reservation.create(call)).toMatchObject({ max_seconds: null })
    expect(await reservation.extend(call)).toEqual({ max_seconds: null })
    await announce(app, 'call_hangup', hungUpCall({ id: call.reference_id, customer_id, seconds: 3_600 }))
    expect(await auditedBalance(app, customer_id)).toMatchObject({ balance_credit: 0, balance_token: 100 })
  })

  test('a call that comes in costs what it was reserved as; from within the platform nothing was', async () => {
    const { customer_id, reservation } = await customerWith(app, 1)
    const hungUp = (id: string, source: string) => ({
      ...hungUpCall({ id, customer_id, seconds: 60 }),
      direction: 'incoming',
      source: { type: source.includes('@') ? 'sip' : 'tel', target: source },
    })
    const withheld = { ...toLondon(), direction: 'incoming' as const }
    expect(await reservation.create(withheld)).toMatchObject({ max_seconds: 300 })
    await announce(app, 'call_hangup', hungUp(withheld.reference_id, 'anonymous@anonymous.invalid'))
    expect(await auditedBalance(app, customer_id)).toMatchObject({ balance_credit: 990_000, reserved_credit: 0 })

    await announce(app, 'call_hangup', hungUp(randomUUID(), '+15550100000'))
    expect(await auditedBalance(app, customer_id)).toMatchObject({ balance_credit: 990_000 })
  })

  test('tokens pay first where they may, and only there', async () => {
    const { customer_id, own, reservation } = await customerWith(app, 1)
    const virtual = { ...toLondon(), direction: 'incoming' as const, destination: '+8990001' }
    await reservation.create(virtual)
    expect(await auditedBalance(app, customer_id)).toMatchObject({ reserved_token: 5, reserved_credit: 0 })
    const others = Array.from({ length: 20 }, () => ({ ...virtual, reference_id: randomUUID() }))
    for (const other of others) await reservation.create(other)
    expect(await auditedBalance(app, customer_id)).toMatchObject({ reserved_token: 100, reserved_credit: 5_000 })
    const hangUp = ({ reference_id }: { reference_id: string }, minutes: number) =>
      announce(app, 'call_hangup', hungUpCall({ id: reference_id, customer_id, seconds: minutes * 60 }))
    await hangUp(others.pop()!, 2)
    const { result } = await own.billing.list({})
    expect(result[0]).toMatchObject({ cost_type: 'call_vn', amount_token: 0, amount_credit: -2_000 })
    for (const one of [virtual, ...others]) await hangUp(one, 5)
    expect(await auditedBalance(app, customer_id)).toMatchObject({ balance_token: 0, balance_credit: 998_000 })
  })

  test('what is released needs a reservation', async () => {
    const { reservation } = await customerWith(app, 1)
    const unknown = { reference_type: 'call' as const, reference_id: randomUUID() }
    await expect(reservation.release(unknown)).rejects.toMatchObject({ reason: 'RESERVATION_NOT_FOUND' })
    await expect(reservation.extend(unknown)).rejects.toMatchObject({ reason: 'RESERVATION_NOT_FOUND' })
  })

  test('recordings and bought numbers are charged when they have come about', async () => {
    const { customer_id } = await customerWith(app, 20)
    const { tm_progressing, tm_hangup } = hungUpCall({ seconds: 90 })
    await announce(app, 'recording_finished', {
      ...{ id: randomUUID(), customer_id },
      ...{ tm_start: tm_progressing, tm_end: tm_hangup },
    })
    expect(await auditedBalance(app, customer_id)).toMatchObject({ balance_token: 94, balance_credit: 20_000_000 })
    const id = randomUUID()
    const number = { customer_id, number: '+15550100009', tm_renew: tm_hangup }
    await announce(app, 'number_created', { ...number, id, provider_name: 'telnyx' })
    await announce(app, 'number_created', { ...number, id: randomUUID(), provider_name: '' })
    expect(await auditedBalance(app, customer_id)).toMatchObject({ balance_credit: 15_000_000 })
    const renewal = { ...number, id, renewal_id: randomUUID() }
    for (let i = 0; i < 2; i++) await announce(app, 'number_renewed', renewal)
    expect(await auditedBalance(app, customer_id)).toMatchObject({ balance_credit: 10_000_000 })
  })

  test('a customer that is deleted takes its account along, but pays for what still went on', async () => {
    const { customer_id, account_id, own, reservation } = await customerWith(app, 1)
    const [talking, ringing, late] = [toLondon(), toLondon(), toLondon()]
    await reservation.create(talking)
    await reservation.create(ringing)
    await announce(app, 'customer_deleted', { id: customer_id, customer_id })

    await expect(reservation.create(toLondon())).rejects.toMatchObject({ reason: 'BILLING_ACCOUNT_NOT_FOUND' })
    await expect(own.billing_account.own({})).rejects.toMatchObject({ reason: 'BILLING_ACCOUNT_NOT_FOUND' })
    expect(await app.as(billingContract, internalIdentity(customer_id)).billing_account.check({})).toEqual({
      valid: false,
    })
    const hangUp = (id: string, seconds: number | null) =>
      announce(app, 'call_hangup', hungUpCall({ id, customer_id, seconds }))
    await hangUp(talking.reference_id, 61)
    expect(await auditedBalance(app, customer_id)).toMatchObject({ balance_credit: 980_000, reserved_credit: 50_000 })
    await finishDue(app.platform.store)
    expect(await accountOf(account_id)).toMatchObject({ status: 'deleted', tm_delete: null })

    await hangUp(ringing.reference_id, null)
    await finishDue(app.platform.store)
    expect((await accountOf(account_id)).tm_delete).not.toBeNull()
    const [invoice, ...others] = await tables.invoices.list(app.platform.store, customer_id, { limit: 9 })
    expect(invoice).toMatchObject({ opening_credit: 0, closing_credit: 980_000 })
    expect(others).toEqual([])
    await hangUp(late.reference_id, 60)
    expect(await auditedBalance(app, customer_id)).toMatchObject({ balance_credit: 980_000, reserved_credit: 0 })
  })

  test('the books of a deleted customer do not wait for ever for what nobody hears of', async () => {
    const { customer_id, account_id, reservation } = await customerWith(app, 1)
    const call = toLondon()
    await reservation.create(call)
    await announce(app, 'customer_deleted', { id: customer_id, customer_id })
    await app.platform.store.kysely
      .updateTable(tables.billings.name)
      .set({ tm_update: timeAfter(-25 * 3_600_000) })
      .where('reference_id', '=', call.reference_id)
      .execute()
    await finishDue(app.platform.store)
    expect((await accountOf(account_id)).tm_delete).not.toBeNull()
    expect(await auditedBalance(app, customer_id)).toMatchObject({ balance_credit: 1_000_000, reserved_credit: 0 })
  })

  const accountOf = async (id: string) =>
    tables.accounts.decode(
      await app.platform.store.kysely
        .selectFrom(tables.accounts.name)
        .selectAll()
        .where('id', '=', id)
        .executeTakeFirstOrThrow(),
    )
})
