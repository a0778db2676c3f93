// Where a flow goes on: in its stack, in the one that it returns to, or nowhere.
import { nilId } from '@sidetone/contract'
import { type Action, reservedActionIds } from '@sidetone/proto-schemas/action'
import { type FlowState, mainStackId, type Stack } from './state.ts'

type StackMap = FlowState['stack_map']

interface Place {
  action: Action
  stack_id: string
  stack_map: StackMap
}

const maxStacks = 30
/** All stacks are in the activeflow's row. */
const maxStackChars = 2_000_000

/** The action after the current one; `lost` when it should exist and does not. */
export function nextPlace(state: FlowState): Place | 'end' | 'lost' {
  const { current_action, forward_action_id, stack_map, current_stack_id } = state
  const stack = stack_map[current_stack_id]
  if (!stack) return 'lost'
  if (forward_action_id !== nilId) return find(stack_map, stack, forward_action_id)
  const isMember = stack.actions.some(({ id }) => id === current_action.id)
  if (!isMember && current_action.id !== reservedActionIds.start) return 'lost'
  const target_id = idAfter(stack, current_action)
  return target_id === nilId ? pop(stack_map, stack) : find(stack_map, stack, target_id)
}

/** The state in which `actions` run before the flow goes on after the current action, or why that cannot be. */
export function push(state: FlowState, actions: Action[]): FlowState | string {
  const { current_action, stack_map, current_stack_id, execute_count } = state
  const stack = stack_map[current_stack_id]
  if (!stack) return 'the stack that it runs in does not exist'
  const return_action_id = idAfter(stack, current_action)
  const isFull = Object.keys(stack_map).length >= maxStacks
  // A program that fetches its next part at its end may go on for hours: what has nothing left to do makes room.
  const isSpent = return_action_id === nilId && stack.id !== mainStackId
  if (isFull && !isSpent) return `flows may fetch each other ${maxStacks} deep at most`
  const id = stackIdOf(execute_count)
  const pushed: Stack =
    isFull && isSpent ? { ...stack, id, actions } : { id, actions, return_stack_id: stack.id, return_action_id }
  const stacks = { ...(isFull ? without(stack_map, stack) : stack_map), [id]: pushed }
  if (JSON.stringify(stacks).length > maxStackChars) return 'the flow would become too large'
  return { ...state, stack_map: stacks, current_stack_id: id, forward_action_id: actions[0]!.id }
}

/** Under what a goto is counted: a program that is fetched again counts anew. */
export const countKey = (stack_id: string, action_id: string): string =>
  stack_id === mainStackId ? action_id : `${stack_id}/${action_id}`

/** The counts without those of stacks that are gone. */
export const countsIn = (counts: FlowState['counts'], stack_map: StackMap): FlowState['counts'] =>
  Object.fromEntries(
    Object.entries(counts).filter(([key]) => !key.includes('/') || Object.hasOwn(stack_map, key.split('/')[0]!)),
  )

/** Unique within an activeflow: nothing is pushed twice by one execution. */
const stackIdOf = (execute_count: number): string =>
  `00000000-0000-0000-0001-${execute_count.toString(16).padStart(12, '0')}`

function idAfter(stack: Stack, { id, next_id }: Action): string {
  if (next_id !== nilId) return next_id
  const index = stack.actions.findIndex((action) => action.id === id)
  return stack.actions[index + 1]?.id ?? nilId
}

/** Looks in a stack, then in the one that it returns to, and so on; the stacks that are left are gone. */
function find(stack_map: StackMap, stack: Stack, target_id: string): Place | 'lost' {
  const action = stack.actions.find(({ id }) => id === target_id)
  if (action) return { action, stack_id: stack.id, stack_map }
  const below = without(stack_map, stack)
  const caller = below[stack.return_stack_id]
  return caller ? find(below, caller, target_id) : 'lost'
}

function pop(stack_map: StackMap, stack: Stack): Place | 'end' | 'lost' {
  const below = without(stack_map, stack)
  const caller = below[stack.return_stack_id]
  if (!caller) return 'end'
  return stack.return_action_id === nilId ? pop(below, caller) : find(below, caller, stack.return_action_id)
}

function without(stack_map: StackMap, { id }: Stack): StackMap {
  const { [id]: _, ...below } = stack_map
  return below
}
