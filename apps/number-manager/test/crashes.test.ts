import { timeAfter } from '@sidetone/store'
import { testDatabases } from '@sidetone/store/testing'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { type Life, mortalManager } from './mortal-manager.ts'
import { acme, type Running, startNumbers } from './start.ts'
import { startTelnyx } from './telnyx-double.ts'
import { startTwilio } from './twilio-double.ts'

const number = '+13125550100'
const dayMs = 24 * 3_600_000
const waiting = { timeout: 5_000, interval: 10 }
/** More steps than anything has. */
const mostSteps = 200

const databases = await testDatabases('crashes of purchases')
const cases = databases.flatMap((database) =>
  [startTelnyx, startTwilio].map((startProvider) => ({ ...database, startProvider })),
)

describe.each(cases)('on $name, $startProvider.name', ({ create, startProvider }) => {
  const life: Life = { steps: Number.POSITIVE_INFINITY, done: 0 }
  let provider: Awaited<ReturnType<typeof startProvider>>
  let running: Running
  beforeEach(async () => {
    provider = await startProvider()
    provider.stock(number)
    running = await startNumbers(await create(), { env: provider.env, manager: mortalManager(life) })
  })
  afterEach(async () => {
    await running.close()
    provider.close()
  })

  /** Does it once for each of its steps, at which the process dies and is started again; `recover` looks at what is left. */
  async function dyingAtEachStep(
    prepare: () => Promise<unknown>,
    work: () => Promise<unknown>,
    recover: () => Promise<unknown>,
  ) {
    for (let steps = 0; steps < mostSteps; steps++) {
      await prepare()
      Object.assign(life, { steps, done: 0 })
      await work().catch(() => undefined)
      const isDone = life.done < steps
      life.steps = Number.POSITIVE_INFINITY
      await recover()
      if (isDone) return steps
    }
    throw new Error('it never comes to an end')
  }

  const times = async (type: string) => (await running.told({ type })).length
  const isOwned = () => number in provider.owned()
  const found = () => running.lookup(number).catch(() => undefined)
  /** What is to go back goes back now, however much later it was to: until nothing is left of it. */
  const giveBack = () =>
    vi.waitUntil(async () => {
      await running.hurry('number.give_back')
      const { kysely } = running.app.platform.store
      return !(await kysely
        .selectFrom('jobs_job')
        .select('id')
        .where('type', '=', 'number.give_back')
        .executeTakeFirst())
    }, waiting)
  async function remove(): Promise<void> {
    const kept = await found()
    if (kept) await running.mine.number.delete({ id: kept.id })
    running.held.clear()
    await giveBack()
  }

  test('wherever a purchase dies, the number is the customer’s and paid once, or given back and costs nothing', async () => {
    const outcomes = new Set<string>()
    let before = 0
    const steps = await dyingAtEachStep(
      async () => {
        before = await times('number_created')
      },
      () => running.mine.number.create({ number }),
      async () => {
        await giveBack()
        const kept = await found()
        outcomes.add(kept ? 'kept' : 'given back')
        expect((await times('number_created')) - before).toBe(kept ? 1 : 0)
        expect(provider.owned()).toEqual(kept ? { [number]: kept.id } : {})
        expect([...running.held]).toEqual(kept ? [[`number ${kept.id}`, acme]] : [])
        await remove()
      },
    )
    expect(steps).toBeGreaterThan(10)
    expect([...outcomes].sort()).toEqual(['given back', 'kept'])
  }, 60_000)

  /** Bought, and last renewed, so many days ago. */
  async function boughtDaysAgo(days: number): Promise<string> {
    const { id } = (await found()) ?? (await running.mine.number.create({ number }))
    running.held.clear()
    const time = timeAfter(-days * dayMs)
    const { kysely } = running.app.platform.store
    await kysely.updateTable('number_number').set({ tm_purchase: time, tm_renew: time }).where('id', '=', id).execute()
    return id
  }
  const renewAll = () => running.operators.number.renew({ tm_renew: timeAfter(-28 * dayMs).replace(/\d{3}Z$/, 'Z') })

  test('wherever a renewal dies, the number stays, and its month is paid once', async () => {
    let id = ''
    let before = 0
    const steps = await dyingAtEachStep(
      async () => {
        id = await boughtDaysAgo(32)
        before = await times('number_renewed')
      },
      renewAll,
      async () => {
        await renewAll()
        const renewals = (await running.told({ type: 'number_renewed' })).slice(before)
        const [paid] = renewals.map(({ data }) => (data as { renewal_id: string }).renewal_id)
        expect(renewals).toHaveLength(1)
        expect([...running.held]).toEqual([[`number_renew ${paid}`, acme]])
        expect(await found()).toMatchObject({ id, status: 'active' })
        expect(provider.owned()).toEqual({ [number]: id })
      },
    )
    expect(steps).toBeGreaterThan(5)
  }, 60_000)

  test('wherever the end of a number dies that is not paid for, it goes back, and is told of once', async () => {
    let before = 0
    await dyingAtEachStep(
      async () => {
        running.penniless.clear()
        await boughtDaysAgo(39)
        running.penniless.add(acme)
        before = await times('number_deleted')
      },
      renewAll,
      async () => {
        await renewAll()
        await giveBack()
        expect(provider.owned()).toEqual({})
        expect(running.held.size).toBe(0)
        expect((await times('number_deleted')) - before).toBe(1)
      },
    )
  }, 60_000)

  test('wherever giving back dies, nothing stays at the provider, nor money held for a month that will not come', async () => {
    let id = ''
    const isOver = () => life.done >= life.steps || (!isOwned() && running.held.size === 0)
    const steps = await dyingAtEachStep(
      async () => {
        id = await boughtDaysAgo(32)
        const { kysely } = running.app.platform.store
        const row = await kysely
          .selectFrom('number_number')
          .select('renewal_id')
          .where('id', '=', id)
          .executeTakeFirst()
        running.held.set(`number_renew ${row!.renewal_id}`, acme)
      },
      async () => {
        await running.mine.number.delete({ id })
        await vi.waitUntil(isOver, waiting)
      },
      async () => {
        if (await found()) await running.mine.number.delete({ id })
        await giveBack()
        expect(provider.owned()).toEqual({})
        expect(running.held.size).toBe(0)
      },
    )
    expect(steps).toBeGreaterThan(8)
  }, 60_000)
})
