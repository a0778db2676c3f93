import { ApiError, internalIdentity } from '@sidetone/contract'
import type { Core } from './core.ts'
import { checkLimits } from './limits.ts'
import type { LegRow } from './outgoing.ts'
import { Refusal } from './refusal.ts'

/**
 * The last checks before legs are stored: the customer's limits, and money for those that cost something. Throws a
 * `Refusal`. What is held back is let go when `make` fails.
 */
export async function admitted<T>(core: Core, legs: LegRow[], make: () => Promise<T>): Promise<T> {
  await checkLimits(core, core.store, legs)
  const reserved: LegRow[] = []
  try {
    for (const leg of legs.filter(({ destination }) => destination.type === 'tel')) {
      leg.covered_seconds = await reserve(core, leg)
      reserved.push(leg)
    }
    return await make()
  } catch (error) {
    releaseAll(core, reserved)
    throw error
  }
}

type Reserved = Pick<LegRow, 'id' | 'customer_id' | 'destination' | 'direction'>

/** Holds back what the beginning costs; answers with the seconds that are paid for, null for all. */
export async function reserve(core: Core, { id, customer_id, destination, direction }: Reserved) {
  const reference = { reference_type: 'call' as const, reference_id: id, direction }
  const { max_seconds } = await core.managers.billing.reservation
    .create(
      { ...reference, destination: destination.type === 'tel' ? destination.target : '' },
      { identity: internalIdentity(customer_id) },
    )
    .catch((error: unknown) => {
      if (!(error instanceof ApiError) || !noMoney.includes(error.reason)) throw error
      throw new Refusal('BALANCE_INSUFFICIENT', error.message)
    })
  return max_seconds
}

const noMoney = ['BALANCE_INSUFFICIENT', 'BILLING_ACCOUNT_FROZEN', 'BILLING_ACCOUNT_NOT_FOUND']

/** Lets go of what was held back for legs that did not come to be. */
export function releaseAll(core: Core, legs: readonly Pick<LegRow, 'id' | 'customer_id' | 'destination'>[]): void {
  for (const { id, customer_id, destination } of legs) {
    if (destination.type !== 'tel') continue
    const identity = internalIdentity(customer_id)
    const reference = { reference_type: 'call' as const, reference_id: id }
    core.inBackground(() => core.managers.billing.reservation.release(reference, { identity }))
  }
}
