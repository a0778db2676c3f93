import { internalIdentity } from '@sidetone/contract'
import { RetryAt } from '@sidetone/jobs'
import type { Tx } from '@sidetone/store'
import type { CallRow } from './call-row.ts'
import type { Core } from './core.ts'
import { ownCauses } from './rules.ts'

/** More is asked for so long before what is paid for is over, or after half of it. */
const leadSeconds = 20
const retryMs = 5_000

const endOf = ({ tm_progressing, covered_seconds }: CallRow): number =>
  Date.parse(tm_progressing!) + covered_seconds! * 1_000

export const balanceKey = (id: string): string => `balance:${id}`

/** Asks in time for more than what is paid for. */
export async function watchBalance(core: Core, tx: Tx, call: CallRow): Promise<void> {
  const { id, covered_seconds, tm_progressing } = call
  if (covered_seconds === null || tm_progressing === null) return
  const lead = Math.min(leadSeconds, covered_seconds / 2)
  const runAt = new Date(endOf(call) - lead * 1_000).toISOString()
  await core.jobs.enqueue(tx, 'call.balance', { call_id: id }, { runAt, key: balanceKey(id) })
}

/** Pays for more of a call, or ends it when what was paid for is over. */
export async function extendBalance(core: Core, id: string): Promise<void> {
  const call = await core.calls.find(core.store, '*', id)
  if (call?.status !== 'progressing' || call.covered_seconds === null) return
  const end = endOf(call)
  const reference = { reference_type: 'call' as const, reference_id: id }
  const identity = internalIdentity(call.customer_id)
  const covered = await core.managers.billing.reservation.extend(reference, { identity }).then(
    ({ max_seconds }) => max_seconds,
    (err: unknown) => {
      core.log.info({ err, call_id: id }, 'no more of a call can be paid for')
      return call.covered_seconds
    },
  )
  if (covered === null || covered > call.covered_seconds) {
    await core.change(id, (row) => {
      const paid = { ...row, covered_seconds: covered }
      return { call: paid, also: (tx) => watchBalance(core, tx, paid) }
    })
  } else if (Date.now() < end) throw new RetryAt(new Date(Math.min(end, Date.now() + retryMs)))
  else await core.apply(id, { type: 'hang_up', cause: ownCauses.maxDuration })
}
