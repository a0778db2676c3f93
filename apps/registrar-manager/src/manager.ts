import { everyCustomer, type Scope } from '@sidetone/contract'
import { crud, defineManager, react } from '@sidetone/manager'
import { customerContract } from '@sidetone/proto-schemas/customer'
import { Extension, registrarContract } from '@sidetone/proto-schemas/registrar'
import { digestHa1 } from '@sidetone/secrets'
import { DuplicateError, resourceTable } from '@sidetone/store'
import { z } from 'zod'
import { migrations } from './migrations.ts'

/** A row as it is stored: `address` is `<extension>@<customer>` while it lives, so that the living are unique. */
const ExtensionRow = Extension.extend({ address: z.string().nullable() })

export const registrarManager = defineManager({
  contract: registrarContract,
  settings: z.object({
    /** The digest realm of all SIP accounts; part of every stored HA1, so it never changes. */
    SIP_REALM: z.string().default('sidetone'),
    /** Whose extensions are meant by a domain that names no customer; absent: nobody's. */
    DEFAULT_CUSTOMER_ID: z.uuid().optional(),
  }),
  migrations,
  build({ store, emit, secrets, settings }) {
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
    const addressOf = (extension: string, customer_id: string): string => `${extension}@${customer_id}`
    const byAddress = (scope: Scope, address: string) => extensions.findBy(store, scope, { address })

    function hashes(username: string, password: string) {
      const { md5, sha256 } = digestHa1({ username, realm: settings.SIP_REALM, password })
      return { ha1_md5: md5, ha1_sha256: sha256 }
    }

    return {
      handlers: {
        extension: {
          ...kept,

          create(fields, context) {
            const { customer_id, fail } = context
            const { extension, password } = fields
            const row = {
              ...fields,
              ...hashes(extension, password),
              username: extension,
              domain_name: customer_id,
              direct_hash: '',
              address: addressOf(extension, customer_id),
            }
            return kept.create(row, context).catch((error: unknown) => {
              throw error instanceof DuplicateError ? fail('EXTENSION_ALREADY_EXISTS') : error
            })
          },

          async update({ password, ...fields }, context) {
            const { username } = await kept.get(fields, context)
            return kept.update({ ...fields, password, ...hashes(username, password) }, context)
          },

          delete: ({ id }, { scope, fail }) =>
            store.transaction(async (tx) => {
              await extensions.update(tx, scope, id, { address: null })
              const extension = await extensions.softDelete(tx, scope, id)
              if (!extension) throw fail('EXTENSION_NOT_FOUND')
              await emit(tx, 'extension', 'deleted', extension)
              return extension
            }),

          async by_number({ extension }, { customer_id, fail }) {
            const found = await byAddress(customer_id, addressOf(extension, customer_id))
            if (!found) throw fail('EXTENSION_NOT_FOUND')
            return found
          },

          async credentials({ username, domain }) {
            const customer_id =
              /^([0-9a-f-]{36})\.registrar\./i.exec(domain)?.[1]?.toLowerCase() ?? settings.DEFAULT_CUSTOMER_ID
            const found = customer_id && (await byAddress(everyCustomer, addressOf(username, customer_id)))
            return { credentials: found || null }
          },
        },
      },
      reactions: [
        react(customerContract, 'customer', 'deleted', async (tx, customer) => {
          await extensions.updateAllOf(tx, customer.id, { address: null })
          await extensions.softDeleteAllOf(tx, customer.id)
        }),
      ],
    }
  },
})
