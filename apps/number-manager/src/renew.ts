import { ApiError, everyCustomer, internalIdentity } from '@sidetone/contract'
import { billingContract } from '@sidetone/proto-schemas/billing'
import { newId, timeAfter } from '@sidetone/store'
import type { Core, NumberRow } from './core.ts'
import { isFrozen } from './owner.ts'
import { releaseMoney, removeNumber } from './purchase.ts'

const hourMs = 3_600_000
const dayMs = 24 * hourMs
/** No month is shorter. */
const shortestMonthMs = 28 * dayMs
/** A number that cannot be paid for is tried again for so long before it is given back. */
const graceMs = 7 * dayMs
const batch = 100
/** The balance does not suffice, or the account has gone with its customer. */
const cannotPay = new Set<string>(['PAYMENT_REQUIRED', 'NOT_FOUND'])

/** Renews every hour what was bought and whose month is over. */
export function defineRenewal(core: Core): void {
  core.jobs.every('number.renew', {
    everyMs: hourMs,
    timeoutMs: hourMs,
    async handler({ signal }) {
      const isDue = (number: NumberRow) => Date.parse(nextRenewal(number)) <= Date.now()
      await renewAll(core, { before: timeAfter(-shortestMonthMs), isDue, isOver: () => signal.aborted })
    },
  })
}

/** Renews, until it is over, the numbers that were last renewed before a time; gives those that it has renewed. */
export async function renewAll(
  core: Core,
  { before, isDue, isOver }: { before: string; isDue: (number: NumberRow) => boolean; isOver: () => boolean },
): Promise<NumberRow[]> {
  const { store, numbers, log } = core
  const renewed: NumberRow[] = []
  let lastId = ''
  while (!isOver()) {
    const rows = await numbers
      .select(store, everyCustomer)
      .selectAll()
      .where('renewal_id', 'is not', null)
      .where('tm_renew', '<', before)
      .where('id', '>', lastId)
      .orderBy('id')
      .limit(batch)
      .execute()
    for (const number of rows.map(numbers.decode)) {
      lastId = number.id
      if (isOver()) break
      if (!isDue(number)) continue
      const done = await renew(core, number).catch((err: unknown) => {
        log.error({ err, number_id: number.id }, 'a number could not be renewed; it will be tried again')
        return undefined
      })
      if (done) renewed.push(done)
    }
    if (rows.length < batch) break
  }
  return renewed
}

/** The same day of the next month that is not paid yet, or its last day. */
export function nextRenewal({ tm_purchase, tm_renew }: Pick<NumberRow, 'tm_purchase' | 'tm_renew'>): string {
  const bought = new Date(tm_purchase!)
  for (let months = 1; ; months++) {
    const at = new Date(bought)
    at.setUTCMonth(bought.getUTCMonth() + months)
    // The month has no such day: its last one.
    if (at.getUTCDate() !== bought.getUTCDate()) at.setUTCDate(0)
    if (at.getTime() > Date.parse(tm_renew!)) return `${at.toISOString().slice(0, -1)}000Z`
  }
}

async function renew(core: Core, number: NumberRow): Promise<NumberRow | undefined> {
  const { store, numbers, emit, client } = core
  const { id, customer_id, number: destination } = number
  const renewal_id = number.renewal_id!
  const held = { reference_type: 'number_renew' as const, reference_id: renewal_id }
  try {
    await client(billingContract).reservation.create(
      { ...held, destination },
      { identity: internalIdentity(customer_id) },
    )
  } catch (error) {
    if (!(error instanceof ApiError && cannotPay.has(error.status))) throw error
    const isLate = Date.parse(nextRenewal(number)) + graceMs <= Date.now()
    // Frozen, it cannot pay; once it recovers it has its numbers.
    if (isLate && !(await isFrozen(core, customer_id))) await releaseUnpaid(core, number)
    return undefined
  }
  const renewed = await store.transaction(async (tx) => {
    const row = await numbers.update(
      tx,
      customer_id,
      id,
      { tm_renew: nextRenewal(number), renewal_id: newId() },
      { where: { renewal_id } },
    )
    if (row) await emit(tx, 'number', 'renewed', { ...row, renewal_id })
    return row
  })
  // Deleted in the meantime; or else somebody else has renewed it, with this very money.
  if (!renewed && !(await numbers.find(store, customer_id, id))) await releaseMoney(core, customer_id, held)
  return renewed
}

async function releaseUnpaid(core: Core, { id, customer_id, renewal_id }: NumberRow): Promise<void> {
  const { store, numbers, log } = core
  const released = await store.transaction(async (tx) => {
    const still = await numbers.update(tx, customer_id, id, {}, { where: { renewal_id } })
    return still && removeNumber(core, tx, customer_id, id)
  })
  if (released)
    log.warn({ number_id: id, customer_id }, 'a number was given back, since its renewal cannot be paid for')
}
