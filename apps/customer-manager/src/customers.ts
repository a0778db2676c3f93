import { randomBytes } from 'node:crypto'
import { type ApiError, type Handlers, nilId, type OperationContext } from '@sidetone/contract'
import type { Resources } from '@sidetone/manager'
import { OutboundRefused } from '@sidetone/outbound'
import { type Accesskey, Customer, type customerContract } from '@sidetone/proto-schemas/customer'
import { DuplicateError, newId, type ResourceTable } from '@sidetone/store'
import { z } from 'zod'

/** A row as it is stored: `active_email` is the e-mail, in lower case, while the customer lives, so that the living are unique. */
export const CustomerRow = Customer.extend({ active_email: z.string().nullable() })
type CustomerRow = z.infer<typeof CustomerRow>

interface Dependencies extends Pick<Resources<typeof customerContract>, 'store' | 'emit' | 'outbound'> {
  customers: ResourceTable<CustomerRow>
  accesskeys: ResourceTable<Omit<Accesskey, 'token'>>
}

/** A secret in the form that Standard Webhooks libraries take. */
const newWebhookSecret = (): string => `whsec_${randomBytes(32).toString('base64')}`

export function customerHandlers({
  store,
  emit,
  outbound,
  customers,
  accesskeys,
}: Dependencies): Handlers<typeof customerContract>['customer'] {
  /** A URL that the guard would refuse is refused when it is set already; the guard looks again at every delivery. */
  async function checkWebhookUri(uri: string, { fail }: OperationContext<'INVALID_WEBHOOK_URI'>): Promise<void> {
    if (uri === '') return
    await outbound.check(uri).catch((cause: Error) => {
      // A host that is not known at the moment may be known when the first webhook is sent.
      if (!(cause instanceof OutboundRefused)) return
      const problem = cause.message
      throw fail('INVALID_WEBHOOK_URI', {
        message: `webhook_uri: ${problem}`,
        details: [{ field: 'webhook_uri', problem }],
        cause,
      })
    })
  }

  return {
    async own(_, { customer_id, fail }) {
      const customer = await customers.find(store, customer_id, customer_id)
      if (!customer) throw fail('CUSTOMER_NOT_FOUND')
      return customer
    },

    async update_own(fields, context) {
      const { customer_id, fail } = context
      await checkWebhookUri(fields.webhook_uri, context)
      return store
        .transaction(async (tx) => {
          const changes = { ...fields, active_email: fields.email.toLowerCase() }
          const customer = await customers.update(tx, customer_id, customer_id, changes)
          if (!customer) throw fail('CUSTOMER_NOT_FOUND')
          await emit(tx, 'customer', 'updated', customer)
          return customer
        })
        .catch(duplicateAs(() => fail('CUSTOMER_ALREADY_EXISTS')))
    },

    list: (query, { scope }) => customers.page(store, scope, query),

    async create({ id = newId(), ...fields }, context) {
      await checkWebhookUri(fields.webhook_uri, context)
      return store
        .transaction(async (tx) => {
          const customer = await customers.insert(tx, {
            ...fields,
            id,
            customer_id: id,
            active_email: fields.email.toLowerCase(),
            webhook_secret: newWebhookSecret(),
            billing_account_id: nilId,
            metadata: { rtp_debug: false },
            email_verified: false,
            status: 'active',
            identity_verification_status: 'none',
            tm_deletion_scheduled: null,
          })
          await emit(tx, 'customer', 'created', customer)
          return customer
        })
        .catch(duplicateAs(() => context.fail('CUSTOMER_ALREADY_EXISTS')))
    },

    async get({ id }, { scope, fail }) {
      const customer = await customers.find(store, scope, id)
      if (!customer) throw fail('CUSTOMER_NOT_FOUND')
      return customer
    },

    delete: ({ id }, { scope, fail }) =>
      store.transaction(async (tx) => {
        await customers.update(tx, scope, id, { status: 'deleted', active_email: null })
        const customer = await customers.softDelete(tx, scope, id)
        if (!customer) throw fail('CUSTOMER_NOT_FOUND')
        await accesskeys.softDeleteAllOf(tx, id)
        await emit(tx, 'customer', 'deleted', customer)
        return customer
      }),
  }
}

const duplicateAs =
  (make: () => ApiError) =>
  (error: unknown): never => {
    throw error instanceof DuplicateError ? make() : error
  }
