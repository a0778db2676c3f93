import { everyCustomer, nilId } from '@sidetone/contract'
import {
  type Answer,
  activeflowVariables,
  continueWith,
  describeFailure,
  end,
  fail,
  type Ran,
  run,
  startOf,
} from '@sidetone/flow-engine'
import type { Action } from '@sidetone/proto-schemas/action'
import type { Activeflow } from '@sidetone/proto-schemas/flow'
import { newId, type Tx, timeAfter } from '@sidetone/store'
import { type ActiveflowRow, isAsking, stateOf } from './activeflow-row.ts'
import { activeflows, type Core, flows } from './core.ts'
import { askOther, maxAskMs } from './others.ts'
import { referenceDataFor } from './reference-data.ts'
import { queueWebhook } from './webhooks.ts'

/** Between two actions for the call, or in one transaction. */
const maxSteps = 1_000
/** Of others, between two actions for the call. */
const maxAsked = 50
const maxCompleteCount = 5

/** The job that runs what no request waits for, `{ id }`. */
export const runJob = 'activeflow.run'

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
    asked_until: 0,
  }
  const all = { ...variables, ...referenceDataFor(actions), ...activeflowVariables(row) }
  const made = await activeflows.insert(tx, { ...row, variables: all })
  await emit(tx, 'activeflow', 'created', made)
  return made
}

interface AdvanceOptions {
  /** Whether somebody executes the actions that need a call. */
  hasCall: boolean
  /** What became of the current action, when somebody else executed it. */
  answer?: Answer | undefined
}

/** How far an activeflow came. */
export interface Advanced {
  activeflow: ActiveflowRow
  /** For its call; null when there is none, any more or yet. */
  action: Action | null
}

/** Runs an activeflow as far as it goes: to an action for its call or for somebody else, to its end, or to the limit of one transaction. */
export async function advance(core: Core, tx: Tx, row: ActiveflowRow, options: AdvanceOptions): Promise<Advanced> {
  const ran = await runPrograms(tx, row, { ...options, now: tx.now(), maxSteps })
  const { state, outcome } =
    ran.outcome.kind === 'unfinished' && options.hasCall
      ? fail(ran.row, `it executed ${maxSteps} actions without one for the call, which is too many`)
      : { state: ran.row, outcome: ran.outcome }

  const { flow_id, on_complete_flow_id, complete_count } = ran.row
  const origin = { flow_id, on_complete_flow_id, complete_count }
  // Where somebody else was asked in between, the caller has left what it left before.
  const left_action_id = isAsking(row) ? row.left_action_id : row.current_action.id
  const asked_until = outcome.kind === 'other' ? Date.now() + maxAskMs : 0
  const advanced = await store(tx, row.id, { ...stateOf(state), ...origin, left_action_id, asked_until })
  for (const { action, problem } of ran.failures) {
    await core.emit(tx, 'activeflow', 'action_failed', { ...advanced, failed_action: action, problem })
  }
  for (const webhook of ran.webhooks) await queueWebhook(core, tx, advanced, webhook)
  await arrange(core, tx, advanced, { kind: outcome.kind, hasCall: options.hasCall })

  const { id: activeflow_id, customer_id } = row
  const problems = ran.failures.map(describeFailure)
  if (outcome.kind === 'failed') problems.push(state.error)
  for (const problem of problems) {
    tx.afterCommit(() => core.log.warn({ activeflow_id, customer_id, problem }, 'a flow has a problem'))
  }
  return { activeflow: advanced, action: outcome.kind === 'call' ? outcome.action : null }
}

