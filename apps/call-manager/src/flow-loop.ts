import { setTimeout as sleep } from 'node:timers/promises'
import { ApiError, internalIdentity } from '@sidetone/contract'
import { type Action, type ActionInput, emptyAction, reservedActionIds } from '@sidetone/proto-schemas/action'
import { timeAfter } from '@sidetone/store'
import type { Outcome, Signal } from './actions/action.ts'
import { digitsVariable } from './actions/digits-receive.ts'
import { currentOf } from './actions/index.ts'
import { AriRefused } from './ari.ts'
import type { CallRow } from './call-row.ts'
import type { Change, Core } from './core.ts'
import { flowVariables } from './flow-variables.ts'
import { Refusal } from './refusal.ts'

/** Longer than any step takes, so that nobody takes over from who is still at it. */
const leaseMs = { idle: 0, starting: 30_000, leaving: 45_000, entering: 45_000, running: 0 } as const

/** Enters a phase; whoever does moves the call on. */
export const enter = (phase: CallRow['phase']): Pick<CallRow, 'phase' | 'lease_until'> => ({
  phase,
  lease_until: Date.now() + leaseMs[phase],
})

const isLive = ({ status }: CallRow): boolean =>
  status === 'dialing' || status === 'ringing' || status === 'progressing'

/** Moves the flow of a call on until the call waits for something or has no more to do. */
export async function driveCall(core: Core, id: string): Promise<void> {
  let call = await core.calls.find(core.store, '*', id)
  while (call && isLive(call)) {
    const step = steps[call.phase]
    if (!step) return
    call = await step(core, call)
  }
}

type StepOf = (core: Core, call: CallRow) => Promise<CallRow | undefined>

const steps: Partial<Record<CallRow['phase'], StepOf>> = {
  starting: startFlow,
  leaving: nextAction,
  entering: beginAction,
}

/** Stores the outcome of a step unless the call has gone another way meanwhile. */
const settle = (core: Core, call: CallRow, decide: (now: CallRow) => Change): Promise<CallRow | undefined> =>
  core.change(call.id, (now) =>
    isLive(now) && now.phase === call.phase && now.turn === call.turn ? decide(now) : undefined,
  )

async function startFlow(core: Core, call: CallRow): Promise<CallRow | undefined> {
  const { id, activeflow_id, flow_id, actions } = call
  const identity = internalIdentity(call.customer_id)
  try {
    await persistently(() =>
      core.managers.flow.activeflow.start(
        {
          id: activeflow_id,
          flow_id,
          ...(actions.length > 0 && { actions: actions as unknown as ActionInput[] }),
          reference_type: 'call',
          reference_id: id,
          variables: flowVariables(call),
        },
        { identity },
      ),
    )
  } catch (err) {
    core.log.warn({ err, call_id: id, flow_id }, 'the flow of a call could not be started')
    await core.apply(id, { type: 'hang_up', cause: err instanceof ApiError && err.status === 'UNAVAILABLE' ? 42 : 1 })
    return undefined
  }
  const action: Action = { ...emptyAction, id: reservedActionIds.start }
  return settle(core, call, (now) => ({ call: { ...now, ...enter('leaving'), action } }))
}

async function nextAction(core: Core, call: CallRow): Promise<CallRow | undefined> {
  const identity = internalIdentity(call.customer_id)
  const { activeflow } = core.managers.flow
  const id = call.activeflow_id
  let action: Action | null
  try {
    const { digits, problem = '' } = call.state as Left
    if (digits !== undefined) {
      await persistently(() => activeflow.set_variables({ id, variables: { [digitsVariable]: digits } }, { identity }))
    }
    action = await persistently(() =>
      activeflow.next({ id, current_action_id: call.action.id, problem }, { identity }),
    ).then(
      (found) => found.action,
      (error: unknown) => currentActionIfStale(error, () => activeflow.get({ id }, { identity })),
    )
  } catch (err) {
    core.log.warn({ err, call_id: call.id, activeflow_id: id }, 'the flow of a call cannot go on')
    await core.apply(call.id, { type: 'hang_up', cause: 41 })
    return undefined
  }
  if (!action) {
    await core.apply(call.id, { type: 'hang_up', cause: 16 })
    return undefined
  }
  const { turn } = call
  return settle(core, call, (now) => ({
    call: { ...now, ...enter('entering'), action, turn: turn + 1, state: {} },
    events: ['updated'],
  }))
}

/** An earlier attempt moved the activeflow on but did not live to tell: its current action is the one to run. */
async function currentActionIfStale(
  error: unknown,
  get: () => Promise<{ status: string; current_action: Action }>,
): Promise<Action | null> {
  if (!(error instanceof ApiError) || error.reason !== 'ACTIVEFLOW_STEP_STALE') throw error
  const { status, current_action } = await get()
  return status === 'ended' ? null : current_action
}

