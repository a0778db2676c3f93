import { ApiError, type Handlers, internalIdentity, nilId } from '@sidetone/contract'
import { emptyAction, reservedActionIds } from '@sidetone/proto-schemas/action'
import type { callContract } from '@sidetone/proto-schemas/call'
import { orUndefined } from './addresses.ts'
import { admitted } from './admission.ts'
import type { CallRow } from './call-row.ts'
import type { Core } from './core.ts'
import {
  dialPlan,
  insertPlan,
  joined,
  type Order,
  type Plan,
  planDestination,
  planGroupcall,
  settled,
} from './dial-plan.ts'
import { diallerOf, isAnonymous } from './dialler.ts'
import { flowVariables } from './flow-variables.ts'
import { declared, Refusal } from './refusal.ts'

type CallHandlers = Handlers<typeof callContract>['call']
type GroupcallHandlers = Handlers<typeof callContract>['groupcall']
type Input = Parameters<CallHandlers['dial']>[0]

/** What a customer cannot ask for. */
const plain = { master_call_id: nilId, early_execution: false, route_provider_ids: [] }

/** `POST /calls`: dials every destination that can be dialled; the flow of each runs when it is answered. */
export const createCalls =
  (core: Core): CallHandlers['create'] =>
  (input, { customer_id, fail }) =>
    declared(fail, dialOut(core, { ...input, ...plain }, customer_id))

export const dialCalls =
  (core: Core): CallHandlers['dial'] =>
  (input, { customer_id, fail }) =>
    declared(fail, dialOut(core, input, customer_id))

export const createGroupcall =
  (core: Core): GroupcallHandlers['create'] =>
  ({ ring_method, answer_method, ...input }, { customer_id, fail }) => {
    const fields = {
      destinations: input.destinations,
      ring_method: ring_method || 'ring_all',
      answer_method,
      master_groupcall_id: nilId,
      owner_type: '' as const,
      owner_id: nilId,
    }
    const make = async () => {
      const order = await orderOf(core, { ...input, ...plain }, customer_id)
      const { groupcalls } = await carryOut(core, order, await planGroupcall(core, order, fields))
      return groupcalls[0]!
    }
    return declared(fail, make())
  }

async function dialOut(core: Core, input: Input, customer_id: string) {
  const order = await orderOf(core, input, customer_id)
  const plans = await settled(input.destinations, (address) =>
    // As in VoIPBIN an extension is a groupcall too.
    address.type === 'extension'
      ? planGroupcall(core, order, {
          destinations: [address],
          ring_method: 'ring_all',
          answer_method: 'hangup_others',
          master_groupcall_id: nilId,
          owner_type: '',
          owner_id: nilId,
        })
      : planDestination(core, order, address),
  )
  const { calls, groupcalls } = await carryOut(core, order, joined(plans))
  return {
    calls: calls.filter(({ groupcall_id }) => groupcall_id === nilId),
    groupcalls: groupcalls.filter(({ master_groupcall_id }) => master_groupcall_id === nilId),
  }
}

async function orderOf(core: Core, input: Input, customer_id: string): Promise<Order> {
  const { source, flow_id, actions = [], variables, master_call_id, early_execution, route_provider_ids } = input
  const master = await core.calls.find(core.store, customer_id, master_call_id)
  const anonymous = isAnonymous(input.anonymous, master)
  const dialler = await diallerOf(core, { customer_id, source, isCaller: false, anonymous, route_provider_ids })
  const dialled_as = { actions, variables, anonymous, route_provider_ids }
  return { dialler, flow_id, master_call_id, early_execution, dialled_as }
}

/** Stores and dials. A call that has ended meanwhile takes what it made with it. */
async function carryOut(core: Core, order: Order, plan: Plan) {
  const made = await admitted(core, plan.legs, () =>
    withFlows(core, order, plan, () => core.store.transaction((tx) => insertPlan(core, tx, plan))),
  )
  const { master_call_id } = order
  if (master_call_id !== nilId) {
    const ids = made.calls.map(({ id }) => id)
    const master = await core.change(master_call_id, (call) =>
      call.status === 'hangup'
        ? undefined
        : { call: { ...call, chained_call_ids: [...call.chained_call_ids, ...ids] }, events: ['updated'] },
    )
    if (!master) for (const id of ids) await core.apply(id, { type: 'hang_up', cause: 16 })
  }
  dialPlan(core, made.calls)
  return made
}

/**
 * Stores legs with their flows, which are made before the phone rings, so that a flow that cannot run is the caller's error and
 * nobody's call. Of legs that are not stored after all the flows end.
 */
export async function withFlows<T>(core: Core, order: Order, plan: Plan, store: () => Promise<T>): Promise<T> {
  try {
    await startFlows(core, order, plan)
    return await store()
  } catch (error) {
    core.inBackground(() => stopFlows(core, plan))
    throw error
  }
}

export async function stopFlows(core: Core, { legs }: Plan): Promise<void> {
  const { activeflow } = core.managers.flow
  for (const { activeflow_id: id, customer_id } of legs) {
    await orUndefined(activeflow.stop({ id }, { identity: internalIdentity(customer_id) }))
  }
}

async function startFlows(core: Core, { flow_id, dialled_as }: Order, { legs }: Plan): Promise<void> {
  const { actions, variables } = dialled_as
  const start = (leg: Plan['legs'][number]) =>
    core.managers.flow.activeflow.start(
      {
        id: leg.activeflow_id,
        flow_id,
        ...(actions.length > 0 && { actions: actions as never }),
        reference_type: 'call',
        reference_id: leg.id,
        variables: { ...variables, ...flowVariables(leg as Pick<CallRow, 'id'> & typeof leg) },
      },
      { identity: internalIdentity(leg.customer_id) },
    )
  try {
    await Promise.all(legs.map(start))
  } catch (error) {
    throw refusalOf(error)
  }
  for (const leg of legs) leg.action = { ...emptyAction, id: reservedActionIds.start }
}

const flowErrors = ['FLOW_NOT_FOUND', 'INVALID_ACTION', 'INVALID_ACTION_TYPE', 'INVALID_VARIABLES'] as const

/** What the flow manager finds wrong with the request is told as our own error. */
function refusalOf(error: unknown): unknown {
  const reason = error instanceof ApiError && flowErrors.find((one) => one === error.reason)
  if (!reason) return error
  return reason === 'FLOW_NOT_FOUND' ? new Refusal(reason) : new Refusal(reason, error.message, error.details)
}
