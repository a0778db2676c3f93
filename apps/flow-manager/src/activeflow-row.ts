import { FlowState } from '@sidetone/flow-engine'
import { ActionId } from '@sidetone/proto-schemas/action'
import { Activeflow } from '@sidetone/proto-schemas/flow'
import { z } from 'zod'

/** What the flow manager knows of an activeflow beyond what others may see. */
export const ActiveflowRow = Activeflow.extend({
  ...FlowState.shape,
  /** The action that the last `next` left: asked again, it gets the same answer. */
  left_action_id: ActionId,
  /** How many flows ended before this one, each naming the next in its `on_complete_flow_id`. */
  complete_count: z.int(),
  /** Epoch milliseconds until which somebody else may still execute the current action; 0 when nobody does. */
  asked_until: z.int(),
})
export type ActiveflowRow = z.infer<typeof ActiveflowRow>

const stateFields = Object.keys(FlowState.shape) as (keyof FlowState)[]

/** The part that running changes. */
export const stateOf = (row: FlowState): FlowState =>
  Object.fromEntries(stateFields.map((field) => [field, row[field]])) as FlowState

/** Whether an activeflow waits for the answer of somebody else. */
export const isAsking = ({ status, asked_until }: ActiveflowRow): boolean => status === 'running' && asked_until > 0
