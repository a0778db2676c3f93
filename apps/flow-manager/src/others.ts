// The actions that another manager or a URL of the customer executes: asked outside of any transaction.
import { setTimeout as sleep } from 'node:timers/promises'
import { ApiError, internalIdentity, nilId } from '@sidetone/contract'
import type { Answer } from '@sidetone/flow-engine'
import type { ActionOption, ActionType } from '@sidetone/proto-schemas/action'
import { callContract } from '@sidetone/proto-schemas/call'
import { webhookContract } from '@sidetone/proto-schemas/webhook'
import type { ActiveflowRow } from './activeflow-row.ts'
import { type Core, flows } from './core.ts'
import { fetchActions } from './fetch.ts'
import { askReferenceData, hasReferenceData, referenceDataFor } from './reference-data.ts'

interface Asked<T extends ActionType> {
  row: ActiveflowRow
  option: ActionOption<T>
  options: { identity: ReturnType<typeof internalIdentity>; idempotency_key: string }
}
type Askers = { [T in ActionType]?: (core: Core, asked: Asked<T>) => Promise<Answer> }

/** To add one: ask, and answer with what the flow goes on with. Errors may be thrown; they take the flow's error path. */
const askers: Askers = {
  async call(core, { row, option, options }) {
    const { chained, early_execution, anonymous, actions, ...given } = option
    await core.client(callContract).call.dial(
      {
        ...given,
        ...(given.flow_id === nilId && { actions }),
        anonymous: anonymous === '' ? 'no' : anonymous,
        master_call_id: chained && row.reference_type === 'call' ? row.reference_id : nilId,
        early_execution,
      },
      options,
    )
    return {}
  },

  async condition_call_status(core, { row, option, options }) {
    const { status } = await core.client(callContract).call.get({ id: row.reference_id }, options)
    return status === option.status || option.false_target_id === nilId ? {} : { target_id: option.false_target_id }
  },

  fetch: (core, { row, option }) => fetchActions(core, row, option),

  async fetch_flow(core, { row, option }) {
    const flow = await flows.find(core.store, row.customer_id, option.flow_id)
    return flow ? { actions: flow.actions } : { problem: 'flow_id: the flow was not found' }
  },

  async webhook_send(core, { row, option, options }) {
    await core.client(webhookContract).webhook.send({ ...option, activeflow_id: row.id }, options)
    return {}
  },
}

type Asker = (core: Core, asked: Asked<ActionType>) => Promise<Answer>

/** Longer than any of them takes; whoever still waits after that asks again. */
export const maxAskMs = 40_000
const retryDelaysMs = [250, 500, 1_000, 2_000]

/** Has the current action of an activeflow executed by whom it concerns. Never rejects. Repeats carry the same key. */
export async function askOther(core: Core, row: ActiveflowRow): Promise<Answer> {
  const { type, option } = row.current_action
  const asker = askers[type as ActionType] as Asker | undefined
  if (!asker) return { problem: `${type} is not available on this platform yet` }
  const identity = internalIdentity(row.customer_id)
  const options = { identity, idempotency_key: `${row.id}:${row.execute_count}` }
  const ask = () => asker(core, { row, option: option as ActionOption<ActionType>, options })
  try {
    const answer = await persistently(ask)
    if (!answer.actions || !hasReferenceData(referenceDataFor(answer.actions))) return answer
    return { ...answer, variables: await askReferenceData(core, row) }
  } catch (err) {
    const context = { err, activeflow_id: row.id, customer_id: row.customer_id, type }
    if (err instanceof ApiError) core.log.debug(context, 'an action of a flow was refused')
    else core.log.error(context, 'an action of a flow failed')
    return { problem: err instanceof ApiError ? err.message : 'an internal error' }
  }
}

/** A manager that restarts is waited for: a call need not notice. */
async function persistently<T>(ask: () => Promise<T>): Promise<T> {
  for (const delayMs of retryDelaysMs) {
    try {
      return await ask()
    } catch (error) {
      if (!(error instanceof ApiError) || error.status !== 'UNAVAILABLE') throw error
      await sleep(delayMs)
    }
  }
  return ask()
}