async function beginAction(core: Core, call: CallRow): Promise<CallRow | undefined> {
  const current = currentOf(call)
  if (typeof current === 'string') {
    core.log.warn({ call_id: call.id, problem: current }, 'an action cannot be run and is skipped')
    return settle(core, call, (now) => leave(now, current))
  }
  try {
    const begun = await current.action.begin(core, call, current.option)
    let outcome: Outcome = {}
    let changed: CallRow | undefined
    try {
      changed = await settle(core, call, (now) => {
        outcome = typeof begun === 'function' ? begun(now) : begun
        return outcomeOf(core, now, outcome)
      })
    } finally {
      if (!changed && typeof begun === 'object') begun.undo?.()
    }
    return changed && (await finish(core, changed, outcome))
  } catch (error) {
    return failed(core, call, error)
  }
}

/** Tells the action that runs about something. */
export async function signalCall(core: Core, id: string, signal: Signal, turn?: number): Promise<boolean> {
  let outcome: Outcome | undefined
  const changed = await core.change(id, (call) => {
    outcome = undefined
    if (!isLive(call) || call.phase !== 'running' || (turn !== undefined && turn !== call.turn)) return undefined
    const current = currentOf(call)
    if (typeof current === 'string') return undefined
    outcome = current.action.on?.(core, call, current.option, signal)
    return outcome && outcomeOf(core, call, outcome)
  })
  if (!changed || !outcome) return false
  let left: CallRow | undefined
  try {
    left = await finish(core, changed, outcome)
  } catch (error) {
    left = await failed(core, changed, error)
  }
  if (left?.phase === 'leaving') core.drive(id)
  return true
}

/** What an action leaves behind. */
interface Left {
  /** The new value of `voipbin.call.digits`. */
  digits?: string
  /** Why it could not be done. */
  problem?: string
}

const maxProblem = 1_000

const leave = (call: CallRow, problem: string): Change => ({
  call: { ...call, ...enter('leaving'), state: { problem: problem.slice(0, maxProblem) } satisfies Left },
})

function outcomeOf(core: Core, call: CallRow, outcome: Outcome): Change {
  const { set = {}, state = call.state, digits, timerMs, also } = outcome
  const phase = outcome.leave ? enter('leaving') : enter('running')
  return {
    call: {
      ...call,
      ...set,
      ...phase,
      state: outcome.leave ? ({ ...(digits !== undefined && { digits }) } satisfies Left) : state,
    },
    async also(tx) {
      if (timerMs !== undefined) {
        const payload = { call_id: call.id, turn: call.turn }
        await core.jobs.enqueue(tx, 'call.timer', payload, { runAt: timeAfter(timerMs) })
      }
      await also?.(tx)
    },
  }
}

async function finish(core: Core, changed: CallRow, { after, hangUp }: Outcome): Promise<CallRow> {
  await after?.(changed)
  if (hangUp !== undefined) await core.apply(changed.id, { type: 'hang_up', cause: hangUp })
  return changed
}

/** What cannot be done is skipped, except when the channel is no more: then the end of the call is on its way. */
async function failed(core: Core, call: CallRow, err: unknown): Promise<CallRow | undefined> {
  const context = { err, call_id: call.id, action: call.action.type }
  if (err instanceof AriRefused && err.status === 404) {
    core.log.debug(context, 'an action was overtaken by the end of its call')
    return undefined
  }
  const current = currentOf(call)
  if (typeof current !== 'string') {
    const cause = err instanceof Refusal ? current.action.refusedCause?.(current.option) : undefined
    if (cause !== undefined) {
      core.log.info(context, 'what a call was to be connected with is refused, and the call with it')
      await core.apply(call.id, { type: 'hang_up', cause })
      return undefined
    }
    await current.action.end?.(core, call)
  }
  core.log.warn(context, 'an action failed and is skipped')
  const problem = err instanceof Error ? err.message : String(err)
  return core.change(call.id, (now) =>
    isLive(now) && now.turn === call.turn && now.phase !== 'leaving' ? leave(now, problem) : undefined,
  )
}

const retryDelaysMs = [200, 500, 1_000, 2_000, 4_000]

/** A manager that restarts is waited for: a call need not notice. */
async function persistently<T>(ask: () => Promise<T>): Promise<T> {
  for (const delayMs of retryDelaysMs) {
    try {
      return await ask()
    } catch (error) {
      if (!(error instanceof ApiError) || !['UNAVAILABLE', 'DEADLINE_EXCEEDED'].includes(error.status)) throw error
      await sleep(delayMs)
    }
  }
  return ask()
}
