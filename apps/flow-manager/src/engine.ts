// The activeflow as a stack machine: pure, so that tables of cases can test it.
import { type ErrorDetail, invalidArgument, nilId } from '@sidetone/contract'
import {
  type Action,
  type ActionOption,
  actionOptions,
  emptyAction,
  reservedActionIds,
} from '@sidetone/proto-schemas/action'
import type { FlowState, Stack } from './activeflow-row.ts'
import { type Effect, executorOf, isActionType } from './flow-actions.ts'
import { substitute } from './substitute.ts'

/** What one step came to. */
type Outcome =
  | { kind: 'media'; action: Action }
  | { kind: 'next'; webhook?: ActionOption<'webhook_send'> | undefined; problem?: string | undefined }
  /** `failed`: a fault or a runaway; the state says which. */
  | { kind: 'ended' | 'failed' }

interface StepOptions {
  /** Without a call, the actions that need one are passed over. */
  hasCall: boolean
  now: string
}

const mainStackId = '00000000-0000-0000-0000-000000000001'
const maxExecutions = 100_000
const maxHistory = 100
/** The history travels in every event. */
const maxHistoryChars = 65_536

/** The state before the first step of a program. */
export const startOf = (actions: Action[]): FlowState => ({
  status: 'running',
  current_action: { ...emptyAction, id: reservedActionIds.start },
  forward_action_id: nilId,
  executed_actions: [],
  stack_map: { [mainStackId]: { id: mainStackId, actions, return_stack_id: nilId, return_action_id: nilId } },
  current_stack_id: mainStackId,
  execute_count: 0,
  counts: {},
  variables: {},
  error: '',
})

/** Goes on with another program where one has ended. */
export const continueWith = (state: FlowState, actions: Action[]): FlowState => {
  const { executed_actions, execute_count, variables, error } = state
  return { ...startOf(actions), executed_actions, execute_count, variables, error }
}

/** Nothing runs any more. */
export const end = (state: FlowState): FlowState => ({
  ...leave(state),
  status: 'ended',
  current_action: { ...emptyAction, id: reservedActionIds.finish },
})

/** Ends what cannot or must not go on. */
export const fail = (state: FlowState, why: string): { state: FlowState; outcome: Outcome } => ({
  state: { ...end(state), error: `the flow was ended: ${why}` },
  outcome: { kind: 'failed' },
})

/** Leaves the current action and executes the one after it. */
export function step(state: FlowState, { hasCall, now }: StepOptions): { state: FlowState; outcome: Outcome } {
  const place = nextPlace(state)
  if (place === 'end') return { state: end(state), outcome: { kind: 'ended' } }
  if (place === 'lost') {
    return fail(state, `${describe(state.current_action)}: the action that should follow it does not exist`)
  }
  if (state.execute_count >= maxExecutions)
    return fail(state, `it executed ${maxExecutions} actions, which is too many`)

  const filled = substitute(place.action.option, state.variables) as Record<string, unknown>
  const action = { ...place.action, option: filled, tm_execute: now }
  const entered: FlowState = {
    ...leave(state),
    current_action: action,
    current_stack_id: place.stack_id,
    stack_map: place.stack_map,
    forward_action_id: nilId,
    execute_count: state.execute_count + 1,
  }

  const { type } = action
  if (!isActionType(type)) return skipped(entered, 'there is no such action type')
  const execute = executorOf(type)
  if (!execute && !hasCall) return { state: entered, outcome: { kind: 'next' } }
  const option = actionOptions[type].safeParse(filled)
  if (!option.success) return skipped(entered, optionProblems(option.error).map(sentence).join('; '))
  const checked = { ...entered, current_action: { ...action, option: option.data } }
  if (!execute) return { state: checked, outcome: { kind: 'media', action: checked.current_action } }
  return apply(checked, execute(option.data, checked, action.id))
}

