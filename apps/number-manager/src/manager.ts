import { ApiError, everyCustomer, internalIdentity, nilId } from '@sidetone/contract'
import { crud, defineManager, react } from '@sidetone/manager'
import { customerContract } from '@sidetone/proto-schemas/customer'
import { flowContract } from '@sidetone/proto-schemas/flow'
import { numberContract, PhoneNumber } from '@sidetone/proto-schemas/number'
import { DuplicateError, now, resourceTable } from '@sidetone/store'
import { z } from 'zod'
import { migrations } from './migrations.ts'

/** A row as it is stored: `active_number` is the number while it is active, so that the living are unique. */
const NumberRow = PhoneNumber.extend({ active_number: z.string().nullable() })

export const numberManager = defineManager({
  contract: numberContract,
  settings: z.object({}),
  migrations,
  build({ store, emit, client }) {
    const numbers = resourceTable(NumberRow, 'number_number')
    const flows = client(flowContract)
    const kept = crud({
      store,
      table: numbers,
      notFound: 'NUMBER_NOT_FOUND',
      announce: (tx, event, row) => emit(tx, 'number', event, row),
    })

    async function checkFlows(
      ids: Record<'call_flow_id' | 'message_flow_id', string>,
      customer_id: string,
      fail: (field: string) => ApiError,
    ) {
      for (const [field, id] of Object.entries(ids)) {
        if (id === nilId) continue
        await flows.flow.get({ id }, { identity: internalIdentity(customer_id) }).catch((error: unknown) => {
          throw error instanceof ApiError && error.status === 'NOT_FOUND' ? fail(field) : error
        })
      }
    }

    return {
      handlers: {
        number: {
          ...kept,

          async create(fields, context) {
            const { call_flow_id, message_flow_id } = fields
            await checkFlows({ call_flow_id, message_flow_id }, context.customer_id, flowNotFound(context.fail))
            return kept
              .create(
                {
                  ...fields,
                  active_number: fields.number,
                  status: 'active',
                  t38_enabled: false,
                  emergency_enabled: false,
                  metadata: { rtp_debug: false },
                  tm_purchase: now(),
                  tm_renew: null,
                },
                context,
              )
              .catch((error: unknown) => {
                throw error instanceof DuplicateError ? context.fail('NUMBER_ALREADY_EXISTS') : error
              })
          },

          async update(input, context) {
            const { customer_id } = await kept.get(input, context)
            const { call_flow_id, message_flow_id } = input
            await checkFlows({ call_flow_id, message_flow_id }, customer_id, flowNotFound(context.fail))
            return kept.update(input, context)
          },

          async update_flow_ids(input, context) {
            const { customer_id } = await kept.get(input, context)
            const { call_flow_id, message_flow_id } = input
            await checkFlows({ call_flow_id, message_flow_id }, customer_id, flowNotFound(context.fail))
            return kept.update(input, context)
          },

          delete: ({ id }, { scope, fail }) =>
            store.transaction(async (tx) => {
              await numbers.update(tx, scope, id, { status: 'deleted', active_number: null })
              const number = await numbers.softDelete(tx, scope, id)
              if (!number) throw fail('NUMBER_NOT_FOUND')
              await emit(tx, 'number', 'deleted', number)
              return number
            }),

          async lookup({ number }, { fail }) {
            const row = await numbers.findBy(store, everyCustomer, { active_number: number })
            if (!row) throw fail('NUMBER_NOT_FOUND')
            return row
          },
        },
      },
      reactions: [
        react(customerContract, 'customer', 'deleted', async (tx, customer) => {
          await numbers.updateAllOf(tx, customer.id, { status: 'deleted', active_number: null })
          await numbers.softDeleteAllOf(tx, customer.id)
        }),
      ],
    }
  },
})

const flowNotFound =
  (
    fail: (
      reason: 'FLOW_NOT_FOUND',
      overrides: { message: string; details: { field: string; problem: string }[] },
    ) => ApiError,
  ) =>
  (field: string): ApiError => {
    const problem = 'there is no such flow; name one of your own'
    return fail('FLOW_NOT_FOUND', { message: `${field}: ${problem}`, details: [{ field, problem }] })
  }
