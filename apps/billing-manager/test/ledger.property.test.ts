import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ApiError, anonymousIdentity, type EventEnvelope, nilId } from '@sidetone/contract'
import { billingContract } from '@sidetone/proto-schemas/billing'
import { newId, now } from '@sidetone/store'
import { testDatabases } from '@sidetone/store/testing'
import { startTestPlatform, type TestPlatform } from '@sidetone/testing'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createClosing } from '../src/closing.ts'
import { invoiceDue } from '../src/invoices.ts'
import { createLedger } from '../src/ledger.ts'
import { seedRates } from '../src/rates.ts'
import { tables } from '../src/tables.ts'
import { type Dice, type MortalManager, mortalManager } from './crashing.ts'
import { auditedBalance, customerWith, hungUpCall } from './platform.ts'
import { paddleEvent, paddlePurchase, paddleRefund, paddleSecret } from './providers.ts'

const call = fc.nat({ max: 3 })
const cents = fc.integer({ min: 1, max: 20 })
const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('reserve' as const), call }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('extend' as const), call }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('release' as const), call }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('hangup' as const), call }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('buy' as const), purchase: fc.nat({ max: 2 }), cents }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('refund' as const), purchase: fc.nat({ max: 2 }), cents }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('subtract' as const), cents }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('month' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('freeze' as const, 'recover' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('delete' as const) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('subscribe' as const),
      plan: fc.constantFrom('pri_basic', 'pri_professional'),
      status: fc.constantFrom('active', 'canceled'),
      second: fc.nat({ max: 5 }),
    }),
  },
)
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never

/** What runs side by side, and in which of the two processes each does. */
const batches = fc.array(fc.array(fc.tuple(step, fc.nat({ max: 1 })), { minLength: 1, maxLength: 6 }), {
  minLength: 1,
  maxLength: 5,
})
/** How long each lasts, and what it is: tokens pay for recordings and for what comes in at virtual numbers. */
const calls = fc.array(
  fc.record({
    minutes: fc.option(fc.integer({ min: 1, max: 12 }), { nil: null }),
    kind: fc.constantFrom('outgoing', 'virtual', 'recording'),
  }),
  { minLength: 4, maxLength: 4 },
)

/** A seeded source of chance (mulberry32). */
function diceOf(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
}

