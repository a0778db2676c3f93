import { randomUUID } from 'node:crypto'
import { type ApiError, type ErrorDetail, type ErrorOverrides, nilId } from '@sidetone/contract'
import { type Action, type ActionInput, actionOptions } from '@sidetone/proto-schemas/action'
import { z } from 'zod'
import { isReserved, optionProblems } from './engine.ts'
import { isActionType } from './flow-actions.ts'
import { hasVariables } from './substitute.ts'

type Fail = (reason: 'INVALID_ACTION' | 'INVALID_ACTION_TYPE', overrides: ErrorOverrides) => ApiError

/** Checks a list of actions as they were sent and completes it; the error names every field that is wrong. */
export function checkActions(inputs: ActionInput[], fail: Fail): Action[] {
  const types = inputs.flatMap(({ type }, index) => (isActionType(type) ? [] : [typeProblem(type, index)]))
  if (types.length > 0) throw failWith(fail, 'INVALID_ACTION_TYPE', types)

  const actions = inputs.map(({ id = nilId, next_id, type, option }) => ({
    id: id === nilId ? randomUUID() : id,
    next_id,
    type,
    option,
    tm_execute: null,
  }))
  const ids = new Map(actions.map(({ id }, index) => [id, index]))
  const problems = actions.flatMap((action, index) => problemsOf(action, index, ids))
  if (problems.length > 0) throw failWith(fail, 'INVALID_ACTION', problems)
  return actions
}

function failWith(fail: Fail, reason: Parameters<Fail>[0], problems: ErrorDetail[]): ApiError {
  const [first] = problems
  return fail(reason, { message: `${first!.field}: ${first!.problem}`, details: problems.slice(0, 20) })
}

const typeProblem = (type: string, index: number): ErrorDetail => ({
  field: `actions.${index}.type`,
  problem: `there is no type ${JSON.stringify(type)}; there are ${Object.keys(actionOptions).join(', ')}`,
})

/** `ids` has the place of each id; of one that occurs twice, the last. */
function problemsOf(action: Action, index: number, ids: Map<string, number>): ErrorDetail[] {
  const at = (field: string, problem: string) => ({ field: `actions.${index}.${field}`, problem })
  const problems: ErrorDetail[] = []
  if (isReserved(action.id)) {
    problems.push(at('id', `${action.id} has a meaning of its own; take another`))
  }
  if (ids.get(action.id) !== index) problems.push(at('id', `${action.id} occurs more than once`))
  for (const { field, problem } of staticProblems(action)) problems.push(at(`option.${field}`, `${problem}`))
  for (const [field, target] of targetsOf(action)) {
    if (target !== nilId && !ids.has(target.toLowerCase())) {
      problems.push(at(field, `no action of this flow has the id ${JSON.stringify(target)}`))
    }
  }
  return problems
}

/** What is wrong whatever the variables will be. The form of a text that holds variables is checked when it runs. */
function staticProblems({ type, option }: Action): ErrorDetail[] {
  const { error } = actionOptions[type as keyof typeof actionOptions].safeParse(option)
  const certain = error?.issues.filter(
    ({ code, path }) => !(dependsOnForm.has(code) && hasVariables(valueAt(option, path))),
  )
  return certain && certain.length > 0 ? optionProblems(new z.ZodError(certain)) : []
}

const dependsOnForm = new Set<string>(['custom', 'invalid_format', 'invalid_value'])

const valueAt = (value: unknown, path: PropertyKey[]): unknown =>
  path.reduce<unknown>((inner, key) => (inner as Record<PropertyKey, unknown> | undefined)?.[key], value)

/** Every place in an action that names another action. Odd values were found by the check of the option. */
function targetsOf({ next_id, option }: Action): [field: string, id: string][] {
  const { target_id, default_target_id, false_target_id, target_ids } = option
  const fields = Object.entries({ target_id, default_target_id, false_target_id, ...flat(target_ids) })
  const named = fields.filter((entry): entry is [string, string] => typeof entry[1] === 'string')
  return [['next_id', next_id], ...named.map(([field, id]): [string, string] => [`option.${field}`, id])]
}

const flat = (targets: unknown): Record<string, unknown> =>
  Object.fromEntries(Object.entries(targets ?? {}).map(([value, id]) => [`target_ids.${value}`, id]))
