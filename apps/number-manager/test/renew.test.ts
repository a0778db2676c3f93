import { timeAfter } from '@sidetone/store'
import { testDatabases } from '@sidetone/store/testing'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { nextRenewal } from '../src/renew.ts'
import { acme, type Running, startNumbers } from './start.ts'
import { startTwilio } from './twilio-double.ts'

const number = '+13125550100'
const dayMs = 24 * 3_600_000
const waiting = { timeout: 5_000, interval: 10 }

test.each([
  ['2026-01-15T10:00:00.123456Z', '2026-01-15T10:00:00.123456Z', '2026-02-15T10:00:00.123000Z'],
  ['2026-01-31T10:00:00.000000Z', '2026-01-31T10:00:00.000000Z', '2026-02-28T10:00:00.000000Z'],
  ['2026-01-31T10:00:00.000000Z', '2026-02-28T10:00:00.000000Z', '2026-03-31T10:00:00.000000Z'],
  ['2027-12-31T23:59:59.999000Z', '2028-01-31T23:59:59.999000Z', '2028-02-29T23:59:59.999000Z'],
  ['2026-01-15T10:00:00.000000Z', '2031-01-01T00:00:00.000000Z', '2031-01-15T10:00:00.000000Z'],
])('bought at %s and renewed at %s, it is next at %s', (tm_purchase, tm_renew, next) => {
  expect(nextRenewal({ tm_purchase, tm_renew })).toBe(next)
})

describe.each(await testDatabases('renewals'))('on $name', ({ create }) => {
  let provider: Awaited<ReturnType<typeof startTwilio>>
  let running: Running
  beforeEach(async () => {
    provider = await startTwilio()
    provider.stock(number)
    running = await startNumbers(await create(), { env: provider.env })
  })
  afterEach(async () => {
    await running.close()
    provider.close()
  })
  /** A number that was bought, and last renewed, so many days ago. */
  async function boughtDaysAgo(days: number) {
    const { id } = await running.mine.number.create({ number })
    running.held.clear()
    const time = timeAfter(-days * dayMs)
    const { kysely } = running.app.platform.store
    await kysely.updateTable('number_number').set({ tm_purchase: time, tm_renew: time }).where('id', '=', id).execute()
    return { id, time }
  }
  const renewed = async (id: string) => (await running.told({ id, type: 'number_renewed' })).length
  const now = () => timeAfter(0).replace(/\d{3}Z$/, 'Z')

  test('a number whose month is over is renewed by itself, and paid once', async () => {
    const { id, time } = await boughtDaysAgo(32)
    await running.hurry('number.renew')
    await vi.waitUntil(async () => (await renewed(id)) === 1, waiting)
    const after = await running.mine.number.get({ id })
    expect(after.tm_renew).toBe(nextRenewal({ tm_purchase: time, tm_renew: time }))
    const [event] = await running.told({ id, type: 'number_renewed' })
    const { renewal_id } = event!.data as { renewal_id: string }
    expect([...running.held]).toEqual([[`number_renew ${renewal_id}`, acme]])
    await running.hurry('number.renew')
    expect(await running.operators.number.renew({ tm_renew: '2020-01-01T00:00:00Z' })).toEqual([])
    expect(await renewed(id)).toBe(1)
  })

  test('a number whose month is not over is left alone, unless an operator says otherwise', async () => {
    const { id } = await boughtDaysAgo(27)
    await running.hurry('number.renew')
    expect(await running.operators.number.renew({ tm_renew: timeAfter(-28 * dayMs).replace(/\d{3}Z$/, 'Z') })).toEqual(
      [],
    )
    expect(await renewed(id)).toBe(0)
    expect(await running.operators.number.renew({ tm_renew: now() })).toMatchObject([{ id, number }])
    expect(await renewed(id)).toBe(1)
  })

  test('every renewal is paid under an id of its own', async () => {
    const { id } = await boughtDaysAgo(70)
    for (let times = 0; times < 2; times++) await running.operators.number.renew({ tm_renew: now() })
    expect(running.held.size).toBe(2)
    expect(await renewed(id)).toBe(2)
  })

  test('who cannot pay keeps the number for a week, and then loses it', async () => {
    const late = await boughtDaysAgo(33)
    running.penniless.add(acme)
    expect(await running.operators.number.renew({ tm_renew: now() })).toEqual([])
    expect(await running.lookup(number)).toMatchObject({ id: late.id, status: 'active' })
    const { kysely } = running.app.platform.store
    const time = timeAfter(-39 * dayMs)
    await kysely.updateTable('number_number').set({ tm_purchase: time, tm_renew: time }).execute()
    await running.hurry('number.renew')
    await vi.waitUntil(() => Object.keys(provider.owned()).length === 0, waiting)
    await expect(running.lookup(number)).rejects.toMatchObject({ reason: 'NUMBER_NOT_FOUND' })
    expect((await running.told({ id: late.id })).at(-1)).toMatchObject({ type: 'number_deleted' })
  })

  test('a frozen customer keeps its numbers, however long they are not paid for', async () => {
    const { id } = await boughtDaysAgo(60)
    running.frozen.add(acme)
    expect(await running.operators.number.renew({ tm_renew: now() })).toEqual([])
    expect(await running.lookup(number)).toMatchObject({ id, status: 'active' })
    running.frozen.delete(acme)
    expect(await running.operators.number.renew({ tm_renew: now() })).toMatchObject([{ id }])
  })

  test('a number whose customer’s account is gone goes back too', async () => {
    await boughtDaysAgo(39)
    running.withoutAccount.add(acme)
    await running.hurry('number.renew')
    await vi.waitUntil(() => Object.keys(provider.owned()).length === 0, waiting)
    expect(running.held.size).toBe(0)
  })

  test('what was not bought is never renewed', async () => {
    const virtual = await running.mine.number.create({ number: '+899123000001', type: 'virtual' })
    const registered = await running.operators.number.register({ customer_id: acme, number: '+493012345678' })
    expect(await running.operators.number.renew({ tm_renew: now() })).toEqual([])
    for (const { id } of [virtual, registered]) expect(await renewed(id)).toBe(0)
  })
})
