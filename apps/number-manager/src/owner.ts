import { ApiError, internalIdentity, nilId } from '@sidetone/contract'
import { customerContract } from '@sidetone/proto-schemas/customer'
import { flowContract } from '@sidetone/proto-schemas/flow'
import type { Core } from './core.ts'

type Fail<Reason extends string> = (
  reason: Reason,
  overrides?: { message: string; details: { field: string; problem: string }[] },
) => ApiError

const isMissing = (error: unknown): boolean => error instanceof ApiError && error.status === 'NOT_FOUND'

/** Both flows must be the customer's own, or none. */
export async function checkFlows(
  { client }: Core,
  customer_id: string,
  { call_flow_id, message_flow_id }: Record<'call_flow_id' | 'message_flow_id', string>,
  fail: Fail<'FLOW_NOT_FOUND'>,
): Promise<void> {
  for (const [field, id] of Object.entries({ call_flow_id, message_flow_id })) {
    if (id === nilId) continue
    await client(flowContract)
      .flow.get({ id }, { identity: internalIdentity(customer_id) })
      .catch((error: unknown) => {
        if (!isMissing(error)) throw error
        const problem = 'there is no such flow; name one of your own'
        throw fail('FLOW_NOT_FOUND', { message: `${field}: ${problem}`, details: [{ field, problem }] })
      })
  }
}

/** Whom an operator gives something to must be there. */
export async function checkCustomer({ client }: Core, id: string, fail: Fail<'CUSTOMER_UNKNOWN'>): Promise<void> {
  await client(customerContract)
    .customer.get({ id }, { identity: internalIdentity() })
    .catch((error: unknown) => {
      throw isMissing(error) ? fail('CUSTOMER_UNKNOWN') : error
    })
}

/** Where operators must know who has a number. */
export async function checkIdentity(
  { client, settings }: Core,
  id: string,
  fail: Fail<'IDENTITY_VERIFICATION_REQUIRED'>,
): Promise<void> {
  if (settings.IDENTITY_VERIFICATION === 'optional') return
  const customer = await client(customerContract).customer.get({ id }, { identity: internalIdentity() })
  if (customer.identity_verification_status !== 'verified') throw fail('IDENTITY_VERIFICATION_REQUIRED')
}

/** A customer that is gone is not. */
export async function isFrozen({ client }: Core, id: string): Promise<boolean> {
  const customer = await client(customerContract)
    .customer.get({ id }, { identity: internalIdentity() })
    .catch((error: unknown) => {
      if (!isMissing(error)) throw error
      return undefined
    })
  return customer?.status === 'frozen'
}