/** Steps until there is an action for the call, the end, or `maxSteps` have been made. */
export function run(start: FlowState, { maxSteps, ...options }: StepOptions & { maxSteps: number }) {
  let state = start
  const webhooks: ActionOption<'webhook_send'>[] = []
  const problems: string[] = []
  for (let steps = 0; steps < maxSteps; steps++) {
    const stepped = step(state, options)
    state = stepped.state
    const { outcome } = stepped
    if (outcome.kind !== 'next') return { state: trimmed(state), outcome, webhooks, problems }
    if (outcome.webhook) webhooks.push(outcome.webhook)
    if (outcome.problem) problems.push(outcome.problem)
  }
  return { state: trimmed(state), outcome: { kind: 'unfinished' as const }, webhooks, problems }
}

/** The problems of an option, each with its field. */
export const optionProblems = (error: Parameters<typeof invalidArgument>[0]): ErrorDetail[] =>
  invalidArgument(error).details!

const sentence = ({ field, problem }: ErrorDetail) => `${field}: ${problem}`
const describe = ({ id, type }: Action) => `action ${id}${type && ` (${type})`}`

interface Place {
  action: Action
  stack_id: string
  stack_map: FlowState['stack_map']
}

function nextPlace(state: FlowState): Place | 'end' | 'lost' {
  const { current_action, forward_action_id, stack_map, current_stack_id } = state
  const stack = stack_map[current_stack_id]
  if (!stack) return 'lost'
  const target_id = forward_action_id === nilId ? current_action.next_id : forward_action_id
  if (target_id !== nilId) return find(stack_map, stack, target_id)
  const index = stack.actions.findIndex(({ id }) => id === current_action.id)
  if (index < 0 && current_action.id !== reservedActionIds.start) return 'lost'
  const action = stack.actions[index + 1]
  return action ? { action, stack_id: stack.id, stack_map } : pop(stack_map, stack)
}

/** Looks in a stack, then in the one that it returns to, and so on; the stacks that are left are gone. */
function find(stack_map: FlowState['stack_map'], stack: Stack, target_id: string): Place | 'lost' {
  const action = stack.actions.find(({ id }) => id === target_id)
  if (action) return { action, stack_id: stack.id, stack_map }
  const { [stack.id]: _, ...below } = stack_map
  const caller = below[stack.return_stack_id]
  return caller ? find(below, caller, target_id) : 'lost'
}

function pop(stack_map: FlowState['stack_map'], stack: Stack): Place | 'end' | 'lost' {
  const { [stack.id]: _, ...below } = stack_map
  const caller = below[stack.return_stack_id]
  if (!caller) return 'end'
  return stack.return_action_id === nilId ? pop(below, caller) : find(below, caller, stack.return_action_id)
}

/** Whether an id has a meaning of its own. */
export const isReserved = (id: string): boolean => Object.values<string>(reservedActionIds).includes(id)

function leave(state: FlowState): FlowState {
  const { current_action, executed_actions } = state
  if (isReserved(current_action.id)) return state
  return { ...state, executed_actions: [...executed_actions.slice(1 - maxHistory), current_action] }
}

function trimmed(state: FlowState): FlowState {
  let room = maxHistoryChars
  const kept = state.executed_actions.findLastIndex((action) => {
    room -= JSON.stringify(action).length
    return room < 0
  })
  return kept < 0 ? state : { ...state, executed_actions: state.executed_actions.slice(kept + 1) }
}

function apply(state: FlowState, effect: Effect): { state: FlowState; outcome: Outcome } {
  const { target_id = nilId, variables = state.variables, jumped, webhook, stop, problem } = effect
  if (stop) return { state: end(state), outcome: { kind: 'ended' } }
  if (problem) return skipped(state, problem)
  const { id } = state.current_action
  const counts = jumped ? { ...state.counts, [id]: (state.counts[id] ?? 0) + 1 } : state.counts
  return { state: { ...state, forward_action_id: target_id, variables, counts }, outcome: { kind: 'next', webhook } }
}

function skipped(state: FlowState, why: string): { state: FlowState; outcome: Outcome } {
  const problem = `${describe(state.current_action)} was skipped: ${why}`
  return { state: { ...state, error: problem }, outcome: { kind: 'next', problem } }
}
