import { type ApiError, commonError, everyCustomer, type Handlers } from '@sidetone/contract'
import { crud, type Resources } from '@sidetone/manager'
import type { Agent, agentContract } from '@sidetone/proto-schemas/agent'
import { hashPassword, verifyPassword } from '@sidetone/secrets'
import { DuplicateError, type ResourceTable, type Tx } from '@sidetone/store'
import { isAdmin, mayGrant } from './rules.ts'

interface Dependencies extends Pick<Resources<typeof agentContract>, 'store' | 'emit'> {
  agents: ResourceTable<Agent>
}

export function agentHandlers({ store, emit, agents }: Dependencies): Handlers<typeof agentContract>['agent'] {
  const announce = (tx: Tx, event: 'created' | 'updated' | 'deleted', agent: Agent) => emit(tx, 'agent', event, agent)
  const kept = crud({ store, table: agents, notFound: 'AGENT_NOT_FOUND', announce })

  const otherAdmins = async (tx: Tx, agent: Agent): Promise<boolean> => {
    const all = await agents.list(tx, agent.customer_id, { limit: 1_000 })
    return all.some((other) => other.id !== agent.id && isAdmin(other.permission))
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
      const password_hash = await hashPassword(password)
      return store
        .transaction(async (tx) => {
          const agent = await agents.insert(tx, { ...fields, customer_id, username, password_hash, status: 'offline', direct_hash: '' })
          await announce(tx, 'created', agent)
          return agent
        })
        .catch(duplicateAs(() => fail('AGENT_ALREADY_EXISTS')))
    },

    delete: ({ id }, { scope, fail }) =>
      store.transaction(async (tx) => {
        const agent = await agents.find(tx, scope, id)
        if (!agent) throw fail('AGENT_NOT_FOUND')
        if (isAdmin(agent.permission) && !(await otherAdmins(tx, agent))) throw fail('LAST_ADMIN')
        // Its username is free again, and it can no longer log in.
        await agents.update(tx, scope, id, { username: `${id}@deleted.invalid` })
        await agents.softDelete(tx, scope, id)
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
      return kept.update({ id, password_hash: await hashPassword(password) }, context)
    },

    update_permission: ({ id, permission }, { scope, identity, fail }) =>
      store.transaction(async (tx) => {
        const before = await agents.find(tx, scope, id)
        if (!before) throw fail('AGENT_NOT_FOUND')
        if (!mayGrant(identity, permission) || !mayGrant(identity, before.permission)) throw fail('PERMISSION_NOT_HELD')
        const demoted = isAdmin(before.permission) && !isAdmin(permission)
        if (demoted && !(await otherAdmins(tx, before))) throw fail('LAST_ADMIN')
        const agent = await agents.update(tx, scope, id, { permission })
        if (!agent) throw fail('AGENT_NOT_FOUND')
        await announce(tx, 'updated', agent)
        return agent
      }),

    me: (_, context) => kept.get({ id: context.identity.agent_id }, context),

    async login({ username, password }) {
      const agent = await agents.findBy(store, everyCustomer, { username: username.toLowerCase() })
      const right = await verifyPassword(password, agent?.password_hash ?? (await unusableHash))
      if (!agent || !right) throw commonError('INVALID_CREDENTIALS', { message: 'The username or the password is wrong.' })
      return agent
    },

    async by_address({ address }, { customer_id }) {
      const all = await agents.list(store, customer_id, { limit: 1_000 })
      const owner = all.find((agent) => agent.addresses.some((own) => own.type === address.type && own.target === address.target))
      return { agent: owner ?? null }
    },
  }
}

/** An unknown username costs as much time as a wrong password, so that nobody can tell them apart. */
const unusableHash = hashPassword(crypto.randomUUID())

const duplicateAs =
  (make: () => ApiError) =>
  (error: unknown): never => {
    throw error instanceof DuplicateError ? make() : error
  }
