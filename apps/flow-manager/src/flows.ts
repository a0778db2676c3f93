import { type ApiError, type Handlers, internalIdentity, nilId } from '@sidetone/contract'
import { initialProblem, simulate } from '@sidetone/flow-engine'
import { checkRoom, crud, takeRoom } from '@sidetone/manager'
import { billingContract } from '@sidetone/proto-schemas/billing'
import { directContract } from '@sidetone/proto-schemas/direct'
import type { flowContract } from '@sidetone/proto-schemas/flow'
import { planLimit } from '@sidetone/proto-schemas/plan-limit'
import { newId } from '@sidetone/store'
import { checked, refuse } from './checked.ts'
import { type Core, flows } from './core.ts'
import { queueDirectDelete } from './directs.ts'
import { foreignFlows } from './foreign-flows.ts'

/** The operations on flows. */
export function flowHandlers(core: Core): Handlers<typeof flowContract>['flow'] {
  const { store, emit, log } = core
  const kept = crud({
    store,
    table: flows,
    notFound: 'FLOW_NOT_FOUND',
    announce: (tx, event, flow) => emit(tx, 'flow', event, flow),
  })
  const { direct } = core.client(directContract)
  const resource = (id: string) => ({ resource_type: 'flow' as const, resource_id: id })

  async function checkOwn(customer_id: string, id: string, fail: (reason: 'INVALID_ON_COMPLETE_FLOW') => ApiError) {
    if (id !== nilId && !(await flows.find(store, customer_id, id))) throw fail('INVALID_ON_COMPLETE_FLOW')
  }

  /** The short address of a new flow. A flow is worth more than its address, which can be asked for later. */
  async function firstHash(customer_id: string, id: string): Promise<string> {
    try {
      return (await direct.create(resource(id), { identity: internalIdentity(customer_id) })).hash
    } catch (err) {
      log.warn({ err, flow_id: id }, 'a flow has no direct hash; direct-hash-regenerate gives it one')
      return ''
    }
  }

  return {
    ...kept,

    async create({ actions, ...fields }, context) {
      const { customer_id, fail } = context
      const program = checked(actions, fail)
      refuse({ reason: 'INVALID_ACTION', problems: await foreignFlows(store, customer_id, program.actions) }, fail)
      await checkOwn(customer_id, fields.on_complete_flow_id, fail)
      const limit = await planLimit(core.client(billingContract), customer_id, 'flow')
      const room = { customer_id, limit, fail }
      // Before it gets a hash, which would be left over.
      await checkRoom(store, flows, room)
      const id = newId()
      const direct_hash = await firstHash(customer_id, id)
      const flow = { ...fields, id, type: 'flow' as const, actions: program.actions, direct_hash, frozen: false }
      return { ...(await kept.create(flow, context, (tx) => takeRoom(tx, flows, room))), warnings: program.warnings }
    },

    async update({ id, actions, ...fields }, context) {
      const { fail } = context
      const { customer_id } = await kept.get({ id }, context)
      const program = checked(actions, fail)
      refuse({ reason: 'INVALID_ACTION', problems: await foreignFlows(store, customer_id, program.actions) }, fail)
      await checkOwn(customer_id, fields.on_complete_flow_id, fail)
      const flow = await kept.update({ id, ...fields, actions: program.actions }, context)
      return { ...flow, warnings: program.warnings }
    },

    delete: ({ id }, { scope, fail }) =>
      store.transaction(async (tx) => {
        const flow = await flows.softDelete(tx, scope, id)
        if (!flow) throw fail('FLOW_NOT_FOUND')
        await emit(tx, 'flow', 'deleted', flow)
        await queueDirectDelete(core, tx, flow)
        return flow
      }),

    async direct_hash_regenerate({ id }, context) {
      const { customer_id } = await kept.get({ id }, context)
      const { hash } = await direct.regenerate(resource(id), { identity: internalIdentity(customer_id) })
      return kept.update({ id, direct_hash: hash }, context)
    },

    async simulate({ id, ...scenario }, context) {
      const { customer_id, actions } = await kept.get({ id }, context)
      const problem = initialProblem(scenario.variables)
      if (problem) {
        throw context.fail('INVALID_VARIABLES', {
          message: `${problem.field}: ${problem.problem}`,
          details: [problem],
        })
      }
      checked(actions, context.fail)
      const flowOf = async (other: string) => (await flows.find(store, customer_id, other))?.actions
      return simulate(actions, scenario, { flowOf })
    },
  }
}
