import { randomUUID } from 'node:crypto'
import { nilId } from '@sidetone/contract'
import { type Action, ActionInput, actionOptions } from '@sidetone/proto-schemas/action'
import { z } from 'zod'
import { type FieldProblem, optionProblems } from './engine.ts'
import { isActionType } from './local-actions.ts'
import { unreachable } from './reachable.ts'
import { isReserved } from './state.ts'
import { hasVariables } from './substitute.ts'

/** A list of actions, complete; with problems it must not be run. */
export interface CheckedActions {
  actions: Action[]
  reason: 'INVALID_ACTION' | 'INVALID_ACTION_TYPE'
  /** Every field that is wrong. */
  problems: FieldProblem[]
  /** What is allowed and can hardly be meant. */
  warnings: FieldProblem[]
}

/** Checks a list of actions as they were sent and completes it; `at` is where the list stands. */
export function checkActions(inputs: readonly ActionInput[], at = 'actions'): CheckedActions {
  const actions = inputs.map(completed)
  const types = inputs.flatMap(({ type }, index) => (isActionType(type) ? [] : [typeProblem(type, `${at}.${index}`)]))
  if (types.length > 0) return { actions, reason: 'INVALID_ACTION_TYPE', problems: types, warnings: [] }
  const ids = new Map(actions.map(({ id }, index) => [id, index]))
  const problems = actions.flatMap((action, index) => problemsOf(action, index, { ids, at: `${at}.${index}` }))
  const warnings = problems.length > 0 ? [] : unreachable(actions).map((index) => unreachableWarning(`${at}.${index}`))
  return { actions, reason: 'INVALID_ACTION', problems, warnings }
}

const completed = ({ id = nilId, next_id, error_id = nilId, type, option }: ActionInput): Action => ({
  id: id === nilId ? randomUUID() : id,
  next_id,
  ...(error_id !== nilId && { error_id }),
  type,
  option,
  tm_execute: null,
})

const typeProblem = (type: string, at: string): FieldProblem => ({
  field: `${at}.type`,
  problem: `there is no type ${JSON.stringify(type)}; there are ${Object.keys(actionOptions).join(', ')}`,
})

const unreachableWarning = (at: string): FieldProblem => ({
  field: at,
  problem: 'no action leads here; it will never run',
})

/** `ids` has the place of each id; of one that occurs twice, the last. */
function problemsOf(
  action: Action,
  index: number,
  { ids, at }: { ids: Map<string, number>; at: string },
): FieldProblem[] {
  const problems: FieldProblem[] = []
  const add = (field: string, problem: string) => problems.push({ field: `${at}.${field}`, problem })
  if (isReserved(action.id)) add('id', `${action.id} has a meaning of its own; take another`)
  if (ids.get(action.id) !== index) add('id', `${action.id} occurs more than once`)
  for (const { field, problem } of staticProblems(action)) add(`option.${field}`, problem)
  for (const [field, target] of targetsOf(action)) {
    if (target !== nilId && !ids.has(target.toLowerCase()))
      add(field, `no action of this flow has the id ${JSON.stringify(target)}`)
  }
  return [...problems, ...nestedProblems(action, at)]
}

/** A `call` has a list of actions of its own. */
function nestedProblems({ type, option }: Action, at: string): FieldProblem[] {
  const nested = type === 'call' ? z.array(ActionInput).safeParse(option.actions) : undefined
  return nested?.success ? checkActions(nested.data, `${at}.option.actions`).problems : []
}

/** What is wrong whatever the variables will be. The form of a text that holds variables is checked when it runs. */
function staticProblems({ type, option }: Action): FieldProblem[] {
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
function targetsOf({ next_id, error_id = nilId, option }: Action): [field: string, id: string][] {
  const { target_id, default_target_id, false_target_id, target_ids } = option
  const fields = Object.entries({ target_id, default_target_id, false_target_id, ...flat(target_ids) })
  const named = fields.filter((entry): entry is [string, string] => typeof entry[1] === 'string')
  return [
    ['next_id', next_id],
    ['error_id', error_id],
    ...named.map(([field, id]): [string, string] => [`option.${field}`, id]),
  ]
}

const flat = (targets: unknown): Record<string, unknown> =>
  Object.fromEntries(Object.entries(targets ?? {}).map(([value, id]) => [`target_ids.${value}`, id]))
