import { type ApiError, type Handlers, nilId } from '@sidetone/contract'
import { crud } from '@sidetone/manager'
import type { flowContract } from '@sidetone/proto-schemas/flow'
import { type Core, flows } from './core.ts'
import { checkActions } from './program.ts'

/** The operations on flows. */
export function flowHandlers({ store, emit }: Core): Handlers<typeof flowContract>['flow'] {
  const kept = crud({
    store,
    table: flows,
    notFound: 'FLOW_NOT_FOUND',
    announce: (tx, event, flow) => emit(tx, 'flow', event, flow),
  })

  async function checkOwn(customer_id: string, id: string, fail: (reason: 'INVALID_ON_COMPLETE_FLOW') => ApiError) {
    if (id !== nilId && !(await flows.find(store, customer_id, id))) throw fail('INVALID_ON_COMPLETE_FLOW')
  }

  return {
    ...kept,

    async create({ actions, ...fields }, context) {
      const checked = checkActions(actions, context.fail)
      await checkOwn(context.customer_id, fields.on_complete_flow_id, context.fail)
      return kept.create({ ...fields, type: 'flow', actions: checked, direct_hash: '' }, context)
    },

    async update({ id, actions, ...fields }, context) {
      const { customer_id } = await kept.get({ id }, context)
      const checked = checkActions(actions, context.fail)
      await checkOwn(customer_id, fields.on_complete_flow_id, context.fail)
      return kept.update({ id, ...fields, actions: checked }, context)
    },
  }
}
