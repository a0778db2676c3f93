import { ApiError, type Client, internalIdentity } from '@sidetone/contract'
import type { billingContract } from './billing.ts'
import type { PlanResource } from './billing-schemas.ts'

/** What is answered when a plan allows no more of something. */
export const planErrors = {
  RESOURCE_LIMIT_EXCEEDED: {
    status: 'RESOURCE_EXHAUSTED',
    message: 'Your plan allows no more of these; delete one, or take a larger plan.',
  },
} as const

const isAway = (error: unknown): boolean =>
  error instanceof ApiError && (error.status === 'UNAVAILABLE' || error.status === 'DEADLINE_EXCEEDED')

/** How many of a resource a customer may have; null: any number, also while nobody can say, which is no reason to stop working. */
export async function planLimit(
  billing: Client<typeof billingContract>,
  customer_id: string,
  resource: PlanResource,
): Promise<number | null> {
  const identity = internalIdentity(customer_id)
  try {
    return (await billing.billing_account.plan_limit({ resource }, { identity })).limit
  } catch (error) {
    if (isAway(error)) return null
    throw error
  }
}
