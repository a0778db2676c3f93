import {
  type ApiError,
  commonError,
  type ErrorOverrides,
  type Handlers,
  nilId,
  type OperationContext,
} from '@sidetone/contract'
import { initialProblem, runningProblem } from '@sidetone/flow-engine'
import { crud } from '@sidetone/manager'
import type { ActionInput } from '@sidetone/proto-schemas/action'
import type { flowContract } from '@sidetone/proto-schemas/flow'
import { DuplicateError, type Tx } from '@sidetone/store'
import type { ActiveflowRow } from './activeflow-row.ts'
import { checked } from './checked.ts'
import { activeflows, type Core, flows } from './core.ts'
import { advance, makeActiveflow, runJob, settle, stopActiveflow } from './lifecycle.ts'
import { nextAction } from './next-action.ts'

type Reason = 'FLOW_NOT_FOUND' | 'INVALID_ACTION' | 'INVALID_ACTION_TYPE' | 'INVALID_ARGUMENT'
type Start = Handlers<typeof flowContract>['activeflow']['start']
type NotFound = { scope: string; fail: (reason: 'ACTIVEFLOW_NOT_FOUND') => ApiError }

/** The operations on activeflows. */
export function activeflowHandlers(core: Core): Handlers<typeof flowContract>['activeflow'] {
  const { store, emit } = core
  const { list, get } = crud({
    store,
    table: activeflows,
    notFound: 'ACTIVEFLOW_NOT_FOUND',
    announce: (tx, event, row) => emit(tx, 'activeflow', event, row),
  })

  /** Works on an activeflow that nobody else changes meanwhile. */
  const withLocked = <T>(id: string, { scope, fail }: NotFound, work: (tx: Tx, row: ActiveflowRow) => Promise<T>) =>
    store.transaction(async (tx) => {
      const row = await activeflows.findLocked(tx, scope, id)
      if (!row) throw fail('ACTIVEFLOW_NOT_FOUND')
      return work(tx, row)
    })

  async function programOf(
    { flow_id, actions }: { flow_id: string; actions?: ActionInput[] | undefined },
    customer_id: string,
    fail: (reason: Reason, overrides?: ErrorOverrides) => ApiError,
  ) {
    if (flow_id === nilId && !actions) {
      const detail = { field: 'flow_id', problem: 'is required when there are no actions' }
      throw fail('INVALID_ARGUMENT', { message: `${detail.field}: ${detail.problem}`, details: [detail] })
    }
    if (flow_id === nilId) return { flow_id, actions: checked(actions!, fail).actions, on_complete_flow_id: nilId }
    const flow = await flows.find(store, customer_id, flow_id)
    if (!flow) throw fail('FLOW_NOT_FOUND')
    if (flow.frozen) throw commonError('ACCOUNT_FROZEN')
    return { flow_id, actions: flow.actions, on_complete_flow_id: flow.on_complete_flow_id }
  }

  /** Makes the activeflow with this id, unless it is there. */
  async function startOnce(
    input: Parameters<Start>[0],
    { customer_id, fail }: Parameters<Start>[1],
    also: (tx: Tx, made: ActiveflowRow) => Promise<void> = async () => undefined,
  ): Promise<ActiveflowRow> {
    const existing = () => activeflows.find(store, customer_id, input.id)
    const started = await existing()
    if (started) return started
    checkVariables(runningProblem(input.variables), fail)
    const { flow_id, actions, ...given } = input
    const program = await programOf(input, customer_id, fail)
    const parent = await activeflows.find(store, customer_id, input.reference_activeflow_id)
    const variables = { ...parent?.variables, ...input.variables }
    try {
      return await store.transaction(async (tx) => {
        const made = await makeActiveflow(core, tx, { ...given, customer_id, program, variables })
        await also(tx, made)
        return made
      })
    } catch (error) {
      const raced = error instanceof DuplicateError ? await existing() : undefined
      if (raced) return raced
      throw error
    }
  }

  return {
    list,
    get,

    async create(input, { customer_id, fail }) {
      checkVariables(initialProblem(input.variables), fail)
      const { flow_id, actions, ...given } = input
      const program = await programOf(input, customer_id, fail)
      try {
        const advanced = await store.transaction(async (tx) => {
          const reference = { reference_type: 'api', reference_id: nilId } as const
          const made = await makeActiveflow(core, tx, { ...given, ...reference, customer_id, program })
          return advance(core, tx, made, { hasCall: false })
        })
        const settled = await settle(core, false, advanced)
        return (settled ?? advanced).activeflow
      } catch (error) {
        throw error instanceof DuplicateError ? fail('ACTIVEFLOW_ALREADY_EXISTS') : error
      }
    },

    delete: ({ id }, context) =>
      withLocked(id, context, async (tx, row) => {
        await stopActiveflow(core, tx, row)
        const deleted = (await activeflows.softDelete(tx, context.scope, id))!
        await emit(tx, 'activeflow', 'deleted', deleted)
        return deleted
      }),

    stop: ({ id }, context) => withLocked(id, context, (tx, row) => stopActiveflow(core, tx, row)),

    start: (input, context) => startOnce(input, context),

    execute: (input, context) => startOnce(input, context, (tx, { id }) => core.jobs.enqueue(tx, runJob, { id }, {})),

    async continue({ id, current_action_id }, context) {
      const advanced = await withLocked(id, context, async (tx, row) => {
        if (row.current_action.type !== 'block' || row.current_action.id !== current_action_id)
          throw context.fail('ACTIVEFLOW_STEP_STALE')
        return advance(core, tx, row, { hasCall: false })
      })
      const settled = await settle(core, false, advanced)
      return (settled ?? advanced).activeflow
    },

    async next({ id, current_action_id, problem }, context) {
      const action = await nextAction(core, {
        ...{ current_action_id, problem, deadline: context.deadline },
        stale: () => context.fail('ACTIVEFLOW_STEP_STALE'),
        locked: (work) => withLocked(id, context, work),
      })
      return { action }
    },

    async variables(input, context) {
      const { variables } = await get(input, context)
      return { variables }
    },

    set_variables: ({ id, variables: given }, context) =>
      withLocked(id, context, async (tx, row) => {
        const variables = { ...row.variables, ...given }
        checkVariables(runningProblem(variables), context.fail)
        await activeflows.update(tx, context.scope, id, { variables })
        return { variables }
      }),
  }
}

function checkVariables(
  problem: ReturnType<typeof runningProblem>,
  fail: OperationContext<'INVALID_VARIABLES'>['fail'],
): void {
  if (problem) throw fail('INVALID_VARIABLES', { message: `${problem.field}: ${problem.problem}`, details: [problem] })
}
