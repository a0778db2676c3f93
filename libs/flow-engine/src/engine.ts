// The activeflow as a stack machine: pure, so that tables of cases can test it.
import { invalidArgument, nilId } from '@sidetone/contract'
import {
  type Action,
  type ActionOption,
  actionOptions,
  emptyAction,
  reservedActionIds,
} from '@sidetone/proto-schemas/action'
import { appliesTo, type Effect, executedBy, executorOf, isActionType } from './local-actions.ts'
import { countKey, countsIn, nextPlace, push } from './stacks.ts'
import { type FlowState, isReserved } from './state.ts'
import { substitute } from './substitute.ts'
import { failureVariables, runningProblem } from './variables.ts'

/** What is wrong, and where. */
export type FieldProblem = Record<'field' | 'problem', string>

/** An action that could not be done. */
export interface Failure {
  action: Action
  problem: string
}

/** What one step came to. */
type Outcome =
  /** `call`: the call executes it; `other`: another manager or URL does; `blocked`: it waits to be continued. */
  | { kind: 'call' | 'other' | 'blocked'; action: Action }
  | { kind: 'next'; webhook?: ActionOption<'webhook_send'> | undefined; failure?: Failure | undefined }
  /** `failed`: a fault or a runaway; the state says which. */
  | { kind: 'ended' | 'failed' }

interface Stepped {
  state: FlowState
  outcome: Outcome
}

/** What became of the current action where somebody else executed it. */
export interface Answer {
  /** Run before the flow goes on. */
  actions?: Action[]
  variables?: Record<string, string>
  target_id?: string
  /** Why it could not be done. */
  problem?: string
}

interface StepOptions {
  /** Whether somebody executes the actions that need a call. */
  hasCall: boolean
  /** RFC 3339. */
  now: string
}

interface RunOptions extends StepOptions {
  maxSteps: number
  answer?: Answer | undefined
}

/** How far a flow came, what it wants sent, and what could not be done. */
export interface Ran {
  state: FlowState
  /** `unfinished`: it made `maxSteps` and could make more. */
  outcome: Exclude<Outcome, { kind: 'next' }> | { kind: 'unfinished' }
  webhooks: ActionOption<'webhook_send'>[]
  failures: Failure[]
}

const maxExecutions = 100_000
const maxHistory = 100
/** The history travels in every event. */
const maxHistoryChars = 65_536
const maxProblemChars = 1_000

/** Nothing runs any more. */
export const end = (state: FlowState): FlowState => ({
  ...leave(state),
  status: 'ended',
  current_action: { ...emptyAction, id: reservedActionIds.finish },
})

/** Ends what cannot or must not go on. */
export const fail = (state: FlowState, why: string) => ({
  state: { ...end(state), error: `the flow was ended: ${why}` },
  outcome: { kind: 'failed' as const },
})

/** Leaves the current action and executes the one after it. */
export function step(state: FlowState, { hasCall, now }: StepOptions): Stepped {
  const place = nextPlace(state)
  if (place === 'end') return { state: end(state), outcome: { kind: 'ended' } }
  if (place === 'lost') {
    return fail(state, `${describe(state.current_action)}: the action that should follow it does not exist`)
  }
  if (state.execute_count >= maxExecutions)
    return fail(state, `it executed ${maxExecutions} actions, which is too many`)

  const filled = substitute(place.action.option, state.variables) as Record<string, unknown>
  const action = { ...place.action, option: filled, tm_execute: now }
  const { stack_id, stack_map } = place
  const counts = stack_map === state.stack_map ? state.counts : countsIn(state.counts, stack_map)
  const entered: FlowState = {
    ...leave(state),
    ...{ current_action: action, current_stack_id: stack_id, stack_map, counts },
    forward_action_id: nilId,
    execute_count: state.execute_count + 1,
  }

  const { type } = action
  if (!isActionType(type)) return failed(entered, 'there is no such action type')
  if (!appliesTo(type, hasCall)) return { state: entered, outcome: { kind: 'next' } }
  const option = actionOptions[type].safeParse(filled)
  if (!option.success) return failed(entered, optionProblems(option.error).map(sentence).join('; '))
  const checked = { ...entered, current_action: { ...action, option: option.data } }
  const by = executedBy(checked.current_action)
  if (by !== 'engine')
    return { state: checked, outcome: { kind: by === 'nobody' ? 'blocked' : by, action: checked.current_action } }
  const key = countKey(stack_id, action.id)
  const effect = executorOf(type)!(option.data, { variables: checked.variables, jumps: counts[key] ?? 0, now })
  return apply(checked, effect, key)
}

