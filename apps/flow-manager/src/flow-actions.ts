import { nilId } from '@sidetone/contract'
import { type ActionOption, type ActionType, actionOptions } from '@sidetone/proto-schemas/action'
import type { FlowState } from './activeflow-row.ts'
import { variableOf } from './substitute.ts'
import { runningProblem } from './variables.ts'

/** What an action that needs no call does to its activeflow. */
export interface Effect {
  /** Goes on there instead of at the next action. */
  target_id?: string
  variables?: FlowState['variables']
  /** Counts one more jump of this goto. */
  jumped?: true
  webhook?: ActionOption<'webhook_send'>
  stop?: true
  /** It could not be done; the flow goes on. */
  problem?: string
}

type State = Pick<FlowState, 'variables' | 'counts'>
type Executors = { [T in ActionType]?: (option: ActionOption<T>, state: State, actionId: string) => Effect }

const jump = (target_id: string): Effect => (target_id === nilId ? {} : { target_id })

const executors: Executors = {
  branch({ variable, default_target_id, target_ids }, { variables }) {
    const value = variableOf(variables, variable)
    const { [variable]: _, ...others } = variables
    return { ...jump(Object.hasOwn(target_ids, value) ? target_ids[value]! : default_target_id), variables: others }
  },

  condition_variable: (option) => (holds(option) ? {} : jump(option.false_target_id)),

  goto: ({ target_id, loop_count }, { counts }, actionId) =>
    (counts[actionId] ?? 0) < loop_count ? { target_id, jumped: true } : {},

  stop: () => ({ stop: true }),

  variable_set({ key, value }, state) {
    const variables = { ...state.variables, [key]: value }
    const problem = runningProblem(variables)
    return problem ? { problem: problem.problem } : { variables }
  },

  webhook_send: (webhook) => ({ webhook }),
}

const comparisons = {
  '==': (a, b) => a === b,
  '!=': (a, b) => a !== b,
  '>': (a, b) => a > b,
  '>=': (a, b) => a >= b,
  '<': (a, b) => a < b,
  '<=': (a, b) => a <= b,
} satisfies Record<string, <T extends string | number>(a: T, b: T) => boolean>

function holds({ condition, variable, value_type, ...values }: ActionOption<'condition_variable'>): boolean {
  const compare: (a: string | number, b: string | number) => boolean = comparisons[condition]
  if (value_type === 'string') return compare(variable, values.value_string)
  if (value_type === 'length') return compare(Array.from(variable).length, values.value_length)
  // Number('') is 0; a text that is no number is unequal to every number, and neither above nor below it.
  return compare(variable.trim() === '' ? Number.NaN : Number(variable), values.value_number)
}

type Executor = (option: unknown, state: State, actionId: string) => Effect

/** How an action type is executed here; undefined for those that need a call. */
export const executorOf = (type: ActionType): Executor | undefined => executors[type] as Executor | undefined

export const isActionType = (type: string): type is ActionType => Object.hasOwn(actionOptions, type)
