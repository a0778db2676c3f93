import type { Action } from '@sidetone/proto-schemas/action'
import type { Activeflow } from '@sidetone/proto-schemas/flow'
import type { FlowState } from './state.ts'

type Variables = FlowState['variables']

/** The names that begin so belong to the platform. */
const platformPrefix = 'voipbin.'

const initialLimits = { count: 100, chars: 65_536 }
const runningLimits = { count: 1_000, chars: 262_144 }

/** What is wrong with variables that a customer sends along. */
export function initialProblem(variables: Variables): { field: string; problem: string } | undefined {
  const taken = Object.keys(variables).find((name) => name.startsWith(platformPrefix))
  if (taken !== undefined) {
    return {
      field: `variables.${taken}`,
      problem: `names that begin with ${platformPrefix} are the platform's; take another`,
    }
  }
  return exceeds(variables, initialLimits)
}

/** What is wrong with the variables of a flow that runs. */
export const runningProblem = (variables: Variables) => exceeds(variables, runningLimits)

function exceeds(variables: Variables, { count, chars }: typeof initialLimits) {
  const entries = Object.entries(variables)
  if (entries.length > count)
    return { field: 'variables', problem: `there are ${entries.length}; at most ${count} may be` }
  const size = entries.reduce((sum, [name, value]) => sum + name.length + value.length, 0)
  if (size > chars)
    return { field: 'variables', problem: `they have ${size} characters together; at most ${chars} may be` }
  return undefined
}

type Described = Pick<Activeflow, 'id' | 'reference_type' | 'reference_id' | 'reference_activeflow_id' | 'flow_id'> & {
  complete_count: number
}

/** The platform's own variables of an activeflow. */
export const activeflowVariables = (activeflow: Described): Variables => ({
  'voipbin.activeflow.id': activeflow.id,
  'voipbin.activeflow.reference_type': activeflow.reference_type,
  'voipbin.activeflow.reference_id': activeflow.reference_id,
  'voipbin.activeflow.reference_activeflow_id': activeflow.reference_activeflow_id,
  'voipbin.activeflow.flow_id': activeflow.flow_id,
  'voipbin.activeflow.complete_count': String(activeflow.complete_count),
})

/** What a flow can read of the action that failed last. */
export const failureVariables = ({ id, type }: Action, problem: string): Variables => ({
  'voipbin.error.action_id': id,
  'voipbin.error.action_type': type,
  'voipbin.error.message': problem,
})
