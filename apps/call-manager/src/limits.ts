import { type Db, type NewRow, serialize, type Tx, timeAfter } from '@sidetone/store'
import type { CallRow } from './call-row.ts'
import type { Core } from './core.ts'
import { Refusal } from './refusal.ts'
import { liveStatuses } from './rules.ts'

type Counted = Pick<NewRow<CallRow>, 'customer_id' | 'direction'>

/**
 * Throws a `Refusal` when a customer's legs would be too many, or come too fast. What is counted are the rows, so nothing has to
 * be given back: a leg counts until it has ended, and the reaper ends what nobody else does.
 */
export async function checkLimits(core: Core, db: Db, legs: readonly Counted[]): Promise<void> {
  const [leg] = legs
  if (!leg) return
  const { CALL_MAX_CONCURRENT, CALL_MAX_PER_SECOND } = core.settings
  const live = await core.calls.count(db, leg.customer_id, { status: [...liveStatuses] })
  if (live + legs.length > CALL_MAX_CONCURRENT) {
    throw new Refusal('CALL_LIMIT_EXCEEDED', `At most ${CALL_MAX_CONCURRENT} calls at the same time.`)
  }
  const begun = legs.filter(({ direction }) => direction === 'outgoing').length
  if (begun === 0) return
  // Deleted ones were begun, too.
  const recent = await db.kysely
    .selectFrom(core.calls.name)
    .where('customer_id', '=', leg.customer_id)
    .where('tm_create', '>', timeAfter(-1_000))
    .where('direction', '=', 'outgoing')
    .select(({ fn }) => fn.countAll().as('count'))
    .executeTakeFirstOrThrow()
  if (Number(recent.count) + begun > CALL_MAX_PER_SECOND) {
    throw new Refusal('CALL_RATE_EXCEEDED', `At most ${CALL_MAX_PER_SECOND} new calls per second.`)
  }
}

/** The same where they are about to be stored: those that others store at this moment count, too. */
export async function enforceLimits(core: Core, tx: Tx, legs: readonly Counted[]): Promise<void> {
  const [leg] = legs
  if (!leg) return
  await serialize(tx, `call.limits.${leg.customer_id}`)
  await checkLimits(core, tx, legs)
}
