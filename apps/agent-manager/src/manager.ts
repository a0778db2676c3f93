import { defineManager, react } from '@sidetone/manager'
import { Agent, agentContract } from '@sidetone/proto-schemas/agent'
import { customerContract } from '@sidetone/proto-schemas/customer'
import { resourceTable } from '@sidetone/store'
import { z } from 'zod'
import { migrations } from './migrations.ts'
import { agentHandlers } from './operations.ts'

export const agentManager = defineManager({
  contract: agentContract,
  settings: z.object({}),
  migrations,
  build({ store, emit }) {
    const agents = resourceTable(Agent, 'agent_agent')
    return {
      handlers: { agent: agentHandlers({ store, emit, agents }) },
      reactions: [react(customerContract, 'customer', 'deleted', (tx, customer) => agents.softDeleteAllOf(tx, customer.id))],
    }
  },
})