describe.each(await testDatabases('the ledger'))('on $name', ({ create }) => {
  const dice: Dice = { chance: 0, roll: () => 1 }
  const processes: MortalManager[] = []
  const apps: TestPlatform[] = []
  let folder: string
  let drop: () => Promise<void>

  beforeAll(async () => {
    const database = await create()
    drop = database.drop
    folder = await mkdtemp(join(tmpdir(), 'sidetone-ledger-'))
    const env = {
      SIDETONE_DATA_DIR: folder,
      PADDLE_API_KEY: 'key',
      PADDLE_WEBHOOK_SECRET: paddleSecret,
      PADDLE_PRICE_BASIC: 'pri_basic',
      PADDLE_PRICE_PROFESSIONAL: 'pri_professional',
      ...(database.url && { DATABASE_URL: database.url }),
    }
    // An SQLite file has one process.
    for (let i = 0; i < (database.url ? 2 : 1); i++) processes.push(mortalManager(dice))
    for (const { manager } of processes) apps.push(await startTestPlatform({ managers: [manager], env }))
    await seedRates(apps[0]!.platform.store)
  })
  afterAll(async () => {
    for (const app of apps) await app.close()
    await drop()
    await rm(folder, { recursive: true, force: true })
  })

  test('whatever happens at once, dies, comes twice or late: the books balance and usage stops at zero', async () => {
    const usd = fc.integer({ min: 0, max: 25 }).map((some) => some / 100)
    const property = fc.asyncProperty(usd, calls, batches, fc.integer(), async (balance, plans, script, seed) => {
      dice.chance = 0
      const { customer_id, account_id } = await customerWith(apps[0]!, balance)
      dice.roll = diceOf(seed)
      dice.chance = 0.02
      const stage = play({ customer_id, account_id, plans })
      for (const batch of script) {
        await Promise.all(batch.map(([one, process]) => stage.perform(one, process % processes.length)))
        const held = await auditedBalance(apps[0]!, customer_id)
        // A smaller plan takes tokens that others may be holding.
        if (!stage.said.has('subscribe')) expect(held.balance_token).toBeGreaterThanOrEqual(held.reserved_token)
        // Only a refund takes what others may be holding.
        if (held.balance_credit < held.reserved_credit) expect(await refunds(customer_id)).toBeGreaterThan(0)
      }
      dice.chance = 0
      await stage.endAll()

      const { balance_credit, balance_token, reserved_credit, reserved_token } = await auditedBalance(
        apps[0]!,
        customer_id,
      )
      expect({ reserved_credit, reserved_token }).toEqual({ reserved_credit: 0, reserved_token: 0 })
      expect(balance_token).toBeGreaterThanOrEqual(0)
      const entries = await tables.billings.list(apps[0]!.platform.store, customer_id, { limit: 1_000 })
      if (balance_credit < 0) expect(await refunds(customer_id)).toBeGreaterThan(0)
      for (const entry of entries.filter(({ transaction_type }) => transaction_type === 'usage')) {
        const { billable_units: units, amount_token, amount_credit, uncollected_credit, ...about } = entry
        expect(about.status).toBe('end')
        if (amount_credit < 0) expect(about.balance_credit_snapshot).toBeGreaterThanOrEqual(0)
        const byToken = about.rate_token_per_unit > 0 ? -amount_token / about.rate_token_per_unit : 0
        expect(uncollected_credit - amount_credit).toBe((units - byToken) * about.rate_credit_per_unit)
      }
      stage.expectCharged(entries)
      stage.expectPaid(entries)
      await expectInvoiced(customer_id, balance_credit)
    })
    await fc.assert(property, { numRuns: 20, endOnFailure: true })
  }, 120_000)

  const refunds = async (customer_id: string): Promise<number> =>
    (
      await tables.billings.list(apps[0]!.platform.store, customer_id, {
        where: { transaction_type: 'refund' },
        limit: 9,
      })
    ).length

  /** What the last invoice says is the balance, whenever it was posted. */
  async function expectInvoiced(customer_id: string, balance_credit: number): Promise<void> {
    const { store } = apps[0]!.platform
    // Over the end of the month, whether the account lives or not.
    await invoiceDue({ store, emit: async () => {} }, new Date(Date.now() + 33 * 86_400_000).toISOString())
    const [last] = await tables.invoices.list(store, customer_id, { limit: 1 })
    expect(last?.closing_credit).toBe(balance_credit)
  }

  /** One customer's calls and payments, in both processes. */
  function play(stage: {
    customer_id: string
    account_id: string
    plans: { minutes: number | null; kind: 'outgoing' | 'virtual' | 'recording' }[]
  }) {
    const { customer_id, account_id } = stage
    const released = new Set<string>()
    /** What has been told of, and what of which purchase. */
    const said = new Set<string>()
    const legs = stage.plans.map(({ minutes, kind }) => {
      const direction = kind === 'virtual' ? ('incoming' as const) : ('outgoing' as const)
      const call = { ...hungUpCall({ customer_id, seconds: minutes === null ? null : minutes * 60 - 5 }), direction }
      if (kind === 'virtual') call.destination = { ...call.destination, target: '+8991234567' }
      const recording = { ...call, tm_start: call.tm_progressing, tm_end: call.tm_hangup }
      const event = kind === 'recording' ? envelope('recording_finished', recording) : envelope('call_hangup', call)
      return { call, minutes, event, reference_type: kind === 'recording' ? ('recording' as const) : ('call' as const) }
    })
    const customer = { id: customer_id, customer_id }
    const deletion = envelope('customer_deleted', customer)
    const purchases = [newId(), newId(), newId()]
    const ledger = createLedger({ emit: async () => {} })

    const reservationOf = ({ call, reference_type }: (typeof legs)[number]) => ({
      reference_type,
      reference_id: call.id,
    })
    const clients = apps.map((app) => ({
      reservation: app.as(billingContract, { ...anonymousIdentity, type: 'internal', customer_id }).reservation,
      payment: app.as(billingContract, anonymousIdentity).payment,
      operators: app.as(billingContract, { ...anonymousIdentity, type: 'internal', permission: 1 }).billing_account,
    }))

    async function perform(one: Step, process: number): Promise<void> {
      const { reservation, payment, operators } = clients[process]!
      const leg = legs['call' in one ? one.call : 0]!
      const purchase = purchases['purchase' in one ? one.purchase : 0]!
      said.add(one.do)
      said.add(`${one.do} ${purchase}`)
      if (one.do === 'reserve') said.add(`reserve ${leg.call.id}`)
      if (one.do === 'reserve') {
        const { destination, direction } = leg.call
        const numbers = { destination: destination.target, direction }
        await untilAnswered(() => reservation.create({ ...reservationOf(leg), ...numbers }))
      } else if (one.do === 'extend') await untilAnswered(() => reservation.extend(reservationOf(leg)))
      else if (one.do === 'release') {
        released.add(leg.call.id)
        await untilAnswered(() => reservation.release(reservationOf(leg)))
      } else if (one.do === 'hangup') await processes[process]!.deliver(leg.event)
      else if (one.do === 'buy') {
        const event = paddleEvent('transaction.completed', paddlePurchase(account_id, purchase, one.cents))
        await untilAnswered(() => payment.paddle_webhook(event))
      } else if (one.do === 'refund') {
        const event = paddleEvent('adjustment.updated', paddleRefund(purchase, `refund of ${purchase}`, one.cents))
        await untilAnswered(() => payment.paddle_webhook(event))
      } else if (one.do === 'subtract') {
        // May have taken effect although the answer was lost, so it is not asked again.
        await answered(() => operators.balance_subtract_force({ id: account_id, balance: one.cents / 100 }))
      } else if (one.do === 'subscribe') {
        const occurred_at = new Date(Date.UTC(2026, 0, 1, 0, 0, one.second)).toISOString()
        const data = {
          ...{ id: 'sub', customer_id: 'ctm', status: one.status, scheduled_change: null },
          ...{ items: [{ price: { id: one.plan } }], custom_data: { billing_account_id: account_id } },
        }
        await untilAnswered(() => payment.paddle_webhook(paddleEvent('subscription.updated', data, { occurred_at })))
      } else if (one.do === 'delete') await processes[process]!.deliver(deletion)
      else if (one.do === 'freeze') await processes[process]!.deliver(envelope('customer_frozen', customer))
      else if (one.do === 'recover') await processes[process]!.deliver(envelope('customer_recovered', customer))
      else {
        const { store } = apps[process]!.platform
        await store.transaction(async (tx) => {
          const account = await ledger.open(tx, customer_id)
          if (account) await ledger.renewTokens(tx, account)
        })
      }
    }

    return {
      said,
      perform,

      async endAll(): Promise<void> {
        // Once more, and then as another event.
        for (const { event } of legs) {
          const another = { ...event, id: newId() }
          await Promise.all(processes.flatMap(({ deliver }) => [deliver(event), deliver(another)]))
        }
        const store = apps[0]!.platform.store
        await createClosing({ emit: async () => {}, ledger }).finishDue(store)
        const [open] = await tables.accounts.list(store, customer_id, { limit: 1 })
        expect(open === undefined).toBe(said.has('delete'))
      },

      /** Each purchase has been refunded as it was told, whichever was told first. */
      expectPaid(entries: { reference_type: string }[]): void {
        if (said.has('delete')) return
        const refunded = purchases.filter((purchase) => said.has(`buy ${purchase}`) && said.has(`refund ${purchase}`))
        expect(entries.filter((entry) => entry.reference_type === 'paddle_refund')).toHaveLength(refunded.length)
      },

      /** Each answered call was charged for its minutes, of those reserved as many as were held back, unless somebody let go of it, or the customer was gone before it began. */
      expectCharged(entries: { reference_id: string; billable_units: number }[]): void {
        for (const { call, minutes } of legs) {
          if (released.has(call.id)) continue
          const units = entries
            .filter(({ reference_id }) => reference_id === call.id)
            .map((entry) => entry.billable_units)
          if (said.has('delete') && units.length === 0) continue
          const most = minutes === null ? [] : [minutes]
          if (minutes === null || !said.has(`reserve ${call.id}`)) expect(units).toEqual(most)
          else expect(units).toEqual([expect.toSatisfy((some: number) => some >= 1 && some <= minutes)])
        }
      },
    }
  }
})

function envelope(type: string, data: { id: string; customer_id: string }): EventEnvelope {
  const { id, customer_id } = data
  const resource = type.slice(0, type.indexOf('_'))
  const routing = { publisher: resource, customer_id, owner_id: nilId, resource, resource_id: id, sequence: 1 }
  return { id: newId(), type, ...routing, time: now(), data }
}

/** True when it was answered, be it by a declared refusal; a process that died answers nothing. */
async function answered(ask: () => Promise<unknown>): Promise<boolean> {
  try {
    await ask()
    return true
  } catch (error) {
    if (!(error instanceof ApiError)) throw error
    return error.status !== 'INTERNAL'
  }
}

async function untilAnswered(ask: () => Promise<unknown>): Promise<void> {
  while (!(await answered(ask)));
}
