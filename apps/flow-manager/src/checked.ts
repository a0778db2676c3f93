import type { ApiError, ErrorOverrides } from '@sidetone/contract'
import { type CheckedActions, checkActions } from '@sidetone/flow-engine'
import type { ActionInput } from '@sidetone/proto-schemas/action'

type Fail = (reason: CheckedActions['reason'], overrides: ErrorOverrides) => ApiError

const maxDetails = 20

/** The actions as they were sent, complete; the error names every field that is wrong. */
export function checked(inputs: readonly ActionInput[], fail: Fail): CheckedActions {
  const result = checkActions(inputs)
  refuse(result, fail)
  return result
}

/** Throws when there are problems. */
export function refuse({ reason, problems }: Pick<CheckedActions, 'reason' | 'problems'>, fail: Fail): void {
  const [first] = problems
  if (!first) return
  throw fail(reason, { message: `${first.field}: ${first.problem}`, details: problems.slice(0, maxDetails) })
}
