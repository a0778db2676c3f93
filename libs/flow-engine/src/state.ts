import { nilId } from '@sidetone/contract'
import { Action, ActionId, emptyAction, reservedActionIds } from '@sidetone/proto-schemas/action'
import { Activeflow } from '@sidetone/proto-schemas/flow'
import { z } from 'zod'

/** One list of actions that runs; `return_*` say where to go on when it ends. */
export const Stack = z.object({
  id: z.string(),
  actions: z.array(Action),
  return_stack_id: z.string(),
  return_action_id: ActionId,
})
export type Stack = z.infer<typeof Stack>

/** Everything that running a flow changes. */
export const FlowState = Activeflow.pick({
  status: true,
  current_action: true,
  forward_action_id: true,
  executed_actions: true,
  error: true,
}).extend({
  stack_map: z.record(z.string(), Stack),
  current_stack_id: z.string(),
  /** Actions executed so far. */
  execute_count: z.int(),
  /** How often each goto has jumped. */
  counts: z.record(z.string(), z.int()),
  variables: z.record(z.string(), z.string()),
})
export type FlowState = z.infer<typeof FlowState>

export const mainStackId = '00000000-0000-0000-0000-000000000001'

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

/** Whether an id has a meaning of its own. */
export const isReserved = (id: string): boolean => Object.values<string>(reservedActionIds).includes(id)
