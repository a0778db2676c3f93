import { testDatabases } from '@sidetone/store/testing'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { acme, type Running, rival, startNumbers } from './start.ts'
import { startTelnyx } from './telnyx-double.ts'
import { startTwilio } from './twilio-double.ts'

const number = '+13125550100'
const waiting = { timeout: 5_000, interval: 10 }

describe.each(await testDatabases('purchases'))('on $name', ({ create }) => {
  describe.each([
    ['Telnyx', startTelnyx],
    ['Twilio', startTwilio],
  ] as const)('at %s', (_, startProvider) => {
    let provider: Awaited<ReturnType<typeof startProvider>>
    let running: Running
    const start = async (options: Parameters<typeof startNumbers>[1] = {}) => {
      provider = await startProvider()
      provider.stock(number, '+13125550101', '+13125550102')
      running = await startNumbers(await create(), { ...options, env: { ...provider.env, ...options.env } })
    }
    beforeEach(() => start())
    afterEach(async () => {
      await running.close()
      provider.close()
    })
    const undone = () =>
      vi.waitUntil(() => Object.keys(provider.owned()).length === 0 && running.held.size === 0, waiting)

    test('a number is paid for, bought, and its customer’s', async () => {
      const { result } = await running.mine.available_number.search({ country_code: 'us', page_size: 1 })
      expect(result).toMatchObject([{ number, country: 'US' }])
      if (provider.name === 'twilio')
        expect((await running.mine.available_number.search({ country_code: 'AQ' })).result).toEqual([])
      const bought = await running.mine.number.create({ number, name: 'main' })
      expect(bought).toMatchObject({ customer_id: acme, number, status: 'active', t38_enabled: true })
      expect(bought.tm_renew).toBe(bought.tm_purchase)
      expect(provider.owned()).toEqual({ [number]: bought.id })
      expect([...running.held]).toEqual([[`number ${bought.id}`, acme]])
      expect(await running.lookup(number)).toEqual(bought)
      expect(await running.told({ id: bought.id })).toMatchObject([
        { type: 'number_created', data: { provider_name: provider.name, number } },
      ])
      await running.hurry('number.give_back')
      expect(provider.owned()).toEqual({ [number]: bought.id })
    })

    test('what cannot be paid for is not bought', async () => {
      running.penniless.add(acme)
      await expect(running.mine.number.create({ number })).rejects.toMatchObject({ reason: 'BALANCE_INSUFFICIENT' })
      expect(provider.owned()).toEqual({})
      await expect(running.lookup(number)).rejects.toMatchObject({ reason: 'NUMBER_NOT_FOUND' })
    })

    test('without the billing manager nothing is bought', async () => {
      await running.close()
      provider.close()
      await start({ withBilling: false })
      await expect(running.mine.number.create({ number })).rejects.toMatchObject({ status: 'UNAVAILABLE' })
      expect(provider.owned()).toEqual({})
    })

    test('what is not for sale costs nothing', async () => {
      await expect(running.mine.number.create({ number: '+13125550999' })).rejects.toMatchObject({
        reason: 'NUMBER_NOT_AVAILABLE',
      })
      await undone()
      expect(await running.told({ type: 'number_created' })).toEqual([])
    })

    test.each([
      ['answer lost' as const, 1],
      [{ status: 500 }, 0],
    ])('a purchase that ends in the dark (%j) is undone', async (trouble, boughtThere) => {
      provider.next(trouble)
      await expect(running.mine.number.create({ number })).rejects.toMatchObject({
        reason: 'NUMBER_PROVIDER_UNAVAILABLE',
      })
      expect(running.held.size).toBe(1)
      if (provider.name === 'twilio') expect(Object.keys(provider.owned())).toHaveLength(boughtThere)
      await running.hurry('number.give_back')
      await undone()
      expect((await running.mine.number.create({ number })).number).toBe(number)
    })

    test('of two who want the same number one gets it, and the other pays nothing', async () => {
      const both = await Promise.allSettled([
        running.mine.number.create({ number }),
        running.theirs.number.create({ number }),
      ])
      const [got, ...more] = both.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
      expect(more).toEqual([])
      await vi.waitUntil(() => running.held.size === 1, waiting)
      expect(provider.owned()).toEqual({ [number]: got!.id })
      expect(running.held.get(`number ${got!.id}`)).toBe(got!.customer_id)
    })

    test('a number that is released goes back, also when the provider is busy at first', async () => {
      const { id } = await running.mine.number.create({ number })
      running.held.clear()
      provider.next({ status: 429, retryAfter: 0 })
      expect(await running.mine.number.delete({ id })).toMatchObject({ status: 'deleted' })
      await undone()
      expect((await running.told({ id })).map(({ type }) => type)).toEqual(['number_created', 'number_deleted'])
    })

    test('the numbers of a customer that is deleted go back, and nobody else’s', async () => {
      const theirs = await running.theirs.number.create({ number })
      for (const one of ['+13125550101', '+13125550102']) await running.mine.number.create({ number: one })
      running.held.clear()
      await running.announce('customer_deleted', acme, acme)
      await vi.waitUntil(() => Object.keys(provider.owned()).length === 1, waiting)
      expect(provider.owned()).toEqual({ [number]: theirs.id })
      expect((await running.mine.number.list({})).result).toEqual([])
      expect((await running.theirs.number.list({})).result).toHaveLength(1)
    })
  })

  test('more numbers than a batch holds are given back', async () => {
    const provider = await startTwilio()
    const running = await startNumbers(await create(), { env: provider.env })
    const many = Array.from({ length: 101 }, (_, n) => `+1312${String(5_560_000 + n)}`)
    provider.stock(...many)
    for (let at = 0; at < many.length; at += 20)
      await Promise.all(many.slice(at, at + 20).map((one) => running.theirs.number.create({ number: one })))
    expect(Object.keys(provider.owned())).toHaveLength(many.length)
    await running.announce('customer_deleted', rival, rival)
    await vi.waitUntil(() => Object.keys(provider.owned()).length === 0, { timeout: 20_000, interval: 50 })
    await running.close()
    provider.close()
  }, 40_000)
})
