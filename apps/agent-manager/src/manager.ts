import { permissionBits } from '@sidetone/contract'
import { createMailer, mailSettings } from '@sidetone/mail'
import { defineManager, react } from '@sidetone/manager'
import { agentContract } from '@sidetone/proto-schemas/agent'
import { type Customer, customerContract } from '@sidetone/proto-schemas/customer'
import type { Tx } from '@sidetone/store'
import { z } from 'zod'
import { migrations } from './migrations.ts'
import { agentHandlers } from './operations.ts'
import { definePasswordMails, enqueuePasswordMail } from './passwords.ts'
import { defineCleaning, sessionHandlers } from './sessions.ts'
import { agents, passwordTokens, sessions } from './tables.ts'

export const agentManager = defineManager({
  contract: agentContract,
  settings: z.object(mailSettings),
  migrations,
  build(core) {
    const { emit, jobs, log, settings } = core
    const mailer = createMailer(settings)
    definePasswordMails(core, mailer)
    defineCleaning(core)

    /** A customer's first admin has the customer's address, and sets its password by a mailed link. */
    async function addFirstAdmin(tx: Tx, customer: Pick<Customer, 'id' | 'email' | 'name'>): Promise<void> {
      const username = customer.email.toLowerCase()
      // The customer was only made because the name was free; somebody was quicker since.
      if (await agents.findBy(tx, '*', { login: username })) {
        log.warn({ customer_id: customer.id }, 'the new customer has no admin: an agent has its address')
        return
      }
      const agent = await agents.insert(tx, {
        customer_id: customer.id,
        username,
        login: username,
        password_hash: '',
        name: customer.name,
        detail: '',
        ring_method: 'ringall',
        status: 'offline',
        permission: permissionBits.customer_admin,
        tag_ids: [],
        addresses: [],
        direct_hash: '',
      })
      await emit(tx, 'agent', 'created', agent)
      await enqueuePasswordMail(jobs, tx, { username, occasion: 'welcome' })
    }

    return {
      handlers: { agent: agentHandlers(core), agent_session: sessionHandlers(core) },
      purges: { agent: agents, agent_session: sessions, agent_password_token: passwordTokens },
      reactions: [
        react(customerContract, 'customer', 'created', async (tx, customer) => {
          if (!customer.headless) await addFirstAdmin(tx, customer)
        }),
        react(customerContract, 'customer', 'deleted', async (tx, { id }) => {
          await agents.updateAllOf(tx, id, { login: null })
          await agents.softDeleteAllOf(tx, id)
          await sessions.softDeleteAllOf(tx, id)
          await passwordTokens.softDeleteAllOf(tx, id)
        }),
      ],
      stop: async () => mailer.close(),
    }
  },
})
