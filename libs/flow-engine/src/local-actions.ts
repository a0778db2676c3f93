import { nilId } from '@sidetone/contract'
import {
  type Action,
  type ActionOption,
  type ActionType,
  actionOptions,
  callActionTypes,
} from '@sidetone/proto-schemas/action'
import { digitsHold, timeHolds, variableHolds } from './conditions.ts'
import type { FlowState } from './state.ts'
import { variableOf } from './substitute.ts'
import { runningProblem } from './variables.ts'

/** What an action that needs nobody else does to its activeflow. */
export interface Effect {
  /** Goes on there instead of at the next action. */
  target_id?: string
  variables?: FlowState['variables']
  /** Counts one more jump of this goto. */
  jumped?: true
  webhook?: ActionOption<'webhook_send'>
  stop?: true
  /** Why it could not be done. */
  problem?: string
}

interface Surroundings {
  variables: FlowState['variables']
  /** How often this goto has jumped. */
  jumps: number
  now: string
}
type Executors = { [T in ActionType]?: (option: ActionOption<T>, surroundings: Surroundings) => Effect }

const jump = (target_id: string): Effect => (target_id === nilId ? {} : { target_id })
const unless = (holds: boolean, { false_target_id }: { false_target_id: string }): Effect =>
  holds ? {} : jump(false_target_id)

const executors: Executors = {
  branch({ variable, default_target_id, target_ids }, { variables }) {
    const value = variableOf(variables, variable)
    const { [variable]: _, ...others } = variables
    return { ...jump(Object.hasOwn(target_ids, value) ? target_ids[value]! : default_target_id), variables: others }
  },

  condition_call_digits: (option, { variables }) => unless(digitsHold(option, variables), option),
  condition_datetime: (option, { now }) => unless(timeHolds(option, now), option),
  condition_variable: (option) => unless(variableHolds(option), option),

  empty: () => ({}),

  goto: ({ target_id, loop_count }, { jumps }) => (jumps < loop_count ? { target_id, jumped: true } : {}),

  stop: () => ({ stop: true }),

  variable_set({ key, value }, { variables }) {
    const changed = { ...variables, [key]: value }
    const problem = runningProblem(changed)
    return problem ? { problem: problem.problem } : { variables: changed }
  },

  webhook_send: (webhook) => ({ webhook }),
}

type Executor = (option: unknown, surroundings: Surroundings) => Effect

/** How an action is executed here. */
export const executorOf = (type: ActionType): Executor | undefined => executors[type] as Executor | undefined

export const isActionType = (type: string): type is ActionType => Object.hasOwn(actionOptions, type)

/** Who executes an action: the engine, the call, another manager or URL, or nobody before it is continued. */
export function executedBy({ type, option }: Pick<Action, 'type' | 'option'>): 'engine' | 'call' | 'other' | 'nobody' {
  if (type === 'block') return 'nobody'
  if (type === 'webhook_send') return option.sync === true ? 'other' : 'engine'
  if (executorOf(type as ActionType)) return 'engine'
  return callTypes.has(type) ? 'call' : 'other'
}

const callTypes = new Set<string>(callActionTypes)
const onlyInCalls = new Set<string>([
  ...callActionTypes,
  ...(['condition_call_digits', 'condition_call_status', 'conference_join', 'queue_join'] satisfies ActionType[]),
  ...(['transcribe_start', 'transcribe_stop'] satisfies ActionType[]),
])
const neverInCalls = new Set<string>(['ai_summary', 'ai_task', 'block'] satisfies ActionType[])

/** Whether an action makes sense for a flow with, or without, a call; one that does not is passed over. */
export const appliesTo = (type: ActionType, hasCall: boolean): boolean =>
  !(hasCall ? neverInCalls : onlyInCalls).has(type)
