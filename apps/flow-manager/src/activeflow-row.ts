import { Action, ActionId } from '@sidetone/proto-schemas/action'
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

/** What the flow manager knows of an activeflow beyond what others may see. */
export const ActiveflowRow = Activeflow.extend({
  stack_map: z.record(z.string(), Stack),
  current_stack_id: z.string(),
  /** Of this activeflow, ever. */
  execute_count: z.int(),
  /** How often each goto has jumped. */
  counts: z.record(z.string(), z.int()),
  variables: z.record(z.string(), z.string()),
  /** The action that the last `next` left: asked again, it gets the same answer. */
  left_action_id: ActionId,
  /** How many flows ended before this one, each naming the next in its `on_complete_flow_id`. */
  complete_count: z.int(),
})
export type ActiveflowRow = z.infer<typeof ActiveflowRow>

/** The part that running changes: the state of the engine. */
export type FlowState = Pick<
  ActiveflowRow,
  | 'status'
  | 'current_action'
  | 'forward_action_id'
  | 'executed_actions'
  | 'stack_map'
  | 'current_stack_id'
  | 'execute_count'
  | 'counts'
  | 'variables'
  | 'error'
>

export const stateOf = (row: FlowState): FlowState => ({
  status: row.status,
  current_action: row.current_action,
  forward_action_id: row.forward_action_id,
  executed_actions: row.executed_actions,
  stack_map: row.stack_map,
  current_stack_id: row.current_stack_id,
  execute_count: row.execute_count,
  counts: row.counts,
  variables: row.variables,
  error: row.error,
})
