import { randomInt } from 'node:crypto'
import { LockBusy } from '@sidetone/cache'
import { type ApiError, everyCustomer, internalIdentity } from '@sidetone/contract'
import { billingContract, type PlanType } from '@sidetone/proto-schemas/billing'
import type { AvailableNumber } from '@sidetone/proto-schemas/number'
import type { Core } from './core.ts'

/** More than are asked for, since some may be taken. */
const candidatesEach = 3

/** How many a customer may have; on a plan that is not here, any number. */
const limits: Partial<Record<PlanType, number>> = { free: 5, basic: 50, professional: 500 }

const padded = (value: number, digits: number): string => String(value).padStart(digits, '0')
const candidate = (): string => `+899${padded(randomInt(1, 1_000), 3)}${padded(randomInt(1_000_000), 6)}`

/** Virtual numbers that nobody has, at random. */
export async function freeVirtualNumbers({ store, numbers }: Core, limit: number): Promise<AvailableNumber[]> {
  const candidates = [...new Set(Array.from({ length: limit * candidatesEach }, candidate))]
  const where = { active_number: candidates }
  const taken = new Set(
    (await numbers.list(store, everyCustomer, { where, limit: candidates.length })).map(({ number }) => number),
  )
  return candidates
    .filter((number) => !taken.has(number))
    .slice(0, limit)
    .map((number) => ({ number, country: '', region: '', postal_code: '', features: ['voice', 'sms'] }))
}

/** Takes one more if the customer's plan allows it. One at a time, so that many at once are not more than it allows. */
export async function withinPlan<T>(
  core: Core,
  customer_id: string,
  fail: (reason: 'RESOURCE_LIMIT_EXCEEDED' | 'SERVICE_UNAVAILABLE') => ApiError,
  take: () => Promise<T>,
): Promise<T> {
  const { store, numbers, cache, client } = core
  const identity = internalIdentity(customer_id)
  const { plan_type } = await client(billingContract).billing_account.own({}, { identity })
  const limit = limits[plan_type]
  if (limit === undefined) return take()
  const takeIfFree = async () => {
    const own = await numbers.list(store, customer_id, { where: { type: 'virtual' }, limit })
    if (own.length >= limit) throw fail('RESOURCE_LIMIT_EXCEEDED')
    return take()
  }
  return cache
    .withLock(`number.virtual.${customer_id}`, { ttlMs: 10_000, waitMs: 3_000 }, takeIfFree)
    .catch((error: unknown) => {
      throw error instanceof LockBusy ? fail('SERVICE_UNAVAILABLE') : error
    })
}
