import { ApiError, internalIdentity } from '@sidetone/contract'
import { type Customer, customerContract } from '@sidetone/proto-schemas/customer'
import type { WebhookEndpoint } from '@sidetone/proto-schemas/webhook'
import { DuplicateError } from '@sidetone/store'
import { type Core, wake } from './core.ts'
import { healthy } from './health.ts'

interface Address {
  uri: string
  method: Customer['webhook_method']
  secret: string
  /** When the customer was changed to have it. */
  tm_source: string
}

export type CustomerAddresses = ReturnType<typeof customerAddresses>

/**
 * Keeps an endpoint for the `webhook_uri` of each customer, under the customer's id. The customer manager tells of a change
 * before it answers, so that the very next event goes there; should that fail, the event of the change does. A customer
 * that is not known here is asked for once.
 */
export function customerAddresses(core: Core) {
  const { store, endpoints, deliveries } = core
  const customers = core.client(customerContract)
  const known = new Set<string>()

  async function follow(customer_id: string, { uri, method, secret, tm_source }: Address): Promise<void> {
    const address = {
      ...{ uri, method: method || ('POST' as const), secret, tm_source },
      status: uri === '' ? ('disabled' as const) : ('enabled' as const),
      ...healthy,
    }
    await store.transaction(async (tx) => {
      const before = await endpoints.findLocked(tx, customer_id, customer_id)
      if (!before)
        await endpoints.insert(tx, { ...unnamed, ...address, id: customer_id, customer_id, type: 'customer' })
      else if (before.tm_source! < tm_source) {
        await endpoints.update(tx, customer_id, customer_id, address)
        await deliveries.hurry(tx, customer_id)
        await wake(core, tx, customer_id)
      }
    })
    known.add(customer_id)
  }

  /** Asks the customer manager how it is now. */
  async function refresh(customer_id: string): Promise<void> {
    const customer = await customers.customer
      .get({ id: customer_id }, { identity: internalIdentity(customer_id) })
      .catch(absentWhenNotFound)
    if (!customer) return
    const { webhook_uri: uri, webhook_method: method, webhook_secret: secret, tm_update, tm_create } = customer
    await follow(customer_id, { uri, method, secret, tm_source: tm_update ?? tm_create }).catch((error: unknown) => {
      // Two asked at the same time; the other has kept it.
      if (!(error instanceof DuplicateError)) throw error
    })
  }

  return {
    follow,
    refresh,

    /** Resolves when the customer's endpoint is there, if there is such a customer. */
    async ensure(customer_id: string): Promise<void> {
      if (known.has(customer_id)) return
      if (await endpoints.find(store, customer_id, customer_id)) known.add(customer_id)
      else await refresh(customer_id)
    },
  }
}

/** What addresses that are not endpoints of their own have no use for. */
export const unnamed = {
  ...{ name: '', detail: '', event_types: ['*'], old_secret: null, tm_old_secret_expire: null },
} satisfies Partial<WebhookEndpoint>

export function absentWhenNotFound(error: unknown): undefined {
  if (error instanceof ApiError && error.status === 'NOT_FOUND') return undefined
  throw error
}
