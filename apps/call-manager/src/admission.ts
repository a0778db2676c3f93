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

type Reservation = Parameters<Core['managers']['billing']['reservation']['create']>[0]

/** Holds back what the beginning costs; answers with the seconds that are paid for, null for all. Throws a `Refusal`. */
export async function hold(core: Core, customer_id: string, reservation: Reservation): Promise<number | null> {
  const { max_seconds } = await core.managers.billing.reservation
    .create(reservation, { identity: internalIdentity(customer_id) })
    .catch((error: unknown) => {
      if (!(error instanceof ApiError) || !noMoney.includes(error.reason)) throw error
      throw new Refusal('BALANCE_INSUFFICIENT', error.message)
    })
  return max_seconds
}

export const reserve = (core: Core, { id, customer_id, destination, direction }: Reserved): Promise<number | null> =>
  hold(core, customer_id, {
    reference_type: 'call',
    reference_id: id,
    destination: destination.type === 'tel' ? destination.target : '',
    direction,
  })

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
