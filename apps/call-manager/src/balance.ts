import { internalIdentity } from '@sidetone/contract'
import { RetryAt } from '@sidetone/jobs'
import type { Tx } from '@sidetone/store'
import type { CallRow } from './call-row.ts'
import type { Core } from './core.ts'
import { ownCauses } from './rules.ts'

/** More is asked for so long before what is paid for is over, or after half of it. */
const leadSeconds = 20
const retryMs = 5_000

/** Something that is paid for by time. */
export interface Paid {
  id: string
  customer_id: string
  since: string
  covered_seconds: number
}

const endOf = ({ since, covered_seconds }: Paid): number => Date.parse(since) + covered_seconds * 1_000

export const balanceKey = (id: string): string => `balance:${id}`

/** Asks in time for more than what is paid for. */
export function watch(core: Core, tx: Tx, type: 'call.balance' | 'recording.balance', paid: Paid): Promise<unknown> {
  const lead = Math.min(leadSeconds, paid.covered_seconds / 2)
  const runAt = new Date(endOf(paid) - lead * 1_000).toISOString()
  const payload = type === 'call.balance' ? { call_id: paid.id } : { recording_id: paid.id }
  return core.jobs.enqueue(tx, type, payload, { runAt, key: balanceKey(paid.id) })
}

/** The seconds that are paid for now, null for all; undefined when it must end. Rejects with `RetryAt` while some are left. */
export async function extended(
  core: Core,
  reference_type: 'call' | 'recording',
  paid: Paid,
): Promise<number | null | undefined> {
  const { id: reference_id, customer_id, covered_seconds } = paid
  const covered = await core.managers.billing.reservation
    .extend({ reference_type, reference_id }, { identity: internalIdentity(customer_id) })
    .then(
      ({ max_seconds }) => max_seconds,
      (err: unknown) => {
        core.log.info({ err, reference_type, reference_id }, 'no more can be paid for')
        return covered_seconds
      },
    )
  if (covered === null) return null
  const lateMs = Date.now() - endOf({ ...paid, covered_seconds: covered })
  // Later than that nobody was there to ask for it, or the clock was set forward: no balance is to pay for either.
  if (covered > covered_seconds && lateMs < leadSeconds * 1_000) return covered
  if (lateMs >= 0) return undefined
  throw new RetryAt(new Date(Math.min(endOf(paid), Date.now() + retryMs)))
}

const paidCall = ({ id, customer_id, tm_progressing: since, covered_seconds }: CallRow): Paid | undefined =>
  since === null || covered_seconds === null ? undefined : { id, customer_id, since, covered_seconds }

/** Asks in time for more than what is paid for. */
export async function watchBalance(core: Core, tx: Tx, call: CallRow): Promise<void> {
  const paid = paidCall(call)
  if (paid) await watch(core, tx, 'call.balance', paid)
}

/** Pays for more of a call, or ends it when what was paid for is over. */
export async function extendBalance(core: Core, id: string): Promise<void> {
  const call = await core.calls.find(core.store, '*', id)
  const paid = call?.status === 'progressing' ? paidCall(call) : undefined
  if (!paid) return
  const covered_seconds = await extended(core, 'call', paid)
  if (covered_seconds === undefined) return core.apply(id, { type: 'hang_up', cause: ownCauses.maxDuration })
  await core.change(id, (row) => {
    const call = { ...row, covered_seconds }
    return { call, also: (tx) => watchBalance(core, tx, call) }
  })
}
