import { type ApiError, everyCustomer, type Handlers, internalIdentity, permissionBits } from '@sidetone/contract'
import { crud, takeRoom } from '@sidetone/manager'
import type { Agent, agentContract } from '@sidetone/proto-schemas/agent'
import { billingContract } from '@sidetone/proto-schemas/billing'
import { directContract } from '@sidetone/proto-schemas/direct'
import { planLimit } from '@sidetone/proto-schemas/plan-limit'
import { hashPassword } from '@sidetone/secrets'
import { DuplicateError, type Tx } from '@sidetone/store'
import { passwordHandlers, tryAgainWhenBusy } from './passwords.ts'
import { isAdmin, mayGrant } from './rules.ts'
import { agents, type Core } from './tables.ts'

export function agentHandlers(core: Core): Handlers<typeof agentContract>['agent'] {
  const { store, emit, client } = core
  const directs = client(directContract)
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
    ...passwordHandlers(core),

    list: ({ tag_ids, status, ...query }, { customer_id }) =>
      agents.page(store, customer_id, query, {
        ...(status !== undefined && { status }),
        ...(tag_ids && { tag_ids: { anyOf: tag_ids.split(',') } }),
      }),

    async create({ password, ...fields }, { customer_id, identity, fail }) {
      if (!mayGrant(identity, fields.permission)) throw fail('PERMISSION_NOT_HELD')
      const limit = await planLimit(client(billingContract), customer_id, 'agent')
      const username = fields.username.toLowerCase()
      const password_hash = await hashPassword(password).catch(tryAgainWhenBusy)
      return store
        .transaction(async (tx) => {
          await takeRoom(tx, agents, { customer_id, limit, fail })
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

    async direct_hash_regenerate({ id }, context) {
      const { customer_id } = await kept.get({ id }, context)
      const direct = await directs.direct.regenerate(
        { resource_type: 'agent', resource_id: id },
        { identity: internalIdentity(customer_id) },
      )
      return kept.update({ id, direct_hash: direct.hash }, context)
    },

    async by_username({ username }) {
      return { agent: (await agents.findBy(store, everyCustomer, { login: username.toLowerCase() })) ?? null }
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

const duplicateAs =
  (make: () => ApiError) =>
  (error: unknown): never => {
    throw error instanceof DuplicateError ? make() : error
  }
