import { everyCustomer, type Handlers, internalIdentity, type Scope } from '@sidetone/contract'
import { checkRoom, crud, takeRoom } from '@sidetone/manager'
import { billingContract } from '@sidetone/proto-schemas/billing'
import { directContract } from '@sidetone/proto-schemas/direct'
import { planLimit } from '@sidetone/proto-schemas/plan-limit'
import { Extension, type registrarContract } from '@sidetone/proto-schemas/registrar'
import { DuplicateError, newId, resourceTable, type Tx } from '@sidetone/store'
import { z } from 'zod'
import { type Core, hashesOf } from './core.ts'

/**
 * A row as it is stored: `address` is `<extension>@<customer>` while it lives, so that the living are unique; `frozen` while
 * its customer is.
 */
const ExtensionRow = Extension.extend({ address: z.string().nullable(), frozen: z.boolean() })

const addressOf = (extension: string, customer_id: string): string => `${extension}@${customer_id}`

/** The operations on extensions, and what becomes of them with their customer. */
export function createExtensions(core: Core) {
  const { store, emit, secrets, settings, client, log } = core
  const { direct } = client(directContract)
  const extensions = resourceTable(ExtensionRow, 'registrar_extension', {
    encrypted: ['password', 'ha1_md5', 'ha1_sha256'],
    secrets,
  })
  const kept = crud({
    store,
    table: extensions,
    notFound: 'EXTENSION_NOT_FOUND',
    announce: (tx, event, row) => emit(tx, 'extension', event, row),
  })
  const byAddress = (scope: Scope, address: string) => extensions.findBy(store, scope, { address })
  const resource = (id: string) => ({ resource_type: 'extension' as const, resource_id: id })

  /** The short address of a new extension. An extension is worth more than its address, which can be asked for later. */
  async function firstHash(customer_id: string, id: string): Promise<string> {
    try {
      return (await direct.create(resource(id), { identity: internalIdentity(customer_id) })).hash
    } catch (err) {
      log.warn({ err, extension_id: id }, 'an extension has no direct hash; direct-hash-regenerate gives it one')
      return ''
    }
  }

  const handlers: Handlers<typeof registrarContract>['extension'] = {
    ...kept,

    async create(fields, context) {
      const { customer_id, fail } = context
      const { extension, password } = fields
      const address = addressOf(extension, customer_id)
      if (await byAddress(customer_id, address)) throw fail('EXTENSION_ALREADY_EXISTS')
      const limit = await planLimit(client(billingContract), customer_id, 'extension')
      const room = { customer_id, limit, fail }
      // Before it gets a hash, which would be left over.
      await checkRoom(store, extensions, room)
      const id = newId()
      const row = {
        ...fields,
        ...hashesOf(core, extension, password),
        id,
        username: extension,
        domain_name: customer_id,
        direct_hash: await firstHash(customer_id, id),
        address,
        frozen: false,
      }
      return kept
        .create(row, context, (tx) => takeRoom(tx, extensions, room))
        .catch((error: unknown) => {
          throw error instanceof DuplicateError ? fail('EXTENSION_ALREADY_EXISTS') : error
        })
    },

    async update({ password, ...fields }, context) {
      const { username } = await kept.get(fields, context)
      return kept.update({ ...fields, password, ...hashesOf(core, username, password) }, context)
    },

    delete: ({ id }, { scope, fail }) =>
      store.transaction(async (tx) => {
        await extensions.update(tx, scope, id, { address: null })
        const extension = await extensions.softDelete(tx, scope, id)
        if (!extension) throw fail('EXTENSION_NOT_FOUND')
        await emit(tx, 'extension', 'deleted', extension)
        return extension
      }),

    async direct_hash_regenerate({ id }, context) {
      const { customer_id } = await kept.get({ id }, context)
      const { hash } = await direct.regenerate(resource(id), { identity: internalIdentity(customer_id) })
      return kept.update({ id, direct_hash: hash }, context)
    },

    async by_number({ extension }, { customer_id, fail }) {
      const found = await byAddress(customer_id, addressOf(extension, customer_id))
      if (!found) throw fail('EXTENSION_NOT_FOUND')
      return found
    },

    async credentials({ username, domain }) {
      const customer_id =
        /^([0-9a-f-]{36})\.registrar\./i.exec(domain)?.[1]?.toLowerCase() ?? settings.DEFAULT_CUSTOMER_ID
      const address = customer_id && addressOf(username, customer_id)
      const found = address && (await extensions.findBy(store, everyCustomer, { address, frozen: false }))
      return { credentials: found || null }
    },
  }

  return {
    handlers,
    table: extensions,
    /** Of a frozen customer none is let in. */
    freezeAllOf: (tx: Tx, customer_id: string, frozen: boolean) => extensions.updateAllOf(tx, customer_id, { frozen }),
    async removeAllOf(tx: Tx, customer_id: string): Promise<void> {
      await extensions.updateAllOf(tx, customer_id, { address: null })
      await extensions.softDeleteAllOf(tx, customer_id)
    },
  }
}
