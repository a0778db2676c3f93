import { everyCustomer, nilId } from '@sidetone/contract'
import type { Action } from '@sidetone/proto-schemas/action'
import type { Activeflow } from '@sidetone/proto-schemas/flow'
import { newId, type Tx } from '@sidetone/store'
import { type ActiveflowRow, stateOf } from './activeflow-row.ts'
import { activeflows, type Core, flows } from './core.ts'
import { continueWith, end, fail, run, startOf } from './engine.ts'
import { activeflowVariables } from './variables.ts'
import { queueWebhook } from './webhooks.ts'

/** Between two actions for the call, or in one transaction. */
const maxSteps = 1_000
const maxCompleteCount = 5
const runJob = 'activeflow.run'

type New = Pick<Activeflow, 'customer_id' | 'reference_type' | 'reference_id'> &
  Partial<Pick<ActiveflowRow, 'reference_activeflow_id' | 'webhook_uri' | 'webhook_method' | 'complete_count'>> & {
    id?: string | undefined
    program: Pick<Activeflow, 'flow_id' | 'on_complete_flow_id'> & { actions: Action[] }
    variables: ActiveflowRow['variables']
  }

/** Makes an activeflow that stands before its first action. Rejects with a `DuplicateError`. */
export async function makeActiveflow({ emit }: Core, tx: Tx, given: New): Promise<ActiveflowRow> {
  const { id = newId(), program, variables, ...rest } = given
  const { actions, ...origin } = program
  const row = {
    reference_activeflow_id: nilId,
    webhook_uri: '',
    webhook_method: '' as const,
    complete_count: 0,
    ...rest,
    ...origin,
    ...startOf(actions),
    id,
    left_action_id: nilId,
  }
  const made = await activeflows.insert(tx, { ...row, variables: { ...variables, ...activeflowVariables(row) } })
  await emit(tx, 'activeflow', 'created', made)
  return made
}

interface AdvanceOptions {
  /** Whether somebody executes the actions that need a call. */
  hasCall: boolean
  /** Epoch milliseconds until which the webhooks that are waited for may take. */
  deadline: number
}

/** Runs an activeflow as far as it goes: to an action for its call, to its end, or to the limit of one transaction. */
export async function advance(core: Core, tx: Tx, row: ActiveflowRow, { hasCall, deadline }: AdvanceOptions) {
  const ran = await runPrograms(tx, row, { hasCall, now: tx.now(), maxSteps })
  const { state, outcome } =
    ran.outcome.kind === 'unfinished' && hasCall
      ? fail(ran.row, `it executed ${maxSteps} actions without one for the call, which is too many`)
      : { state: ran.row, outcome: ran.outcome }

  const { flow_id, on_complete_flow_id, complete_count } = ran.row
  const origin = { flow_id, on_complete_flow_id, complete_count }
  const left_action_id = row.current_action.id
  const advanced = await store(tx, row.id, { ...stateOf(state), ...origin, left_action_id })
  if (outcome.kind === 'unfinished') await core.jobs.enqueue(tx, runJob, { id: row.id }, {})
  else await core.emit(tx, 'activeflow', 'updated', advanced)
  if (outcome.kind === 'ended' && !hasCall) await startNext(core, tx, advanced)
  for (const webhook of ran.webhooks) await queueWebhook(core, tx, advanced, { webhook, deadline })

  const { id: activeflow_id, customer_id } = row
  const problems = outcome.kind === 'failed' ? [...ran.problems, state.error] : ran.problems
  for (const problem of problems) {
    tx.afterCommit(() => core.log.warn({ activeflow_id, customer_id, problem }, 'a flow has a problem'))
  }
  return { activeflow: advanced, action: outcome.kind === 'media' ? outcome.action : null }
}

/** Runs the program of an activeflow and, while there is a call for them, those that follow it. */
async function runPrograms(
  tx: Tx,
  row: ActiveflowRow,
  options: Parameters<typeof run>[1],
): Promise<Omit<ReturnType<typeof run>, 'state'> & { row: ActiveflowRow }> {
  const { state, ...ran } = run(stateOf(row), options)
  const flow = ran.outcome.kind === 'ended' && options.hasCall ? await flowAfter(tx, row) : undefined
  if (!flow) return { row: { ...row, ...state }, ...ran }
  const { id: flow_id, on_complete_flow_id, actions } = flow
  const origin = { flow_id, on_complete_flow_id, complete_count: row.complete_count + 1 }
  const following = { ...row, ...continueWith(state, actions), ...origin }
  const variables = { ...following.variables, ...activeflowVariables(following) }
  const { webhooks, problems, ...end } = await runPrograms(tx, { ...following, variables }, options)
  return { ...end, webhooks: [...ran.webhooks, ...webhooks], problems: [...ran.problems, ...problems] }
}

/** Ends an activeflow before its time; a flow that follows it still runs, without the call. */
export async function stopActiveflow(core: Core, tx: Tx, row: ActiveflowRow): Promise<ActiveflowRow> {
  if (row.status === 'ended') return row
  const stopped = await store(tx, row.id, end(stateOf(row)))
  await core.emit(tx, 'activeflow', 'updated', stopped)
  await startNext(core, tx, stopped)
  return stopped
}

/** The job that runs what no request waits for. */
export function defineRunJob(core: Core): void {
  core.jobs.define<{ id: string }>(runJob, {
    maxAttempts: 10,
    backoff: (attempt) => Math.min(2 ** attempt * 250, 60_000),
    concurrency: 4,
    timeoutMs: 30_000,
    handler: ({ id }) =>
      core.store.transaction(async (tx) => {
        const row = await activeflows.findLocked(tx, everyCustomer, id)
        if (row?.status !== 'running') return
        await advance(core, tx, row, { hasCall: false, deadline: Date.now() + 25_000 })
      }),
  })
}

async function startNext(core: Core, tx: Tx, row: ActiveflowRow): Promise<void> {
  const flow = await flowAfter(tx, row)
  if (!flow) return
  const { customer_id, reference_type, reference_id, webhook_uri, webhook_method, variables } = row
  const made = await makeActiveflow(core, tx, {
    ...{ customer_id, reference_type, reference_id, webhook_uri, webhook_method, variables },
    reference_activeflow_id: row.id,
    complete_count: row.complete_count + 1,
    program: { flow_id: flow.id, actions: flow.actions, on_complete_flow_id: flow.on_complete_flow_id },
  })
  await core.jobs.enqueue(tx, runJob, { id: made.id }, {})
}

/** The flow that follows; none when there is none (any more), or when so many have followed that it must be a circle. */
async function flowAfter(tx: Tx, row: Pick<ActiveflowRow, 'customer_id' | 'on_complete_flow_id' | 'complete_count'>) {
  const { customer_id, on_complete_flow_id, complete_count } = row
  if (on_complete_flow_id === nilId || complete_count >= maxCompleteCount) return undefined
  return flows.find(tx, customer_id, on_complete_flow_id)
}

/** The row is locked, so it is there. */
const store = async (tx: Tx, id: string, changes: Partial<ActiveflowRow>): Promise<ActiveflowRow> =>
  (await activeflows.update(tx, everyCustomer, id, changes))!
