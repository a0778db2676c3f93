import { listen, type Reaction } from '@sidetone/manager'
import { customerContract } from '@sidetone/proto-schemas/customer'
import { activeflows, type Core, flows } from './core.ts'
import { stopActiveflow } from './lifecycle.ts'

const batchSize = 50

/** What becomes of flows with their customer. A repeat finds nothing left to do. */
export function customerReactions(core: Core): Reaction[] {
  const { store } = core

  /** Ends what runs. What must not follow it was taken away before. */
  async function stopAllOf(customer_id: string): Promise<void> {
    for (let more = true; more; ) {
      more = await store.transaction(async (tx) => {
        const running = await activeflows.list(tx, customer_id, { where: { status: 'running' }, limit: batchSize })
        for (const { id } of running) {
          const row = await activeflows.findLocked(tx, customer_id, id)
          if (row) await stopActiveflow(core, tx, row)
        }
        return running.length > 0
      })
    }
  }

  return [
    listen(customerContract, 'customer', 'frozen', async ({ id }) => {
      await flows.updateAllOf(store, id, { frozen: true })
      await stopAllOf(id)
    }),
    listen(customerContract, 'customer', 'recovered', ({ id }) => flows.updateAllOf(store, id, { frozen: false })),
    listen(customerContract, 'customer', 'deleted', async ({ id }) => {
      await flows.softDeleteAllOf(store, id)
      await stopAllOf(id)
      await activeflows.softDeleteAllOf(store, id)
    }),
  ]
}
