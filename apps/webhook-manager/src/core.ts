import type { Resources } from '@sidetone/manager'
import { WebhookEndpoint, type webhookContract } from '@sidetone/proto-schemas/webhook'
import { type ResourceTable, resourceTable, type Tx, timeAfter } from '@sidetone/store'
import { type Deliveries, openDeliveries } from './deliveries.ts'
import { type Secret, secretFrom } from './sign.ts'

/** What the parts of this manager share. */
export interface Core extends Resources<typeof webhookContract> {
  endpoints: ResourceTable<WebhookEndpoint>
  deliveries: Deliveries
}

export const createCore = (resources: Resources<typeof webhookContract>): Core => ({
  ...resources,
  endpoints: resourceTable(WebhookEndpoint, 'webhook_endpoint', {
    encrypted: ['secret', 'old_secret'],
    secrets: resources.secrets,
  }),
  deliveries: openDeliveries(resources.store),
})

export const drainJob = 'webhook.drain'
/** Said when there is something new for an endpoint, to whoever is sending to it. */
export const drainSignal = (endpoint_id: string): string => `webhook:${endpoint_id}`

/** Lets an endpoint's queue be worked off, once this is committed; one worker at a time does. */
export async function wake({ jobs }: Core, tx: Tx, endpoint_id: string): Promise<void> {
  await jobs.enqueue(tx, drainJob, { endpoint_id }, { key: endpoint_id, serialKey: endpoint_id })
  tx.signal(drainSignal(endpoint_id))
}

/** What requests to an endpoint are signed with, the newest first; an activeflow's with its customer's. */
export async function secretsOf({ store, endpoints }: Core, endpoint: WebhookEndpoint): Promise<Secret[]> {
  const { customer_id } = endpoint
  const signer = endpoint.type === 'activeflow' ? await endpoints.find(store, customer_id, customer_id) : endpoint
  const { secret, old_secret, tm_old_secret_expire } = signer ?? endpoint
  const old = tm_old_secret_expire !== null && tm_old_secret_expire > timeAfter(0) ? old_secret : null
  return [secret, old].filter((known) => known !== null).map(secretFrom)
}
