import { nilId } from '@sidetone/contract'
import { type Reaction, react } from '@sidetone/manager'
import { customerContract } from '@sidetone/proto-schemas/customer'
import { flowContract } from '@sidetone/proto-schemas/flow'
import type { ResourceTable, Tx } from '@sidetone/store'
import type { Core } from './core.ts'
import { giveBack } from './purchase.ts'

const batch = 100
const flowFields = ['call_flow_id', 'message_flow_id'] as const

interface Answering {
  id: string
  customer_id: string
  call_flow_id: string
  message_flow_id: string
}

/** What happens to numbers and patterns when their customer or their flow goes. */
export function reactionsOf(core: Core): Reaction[] {
  const { numbers, patterns, emit } = core

  return [
    react(customerContract, 'customer', 'deleted', async (tx, { id }) => {
      let page_token: string | undefined
      do {
        const bought = await numbers.page(
          tx,
          id,
          { page_size: batch, ...(page_token && { page_token }) },
          { provider_name: ['telnyx', 'twilio'] },
        )
        for (const number of bought.result) await giveBack(core, tx, number)
        page_token = bought.next_page_token
      } while (page_token)
      await numbers.updateAllOf(tx, id, { status: 'deleted', active_number: null })
      await numbers.softDeleteAllOf(tx, id)
      await patterns.updateAllOf(tx, id, { active_pattern: null })
      await patterns.softDeleteAllOf(tx, id)
    }),

    react(flowContract, 'flow', 'deleted', async (tx, { id, customer_id }) => {
      await forget(tx, numbers, customer_id, id, (row) => emit(tx, 'number', 'updated', row))
      await forget(tx, patterns, customer_id, id, (row) => emit(tx, 'number_pattern', 'updated', row))
    }),
  ]
}

/** Takes a flow out of all rows that name it. */
async function forget<T extends Answering>(
  tx: Tx,
  table: ResourceTable<T>,
  customer_id: string,
  flow_id: string,
  announce: (row: T) => Promise<void>,
): Promise<void> {
  for (const field of flowFields) {
    for (;;) {
      const rows = await table.list(tx, customer_id, { where: { [field]: flow_id } as object, limit: batch })
      for (const { id } of rows) {
        const row = await table.update(tx, customer_id, id, { [field]: nilId } as Partial<T>)
        if (row) await announce(row)
      }
      if (rows.length < batch) break
    }
  }
}