/** Leaves the current action, with the `answer` if somebody else executed it, and steps until somebody else is needed, the end, or `maxSteps`. */
export function run(start: FlowState, { maxSteps, answer, ...options }: RunOptions): Ran {
  const webhooks: ActionOption<'webhook_send'>[] = []
  const failures: Failure[] = []
  let state = start
  const take = (stepped: Stepped): Outcome => {
    state = stepped.state
    if (stepped.outcome.kind !== 'next') return stepped.outcome
    if (stepped.outcome.webhook) webhooks.push(stepped.outcome.webhook)
    if (stepped.outcome.failure) failures.push(stepped.outcome.failure)
    return stepped.outcome
  }
  if (answer) take(answered(state, answer))
  for (let steps = 0; steps < maxSteps; steps++) {
    const outcome = take(step(state, options))
    if (outcome.kind !== 'next') return { state: trimmed(state), outcome, webhooks, failures }
  }
  return { state: trimmed(state), outcome: { kind: 'unfinished' }, webhooks, failures }
}

/** The problems of an option, each with its field. */
export const optionProblems = (error: Parameters<typeof invalidArgument>[0]): FieldProblem[] =>
  invalidArgument(error).details as FieldProblem[]

/** A failure as a sentence. */
export const describeFailure = ({ action, problem }: Failure): string => `${describe(action)} failed: ${problem}`

const sentence = ({ field, problem }: FieldProblem) => `${field}: ${problem}`
const describe = ({ id, type }: Action) => `action ${id}${type && ` (${type})`}`

function leave(state: FlowState): FlowState {
  const { current_action, executed_actions } = state
  if (isReserved(current_action.id)) return state
  return { ...state, executed_actions: [...executed_actions.slice(1 - maxHistory), current_action] }
}

function trimmed(state: FlowState): FlowState {
  let room = maxHistoryChars
  const kept = state.executed_actions.findLastIndex((action) => {
    room -= charsOf(action)
    return room < 0
  })
  return kept < 0 ? state : { ...state, executed_actions: state.executed_actions.slice(kept + 1) }
}

/** An action stays as it is once it was executed. */
const knownChars = new WeakMap<Action, number>()

function charsOf(action: Action): number {
  const chars = knownChars.get(action) ?? JSON.stringify(action).length
  knownChars.set(action, chars)
  return chars
}

function answered(state: FlowState, { actions = [], variables, target_id, problem }: Answer): Stepped {
  if (problem !== undefined) return failed(state, problem)
  const changed = { ...state.variables, ...variables }
  const excess = variables && runningProblem(changed)
  if (excess) return failed(state, excess.problem)
  const known = { ...state, variables: changed }
  if (actions.length === 0) return apply(known, target_id === undefined ? {} : { target_id })
  const pushed = push(known, actions)
  return typeof pushed === 'string' ? failed(state, pushed) : { state: pushed, outcome: { kind: 'next' } }
}

function apply(state: FlowState, effect: Effect, key = ''): Stepped {
  const { target_id = nilId, variables = state.variables, jumped, webhook, stop, problem } = effect
  if (stop) return { state: end(state), outcome: { kind: 'ended' } }
  if (problem) return failed(state, problem)
  const counts = jumped ? { ...state.counts, [key]: (state.counts[key] ?? 0) + 1 } : state.counts
  return { state: { ...state, forward_action_id: target_id, variables, counts }, outcome: { kind: 'next', webhook } }
}

/** The error path: it is said, the flow can read it, and goes on where the action says, or as if a condition did not hold. */
function failed(state: FlowState, why: string): Stepped {
  const action = state.current_action
  const failure = { action, problem: why.slice(0, maxProblemChars) }
  const { false_target_id } = action.option
  const otherwise = typeof false_target_id === 'string' ? false_target_id.toLowerCase() : nilId
  return {
    state: {
      ...state,
      error: describeFailure(failure),
      variables: { ...state.variables, ...failureVariables(action, failure.problem) },
      forward_action_id: action.error_id ?? otherwise,
    },
    outcome: { kind: 'next', failure },
  }
}
