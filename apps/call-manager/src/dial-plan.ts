import { nilId } from '@sidetone/contract'
import type { Address } from '@sidetone/proto-schemas/common'
import type { Groupcall } from '@sidetone/proto-schemas/groupcall'
import { type NewRow, newId, type Tx } from '@sidetone/store'
import type { CallRow, GroupcallRow } from './call-row.ts'
import type { Core } from './core.ts'
import { agentOf, type Dialler, dialableOf } from './dialler.ts'
import { dial, insertCalls, type LegRow, newLeg } from './outgoing.ts'
import { Refusal } from './refusal.ts'

type NewGroupcall = NewRow<GroupcallRow> & { id: string }

/** What is made together: stored in one transaction, then dialled. */
export interface Plan {
  legs: LegRow[]
  groupcalls: NewGroupcall[]
}

/** What is dialled, and what becomes of who answers. */
export interface Order extends Pick<GroupcallRow, 'flow_id' | 'master_call_id' | 'dialled_as'> {
  dialler: Dialler
  early_execution: boolean
}

/** A phone is a leg; an agent is a groupcall of its phones. `groupcall_id`: of which groupcall it is a part. */
export async function planDestination(
  core: Core,
  order: Order,
  address: Address,
  groupcall_id: string = nilId,
): Promise<Plan> {
  if (address.type !== 'agent') {
    const { dialler, flow_id, master_call_id } = order
    const { customer_id, anonymous } = dialler
    const dialable = await dialableOf(core, dialler, address)
    const leg = await newLeg(core, { customer_id, ...dialable, anonymous, flow_id, master_call_id })
    const early_execution = order.early_execution && groupcall_id === nilId
    return { legs: [{ ...leg, groupcall_id, activeflow_id: newId(), early_execution }], groupcalls: [] }
  }
  const { id, addresses, ring_method } = await agentOf(core, order.dialler.customer_id, address.target)
  return planGroupcall(core, order, {
    destinations: addresses,
    ring_method: ring_method === 'linear' ? 'linear' : 'ring_all',
    answer_method: 'hangup_others',
    master_groupcall_id: groupcall_id,
    owner_type: 'agent',
    owner_id: id,
  })
}

type GroupcallFields = Pick<
  Groupcall,
  'destinations' | 'ring_method' | 'answer_method' | 'master_groupcall_id' | 'owner_type' | 'owner_id'
>

/** The groupcall, and what of it rings at once. Throws a `Refusal` when none of it can be dialled. */
export async function planGroupcall(core: Core, order: Order, fields: GroupcallFields): Promise<Plan> {
  const id = newId()
  const { destinations, ring_method } = fields
  const first =
    ring_method === 'linear'
      ? await planFirst(core, order, { id, destinations, from: 0 })
      : { ...(await planAll(core, order, { id, destinations })), dial_index: 0 }
  const root: NewGroupcall = {
    ...fields,
    id,
    customer_id: order.dialler.customer_id,
    status: 'progressing',
    flow_id: order.flow_id,
    source: order.dialler.source,
    master_call_id: order.master_call_id,
    answer_call_id: nilId,
    answer_groupcall_id: nilId,
    dial_index: first.dial_index,
    ...membersOf(id, first, { call_ids: [], groupcall_ids: [] }),
    dialled_as: order.dialled_as,
    delete_at_end: false,
  }
  return { legs: first.legs, groupcalls: [root, ...first.groupcalls] }
}

/** The next of the destinations, from an index on, that can be dialled. */
export async function planFirst(
  core: Core,
  order: Order,
  { id, destinations, from }: { id: string; destinations: Address[]; from: number },
): Promise<Plan & { dial_index: number }> {
  let refusal = new Refusal('DESTINATION_INVALID')
  for (let dial_index = from; dial_index < destinations.length; dial_index++) {
    try {
      return { ...(await planDestination(core, order, destinations[dial_index]!, id)), dial_index }
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      refusal = error
    }
  }
  throw refusal
}

async function planAll(
  core: Core,
  order: Order,
  { id, destinations }: { id: string; destinations: Address[] },
): Promise<Plan> {
  return joined(await settled(destinations, (address) => planDestination(core, order, address, id)))
}

/** Runs it for all; what is refused is passed over unless all is. */
export async function settled<T>(addresses: Address[], plan: (address: Address) => Promise<T>): Promise<T[]> {
  const outcomes = await Promise.allSettled(addresses.map(plan))
  const refusals: Refusal[] = []
  const details = outcomes.flatMap((outcome, index) => {
    if (outcome.status === 'fulfilled') return []
    const error: unknown = outcome.reason
    if (!(error instanceof Refusal)) throw error
    refusals.push(error)
    return [{ field: `destinations.${index}`, reason: error.reason, problem: error.message }]
  })
  const plans = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []))
  const [first] = refusals
  if (plans.length === 0 && first) throw new Refusal(first.reason, `destinations.0: ${first.message}`, details)
  return plans
}

export const joined = (plans: Plan[]): Plan => ({
  legs: plans.flatMap(({ legs }) => legs),
  groupcalls: plans.flatMap(({ groupcalls }) => groupcalls),
})

type Members = Pick<GroupcallRow, 'call_ids' | 'groupcall_ids'>

/** A groupcall's fields with the calls and groupcalls of a plan that belong to it directly. */
export function membersOf(id: string, { legs, groupcalls }: Plan, before: Members) {
  const calls = legs.filter(({ groupcall_id }) => groupcall_id === id).map((leg) => leg.id)
  const nested = groupcalls.filter(({ master_groupcall_id }) => master_groupcall_id === id).map((one) => one.id)
  return {
    call_ids: [...before.call_ids, ...calls],
    groupcall_ids: [...before.groupcall_ids, ...nested],
    live_ids: [...calls, ...nested],
    call_count: calls.length,
    groupcall_count: nested.length,
  }
}

export async function insertPlan(core: Core, tx: Tx, { legs, groupcalls }: Plan) {
  const made: GroupcallRow[] = []
  for (const groupcall of groupcalls) {
    const row = await core.groupcalls.insert(tx, groupcall)
    await core.emit(tx, 'groupcall', 'created', row)
    made.push(row)
  }
  return { calls: await insertCalls(core, tx, legs), groupcalls: made }
}

/** The answer does not wait for the node: what becomes of the legs is told by events. */
export function dialPlan(core: Core, calls: readonly CallRow[]): void {
  for (const call of calls) core.inBackground(() => dial(core, call))
}
