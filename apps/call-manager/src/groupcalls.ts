import { nilId } from '@sidetone/contract'
import type { Tx } from '@sidetone/store'
import { admitted, releaseAll } from './admission.ts'
import type { CallRow, GroupcallRow } from './call-row.ts'
import type { Core } from './core.ts'
import { stopFlows, withFlows } from './create-calls.ts'
import { dialPlan, insertPlan, membersOf, type Order, planFirst } from './dial-plan.ts'
import { diallerOf } from './dialler.ts'
import { Refusal } from './refusal.ts'

/** From the groupcall of a leg up to the one that has no other above it. */
async function pathOf(core: Core, id: string): Promise<string[]> {
  const path: string[] = []
  for (let next = id; next !== nilId; ) {
    path.push(next)
    next = (await core.groupcalls.find(core.store, '*', next))?.master_groupcall_id ?? nilId
  }
  return path
}

const answeredBy = ({ answer_call_id, answer_groupcall_id }: GroupcallRow): string =>
  answer_call_id === nilId ? answer_groupcall_id : answer_call_id

/**
 * A leg of a groupcall was answered: true when it may talk, and then the others have been told to stop. Decided under the
 * locks of all groupcalls above it, from the outermost on, so that two answers at once have one winner. May be repeated.
 */
export async function answerGroupcall(core: Core, call: CallRow): Promise<boolean> {
  const path = await pathOf(core, call.groupcall_id)
  const others = await core.store.transaction(async (tx) => {
    const rows: GroupcallRow[] = []
    for (const id of path.toReversed()) {
      const row = await core.groupcalls.findLocked(tx, '*', id)
      if (row) rows.unshift(row)
    }
    const children = [call.id, ...path]
    const lost = rows.some((row, level) => {
      const winner = answeredBy(row)
      const taken = row.answer_method === 'hangup_others' && winner !== nilId && winner !== children[level]
      return taken || row.status !== 'progressing'
    })
    if (lost) return undefined
    for (const [level, row] of rows.entries()) {
      if (answeredBy(row) !== nilId) continue
      const answer = level === 0 ? { answer_call_id: call.id } : { answer_groupcall_id: children[level]! }
      const answered = await core.groupcalls.update(tx, '*', row.id, answer)
      if (answered) await core.emit(tx, 'groupcall', 'progressing', answered)
    }
    return rows.flatMap((row, level) =>
      row.answer_method === 'hangup_others' ? row.live_ids.filter((id) => id !== children[level]) : [],
    )
  })
  if (!others) return false
  for (const id of others) await hangUpMember(core, id, 26)
  return true
}

async function hangUpMember(core: Core, id: string, cause: number): Promise<void> {
  if (await core.groupcalls.find(core.store, '*', id)) await hangUpGroupcall(core, id, cause)
  else await core.apply(id, { type: 'hang_up', cause })
}

/** Ends all that is left of a groupcall. May be repeated. */
export async function hangUpGroupcall(core: Core, id: string, cause = 16): Promise<void> {
  const live = await core.store.transaction(async (tx) => {
    const row = await core.groupcalls.findLocked(tx, '*', id)
    if (!row || row.status === 'hangup') return []
    if (row.live_ids.length === 0) await end(core, tx, row)
    else if (row.status === 'progressing') await core.groupcalls.update(tx, '*', id, { status: 'hangingup' })
    return row.live_ids
  })
  for (const member of live) await hangUpMember(core, member, cause)
}

async function end(core: Core, tx: Tx, { id }: GroupcallRow): Promise<void> {
  const ended = await core.groupcalls.update(tx, '*', id, {
    status: 'hangup',
    live_ids: [],
    call_count: 0,
    groupcall_count: 0,
  })
  if (!ended) return
  await core.emit(tx, 'groupcall', 'hangup', ended)
  await core.jobs.enqueue(tx, 'groupcall.ended', { groupcall_id: id })
}

/** A call or groupcall of a groupcall has ended: the next destination is dialled, or the groupcall is over. */
export async function leaveGroupcall(core: Core, id: string, member: string): Promise<void> {
  await core.store.transaction(async (tx) => {
    const row = await core.groupcalls.findLocked(tx, '*', id)
    if (!row?.live_ids.includes(member)) return
    const live_ids = row.live_ids.filter((one) => one !== member)
    const count = (ids: string[]) => live_ids.filter((one) => ids.includes(one)).length
    const left = { live_ids, call_count: count(row.call_ids), groupcall_count: count(row.groupcall_ids) }
    await core.groupcalls.update(tx, '*', id, left)
    if (live_ids.length > 0) return
    const { dial_index } = row
    const goesOn = row.ring_method === 'linear' && row.status === 'progressing' && answeredBy(row) === nilId
    if (goesOn) await core.jobs.enqueue(tx, 'groupcall.next', { groupcall_id: id, dial_index })
    else await end(core, tx, row)
  })
}

/** `linear`: nobody answered at `dial_index`, so the next is dialled. May be repeated. */
export async function dialNext(core: Core, id: string, dial_index: number): Promise<void> {
  const isDue = (row: GroupcallRow | undefined): row is GroupcallRow =>
    row?.dial_index === dial_index && row.status === 'progressing' && row.live_ids.length === 0
  const groupcall = await core.groupcalls.find(core.store, '*', id)
  if (!isDue(groupcall)) return
  const store = (plan: Awaited<ReturnType<typeof planNext>>['plan'] | undefined) =>
    core.store.transaction(async (tx) => {
      const row = await core.groupcalls.findLocked(tx, '*', id)
      if (!isDue(row)) return undefined
      if (!plan) return end(core, tx, row)
      await core.groupcalls.update(tx, '*', id, { dial_index: plan.dial_index, ...membersOf(id, plan, row) })
      return insertPlan(core, tx, plan)
    })
  try {
    const { order, plan } = await planNext(core, groupcall)
    const made = await admitted(core, plan.legs, () => withFlows(core, order, plan, () => store(plan)))
    if (made) return dialPlan(core, made.calls)
    releaseAll(core, plan.legs)
    await stopFlows(core, plan)
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    await store(undefined)
  }
}

async function planNext(core: Core, groupcall: GroupcallRow) {
  const { id, customer_id, source, destinations, flow_id, master_call_id, dialled_as, dial_index } = groupcall
  const order: Order = {
    dialler: await diallerOf(core, { customer_id, source, isCaller: false, ...dialled_as }),
    flow_id,
    master_call_id,
    dialled_as,
    early_execution: false,
  }
  return { order, plan: await planFirst(core, order, { id, destinations, from: dial_index + 1 }) }
}

/** Tells the groupcall above, and deletes what was to be deleted. May be repeated. */
export async function afterGroupcall(core: Core, id: string): Promise<void> {
  const row = await core.groupcalls.find(core.store, '*', id)
  if (!row) return
  if (row.master_groupcall_id !== nilId) await leaveGroupcall(core, row.master_groupcall_id, id)
  if (row.delete_at_end) await deleteGroupcall(core, id)
}

export const deleteGroupcall = (core: Core, id: string): Promise<GroupcallRow | undefined> =>
  core.store.transaction(async (tx) => {
    const deleted = await core.groupcalls.softDelete(tx, '*', id)
    if (deleted) await core.emit(tx, 'groupcall', 'deleted', deleted)
    return deleted
  })
