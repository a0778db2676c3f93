import { ApiError, everyCustomer, type Handlers, internalIdentity, permissionBits } from '@sidetone/contract'
import type { agentContract } from '@sidetone/proto-schemas/agent'
import { customerContract } from '@sidetone/proto-schemas/customer'
import { now, type Tx, timeAfter } from '@sidetone/store'
import { agents, type Core, passwordTokens, sessions } from './tables.ts'

const hourMs = 3_600_000
/** How long a token works, whether or not it is used. */
const lifetimeMs = { agent: 12 * hourMs, delegate: 8 * hourMs }

export const sessionOf = (agent: { id: string; customer_id: string }) => ({
  customer_id: agent.customer_id,
  agent_id: agent.id,
  type: 'agent' as const,
  reason: '',
  tm_expire: timeAfter(lifetimeMs.agent),
})

/** Logs an agent out everywhere; also of the customers for which it acts. */
export async function endSessionsOf(tx: Tx, agentId: string): Promise<void> {
  await tx.kysely
    .updateTable(sessions.name)
    .set({ tm_delete: tx.now() })
    .where('agent_id', '=', agentId)
    .where('tm_delete', 'is', null)
    .execute()
}

export function sessionHandlers({ store, emit, client }: Core): Handlers<typeof agentContract>['agent_session'] {
  const customers = client(customerContract)

  return {
    async delegate({ customer_id, reason }, { identity, fail }) {
      await customers.customer.get({ id: customer_id }, { identity: internalIdentity(customer_id) }).catch((error) => {
        throw error instanceof ApiError && error.status === 'NOT_FOUND' ? fail('CUSTOMER_UNKNOWN') : error
      })
      return store.transaction(async (tx) => {
        const session = await sessions.insert(tx, {
          customer_id,
          agent_id: identity.agent_id,
          type: 'delegate',
          reason,
          tm_expire: timeAfter(lifetimeMs.delegate),
        })
        await emit(tx, 'agent_session', 'delegated', session)
        return session
      })
    },

    async verify({ id }, { fail }) {
      const session = await sessions.find(store, everyCustomer, id)
      const agent = session && (await agents.find(store, everyCustomer, session.agent_id))
      if (!agent || session.tm_expire <= now()) throw fail('AGENT_SESSION_NOT_FOUND')
      const mayDelegate = agent.permission & permissionBits.project_super_admin
      if (session.type === 'delegate' && !mayDelegate) throw fail('AGENT_SESSION_NOT_FOUND')
      return { agent, session }
    },

    async close({ id }, { customer_id, fail }) {
      const closed = await store.transaction((tx) => sessions.softDelete(tx, customer_id, id))
      if (!closed) throw fail('AGENT_SESSION_NOT_FOUND')
      return {}
    },
  }
}

/** Takes away what has expired. Sessions of operators stay: they tell who acted for a customer, and why. */
export function defineCleaning({ jobs, store }: Core): void {
  jobs.every('agent.clean', {
    everyMs: hourMs,
    timeoutMs: 60_000,
    handler: async () => {
      const time = now()
      await store.kysely.deleteFrom(sessions.name).where('type', '=', 'agent').where('tm_expire', '<', time).execute()
      await store.kysely.deleteFrom(passwordTokens.name).where('tm_expire', '<', time).execute()
    },
  })
}