/** What must follow a step, whatever dies. */
async function arrange(
  core: Core,
  tx: Tx,
  row: ActiveflowRow,
  { kind, hasCall }: { kind: Ran['outcome']['kind']; hasCall: boolean },
): Promise<void> {
  if (kind === 'unfinished') return core.jobs.enqueue(tx, runJob, { id: row.id }, {})
  if (kind === 'other') {
    // Whoever took this step asks; a call comes again by itself if that one dies.
    if (!hasCall)
      await core.jobs.enqueue(tx, runJob, { id: row.id }, { runAt: timeAfter(maxAskMs), key: `${runJob}:${row.id}` })
    return
  }
  await core.emit(tx, 'activeflow', 'updated', row)
  if (kind === 'ended' && !hasCall) await startNext(core, tx, row)
}

/** Takes it upon itself to ask for the current action, until the time is over. */
export async function takeOver(tx: Tx, row: ActiveflowRow): Promise<Advanced> {
  return { activeflow: await store(tx, row.id, { asked_until: Date.now() + maxAskMs }), action: null }
}

/**
 * Asks whoever has to be asked and goes on, until the activeflow needs its call, or ends. Undefined when somebody else
 * has moved it meanwhile. Without a call, one that never stops asking is left to its job.
 */
export async function settle(core: Core, hasCall: boolean, advanced: Advanced): Promise<Advanced | undefined> {
  let current = advanced
  for (let asked = 1; isAsking(current.activeflow) && (hasCall || asked <= maxAsked); asked++) {
    const { id, execute_count } = current.activeflow
    const answer = await askOther(core, current.activeflow)
    const next = await core.store.transaction(async (tx) => {
      const row = await activeflows.findLocked(tx, everyCustomer, id)
      if (!row || !isAsking(row) || row.execute_count !== execute_count) return undefined
      return asked < maxAsked || !hasCall ? advance(core, tx, row, { hasCall, answer }) : tooManyAsked(core, tx, row)
    })
    if (!next) return undefined
    current = next
  }
  return current
}

async function tooManyAsked(core: Core, tx: Tx, row: ActiveflowRow): Promise<Advanced> {
  const { state } = fail(row, `it asked others ${maxAsked} times without an action for the call, which is too many`)
  const activeflow = await store(tx, row.id, { ...stateOf(state), asked_until: 0 })
  await core.emit(tx, 'activeflow', 'updated', activeflow)
  return { activeflow, action: null }
}

/** Runs the program of an activeflow and, while there is a call for them, those that follow it. */
async function runPrograms(
  tx: Tx,
  row: ActiveflowRow,
  options: Parameters<typeof run>[1],
): Promise<Omit<Ran, 'state'> & { row: ActiveflowRow }> {
  const { state, ...ran } = run(stateOf(row), options)
  const flow = ran.outcome.kind === 'ended' && options.hasCall ? await flowAfter(tx, row) : undefined
  if (!flow) return { row: { ...row, ...state }, ...ran }
  const { id: flow_id, on_complete_flow_id, actions } = flow
  const origin = { flow_id, on_complete_flow_id, complete_count: row.complete_count + 1 }
  const following = { ...row, ...continueWith(state, actions), ...origin }
  const variables = { ...following.variables, ...referenceDataFor(actions), ...activeflowVariables(following) }
  const next = await runPrograms(tx, { ...following, variables }, { ...options, answer: undefined })
  return {
    ...next,
    webhooks: [...ran.webhooks, ...next.webhooks],
    failures: [...ran.failures, ...next.failures],
  }
}

/** Ends an activeflow before its time; a flow that follows it still runs, without the call. */
export async function stopActiveflow(core: Core, tx: Tx, row: ActiveflowRow): Promise<ActiveflowRow> {
  if (row.status === 'ended') return row
  const stopped = await store(tx, row.id, { ...end(stateOf(row)), asked_until: 0 })
  await core.emit(tx, 'activeflow', 'updated', stopped)
  await startNext(core, tx, stopped)
  return stopped
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
  return flows.findBy(tx, customer_id, { id: on_complete_flow_id, frozen: false })
}

/** The row is locked, so it is there. */
const store = async (tx: Tx, id: string, changes: Partial<ActiveflowRow>): Promise<ActiveflowRow> =>
  (await activeflows.update(tx, everyCustomer, id, changes))!
