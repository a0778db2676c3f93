import { BlockList, isIPv6 } from 'node:net'
import { everyCustomer, type Handlers } from '@sidetone/contract'
import { crud, takeRoom } from '@sidetone/manager'
import { billingContract } from '@sidetone/proto-schemas/billing'
import { planLimit } from '@sidetone/proto-schemas/plan-limit'
import { type registrarContract, Trunk } from '@sidetone/proto-schemas/registrar'
import { DuplicateError, resourceTable, type Tx } from '@sidetone/store'
import { z } from 'zod'
import { type Core, hashesOf } from './core.ts'

/**
 * A row as it is stored: `active_domain` is the name in lower case while it lives, so that the living are unique; `frozen`
 * while its customer is.
 */
const TrunkRow = Trunk.extend({ active_domain: z.string().nullable(), frozen: z.boolean() })

/** The operations on trunks, and what becomes of them with their customer. */
export function createTrunks(core: Core) {
  const { store, emit, secrets, client } = core
  const trunks = resourceTable(TrunkRow, 'registrar_trunk', {
    encrypted: ['password', 'ha1_md5', 'ha1_sha256'],
    secrets,
  })
  const kept = crud({
    store,
    table: trunks,
    notFound: 'TRUNK_NOT_FOUND',
    announce: (tx, event, row) => emit(tx, 'trunk', event, row),
  })
  const hashed = <T extends { username: string; password: string }>(fields: T) => ({
    ...fields,
    ...hashesOf(core, fields.username, fields.password),
  })

  const handlers: Handlers<typeof registrarContract>['trunk'] = {
    ...kept,

    async create(fields, context) {
      const { customer_id, fail } = context
      const limit = await planLimit(client(billingContract), customer_id, 'trunk')
      const row = { ...hashed(fields), active_domain: fields.domain_name.toLowerCase(), frozen: false }
      return kept
        .create(row, context, (tx) => takeRoom(tx, trunks, { customer_id, limit, fail }))
        .catch((error: unknown) => {
          throw error instanceof DuplicateError ? fail('TRUNK_ALREADY_EXISTS') : error
        })
    },

    update: (fields, context) => kept.update(hashed(fields), context),

    delete: ({ id }, { scope, fail }) =>
      store.transaction(async (tx) => {
        await trunks.update(tx, scope, id, { active_domain: null })
        const trunk = await trunks.softDelete(tx, scope, id)
        if (!trunk) throw fail('TRUNK_NOT_FOUND')
        await emit(tx, 'trunk', 'deleted', trunk)
        return trunk
      }),

    async credentials({ domain_name, username, source }) {
      const trunk = await trunks.findBy(store, everyCustomer, {
        active_domain: domain_name.toLowerCase(),
        frozen: false,
      })
      const proven = trunk && (username === '' ? admits(trunk, source) : hasUser(trunk, username))
      return { credentials: proven ? trunk : null }
    },
  }

  return {
    handlers,
    table: trunks,
    /** Of a frozen customer none is let in. */
    freezeAllOf: (tx: Tx, customer_id: string, frozen: boolean) => trunks.updateAllOf(tx, customer_id, { frozen }),
    async removeAllOf(tx: Tx, customer_id: string): Promise<void> {
      await trunks.updateAllOf(tx, customer_id, { active_domain: null })
      await trunks.softDeleteAllOf(tx, customer_id)
    },
  }
}

const hasUser = ({ auth_types, username }: Trunk, user: string): boolean =>
  auth_types.includes('basic') && username === user

/** Whether a call from this address is the trunk's. */
function admits({ auth_types, allowed_ips }: Trunk, source: string): boolean {
  if (!auth_types.includes('ip')) return false
  const family = (address: string) => (isIPv6(address) ? 'ipv6' : 'ipv4')
  const allowed = new BlockList()
  for (const entry of allowed_ips) {
    const [network = '', prefix] = entry.split('/')
    if (prefix === undefined) allowed.addAddress(network, family(network))
    else allowed.addSubnet(network, Number(prefix), family(network))
  }
  return allowed.check(source, family(source))
}
