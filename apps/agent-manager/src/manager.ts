import { defineManager, react } from '@sidetone/manager'
import { agentContract } from '@sidetone/proto-schemas/agent'
import { customerContract } from '@sidetone/proto-schemas/customer'
import { resourceTable } from '@sidetone/store'
import { z } from 'zod'
import { migrations } from './migrations.ts'
import { AgentRow, agentHandlers } from './operations.ts'

export const agentManager = defineManager({
  contract: agentContract,
  settings: z.object({}),
  migrations,
  build({ store, emit }) {
    const agents = resourceTable(AgentRow, 'agent_agent')
    return {
      handlers: { agent: agentHandlers({ store, emit, agents }) },
      reactions: [
        react(customerContract, 'customer', 'deleted', async (tx, customer) => {
          await agents.updateAllOf(tx, customer.id, { login: null })
          await agents.softDeleteAllOf(tx, customer.id)
        }),
      ],
    }
  },
})
