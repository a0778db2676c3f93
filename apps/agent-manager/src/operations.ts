import { type ApiError, commonError, everyCustomer, type Handlers, permissionBits } from '@sidetone/contract'
import { crud, type Resources } from '@sidetone/manager'
import { Agent, type agentContract } from '@sidetone/proto-schemas/agent'
import { hashPassword, PasswordsBusy, verifyPassword } from '@sidetone/secrets'
import { DuplicateError, type ResourceTable, type Tx } from '@sidetone/store'
import { z } from 'zod'
import { isAdmin, mayGrant } from './rules.ts'

/** A row as it is stored: `login` is the username while the agent lives, so that the living are unique. */
export const AgentRow = Agent.extend({ login: z.string().nullable() })
type AgentRow = z.infer<typeof AgentRow>

interface Dependencies extends Pick<Resources<typeof agentContract>, 'store' | 'emit'> {
  agents: ResourceTable<AgentRow>
}

export function agentHandlers({ store, emit, agents }: Dependencies): Handlers<typeof agentContract>['agent'] {
  const announce = (tx: Tx, event: 'created' | 'updated' | 'deleted', agent: Agent) => emit(tx, 'agent', event, agent)
  const kept = crud({ store, table: agents, notFound: 'AGENT_NOT_FOUND', announce })

  /** Locks the customer's admins until the transaction ends: of two who leave at the same time, one stays. */
  const isLastAdmin = async (tx: Tx, agent: Agent): Promise<boolean> => {
    const admins = agents
      .select(tx, agent.customer_id)
      .select('id')
      .where(({ eb }) => eb(eb('permission', '&', permissionBits.customer_admin), '<>', 0))
    const found = await (tx.dialect === 'mysql' ? admins.forUpdate() : admins).execute()
    return isAdmin(agent.permission) && found.every(({ id }) => id === agent.id)
  }

  return {
    ...kept,

    async list({ tag_ids, status, ...query }, { customer_id }) {
      const page = await agents.page(store, customer_id, query, status === undefined ? {} : { status })
      if (!tag_ids) return page
      const wanted = tag_ids.split(',')
      return { ...page, result: page.result.filter((agent) => agent.tag_ids.some((id) => wanted.includes(id))) }
    },

    async create({ password, ...fields }, { customer_id, identity, fail }) {
      if (!mayGrant(identity, fields.permission)) throw fail('PERMISSION_NOT_HELD')
      const username = fields.username.toLowerCase()
      const password_hash = await hashPassword(password).catch(tryAgainWhenBusy)
      return store
        .transaction(async (tx) => {
          const agent = await agents.insert(tx, {
            ...fields,
            customer_id,
            username,
            login: username,
            password_hash,
            status: 'offline',
            direct_hash: '',
          })
          await announce(tx, 'created', agent)
          return agent
        })
        .catch(duplicateAs(() => fail('AGENT_ALREADY_EXISTS')))
    },

    delete: ({ id }, { scope, identity, fail }) =>
      store.transaction(async (tx) => {
        const before = await agents.find(tx, scope, id)
        if (!before) throw fail('AGENT_NOT_FOUND')
        if (!mayGrant(identity, before.permission)) throw fail('PERMISSION_NOT_HELD')
        if (await isLastAdmin(tx, before)) throw fail('LAST_ADMIN')
        await agents.update(tx, scope, id, { login: null })
        const agent = await agents.softDelete(tx, scope, id)
        if (!agent) throw fail('AGENT_NOT_FOUND')
        await announce(tx, 'deleted', agent)
        return agent
      }),

    update_addresses: (input, context) => kept.update(input, context),
    update_tag_ids: (input, context) => kept.update(input, context),

    update_status: ({ id, status }, { scope, fail }) =>
      store.transaction(async (tx) => {
        const agent = await agents.update(tx, scope, id, { status })
        if (!agent) throw fail('AGENT_NOT_FOUND')
        await emit(tx, 'agent', 'status_updated', agent)
        return agent
      }),

    async update_password({ id, password }, context) {
      const agent = await kept.get({ id }, context)
      // Whoever sets a password can log in with it, so it is a grant of everything that the agent holds.
      if (!mayGrant(context.identity, agent.permission)) throw context.fail('PERMISSION_NOT_HELD')
      return kept.update({ id, password_hash: await hashPassword(password).catch(tryAgainWhenBusy) }, context)
    },

    update_permission: ({ id, permission }, { scope, identity, fail }) =>
      store.transaction(async (tx) => {
        const before = await agents.find(tx, scope, id)
        if (!before) throw fail('AGENT_NOT_FOUND')
        if (!mayGrant(identity, permission) || !mayGrant(identity, before.permission)) throw fail('PERMISSION_NOT_HELD')
        if (!isAdmin(permission) && (await isLastAdmin(tx, before))) throw fail('LAST_ADMIN')
        const agent = await agents.update(tx, scope, id, { permission })
        if (!agent) throw fail('AGENT_NOT_FOUND')
        await announce(tx, 'updated', agent)
        return agent
      }),

    me: (_, context) => kept.get({ id: context.identity.agent_id }, context),

    async login({ username, password }) {
      const agent = await agents.findBy(store, everyCustomer, { login: username.toLowerCase() })
      const right = await verifyPassword(password, agent?.password_hash).catch(tryAgainWhenBusy)
      if (!agent || !right)
        throw commonError('INVALID_CREDENTIALS', { message: 'The username or the password is wrong.' })
      return agent
    },

    async by_address({ address }, { customer_id }) {
      const candidates = await agents
        .select(store, customer_id)
        .selectAll()
        .where(({ eb, val, fn }) => eb(fn('instr', ['addresses', val(JSON.stringify(address.target))]), '>', 0))
        .execute()
      const owner = candidates
        .map(agents.decode)
        .find((agent) => agent.addresses.some((own) => own.type === address.type && own.target === address.target))
      return { agent: owner ?? null }
    },
  }
}

function tryAgainWhenBusy(error: unknown): never {
  throw error instanceof PasswordsBusy ? commonError('SERVICE_UNAVAILABLE', { message: error.message }) : error
}

const duplicateAs =
  (make: () => ApiError) =>
  (error: unknown): never => {
    throw error instanceof DuplicateError ? make() : error
  }
