import { defineManager, react } from '@sidetone/manager'
import { agentContract } from '@sidetone/proto-schemas/agent'
import { customerContract } from '@sidetone/proto-schemas/customer'
import { directContract } from '@sidetone/proto-schemas/direct'
import { flowContract } from '@sidetone/proto-schemas/flow'
import { registrarContract } from '@sidetone/proto-schemas/registrar'
import { resourceTable, type Tx } from '@sidetone/store'
import { z } from 'zod'
import { migrations } from './migrations.ts'
import { DirectRow, directHandlers, removeDirect } from './operations.ts'

export const directManager = defineManager({
  contract: directContract,
  settings: z.object({}),
  migrations,
  build({ store, emit }) {
    const directs = resourceTable(DirectRow, 'direct_direct')
    const withResource = (tx: Tx, { id, customer_id }: { id: string; customer_id: string }): Promise<void> =>
      removeDirect({ emit, directs }, tx, customer_id, id)
    return {
      handlers: { direct: directHandlers({ store, emit, directs }) },
      purges: { direct: directs },
      reactions: [
        react(agentContract, 'agent', 'deleted', withResource),
        react(flowContract, 'flow', 'deleted', withResource),
        react(registrarContract, 'extension', 'deleted', withResource),
        react(customerContract, 'customer', 'deleted', async (tx, { id }) => {
          await directs.updateAllOf(tx, id, { active_resource_id: null })
          await directs.softDeleteAllOf(tx, id)
        }),
      ],
    }
  },
})
