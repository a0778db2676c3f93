import { type EventEnvelope, everyCustomer, internalIdentity, nilId } from '@sidetone/contract'
import { flowContract } from '@sidetone/proto-schemas/flow'
import { isPublicEvent, type PublicEvent, publicEvent } from '@sidetone/proto-schemas/public-event'
import type { WebhookEndpoint } from '@sidetone/proto-schemas/webhook'
import { batches } from '@sidetone/store'
import { type Core, wake } from './core.ts'
import { absentWhenNotFound, type CustomerAddresses, unnamed } from './customer-address.ts'
import type { NewDelivery } from './deliveries.ts'
import { healthy, isPaused } from './health.ts'

type Target = Pick<WebhookEndpoint, 'id' | 'customer_id' | 'type' | 'event_types' | 'status' | 'tm_retry'>

interface Item {
  event: PublicEvent
  /** An activeflow that has an address of its own. */
  activeflow_id: string | undefined
}

const batchSize = 200
const addressTtlSeconds = 300

/** Puts each event into the queues of those who want it, once; what arrives together is written together. */
export function createFanOut(core: Core, addresses: CustomerAddresses) {
  const { store, endpoints, deliveries, cache } = core
  const flows = core.client(flowContract)
  const enqueue = batches<Item>(enqueueAll, batchSize)

  async function enqueueAll(items: Item[]): Promise<void> {
    // Read after the events were committed: an endpoint that was made before one is there.
    const targets = await targetsOf(items.map(({ event }) => event.customer_id))
    const wanted = items.flatMap((item) => deliveriesOf(item, targets.get(item.event.customer_id) ?? []))
    if (wanted.length === 0) return
    // These come back by themselves, when their pause is over.
    const paused = new Set([...targets.values()].flat().flatMap((target) => (isPaused(target) ? [target.id] : [])))
    await store.transaction(async (tx) => {
      const due = await deliveries.add(tx, wanted)
      for (const id of due) if (!paused.has(id)) await wake(core, tx, id)
    })
  }

  async function targetsOf(customer_ids: string[]): Promise<Map<string, Target[]>> {
    const rows = await endpoints
      .select(store, everyCustomer)
      .select(['id', 'customer_id', 'type', 'event_types', 'status', 'tm_retry'])
      .where('customer_id', 'in', [...new Set(customer_ids)])
      .where('status', '!=', 'disabled')
      .execute()
    return Map.groupBy(
      rows.map((row) => endpoints.decode(row)),
      ({ customer_id }) => customer_id,
    )
  }

  /** Makes an endpoint for the address of the activeflow that the event is about, if it has one. */
  async function activeflowOf({ customer_id, data }: PublicEvent): Promise<string | undefined> {
    const { activeflow_id: id } = data as { activeflow_id?: string }
    if (!id || id === nilId) return undefined
    const has = await cache.getOrLoad(`webhook:activeflow:${id}`, { ttlSeconds: addressTtlSeconds }, async () => {
      const flow = await flows.activeflow
        .get({ id }, { identity: internalIdentity(customer_id) })
        .catch(absentWhenNotFound)
      if (!flow?.webhook_uri) return false
      const address = { uri: flow.webhook_uri, method: flow.webhook_method || ('POST' as const) }
      await store.transaction(async (tx) => {
        if (await endpoints.find(tx, customer_id, id)) return
        const row = { ...unnamed, ...address, ...healthy, secret: null, tm_source: null, status: 'enabled' as const }
        await endpoints.insert(tx, { ...row, id, customer_id, type: 'activeflow' })
      })
      return true
    })
    return has ? id : undefined
  }

  return async (envelope: EventEnvelope): Promise<void> => {
    if (!isPublicEvent(envelope.type) || envelope.customer_id === nilId) return
    const event = publicEvent(envelope)!
    await addresses.ensure(event.customer_id)
    await enqueue({ event, activeflow_id: await activeflowOf(event) })
  }
}

function deliveriesOf({ event, activeflow_id }: Item, targets: Target[]): NewDelivery[] {
  const { id: event_id, type: event_type, customer_id, resource_id } = event
  const wanting = targets.filter(({ id, type, event_types }) =>
    type === 'activeflow' ? id === activeflow_id : id !== resource_id && event_types.some((it) => fits(it, event_type)),
  )
  if (wanting.length === 0) return []
  const body = JSON.stringify(event)
  return wanting.map(({ id: endpoint_id, status }) => ({
    ...{ endpoint_id, customer_id, event_id, event_type, resource_id, body },
    givenUp: status === 'failed' ? 'the endpoint had been given up' : undefined,
  }))
}

const patterns = new Map<string, RegExp>()

/** Whether a pattern, in which `*` stands for any letters, fits the type of an event. */
export function fits(pattern: string, type: string): boolean {
  const known = patterns.get(pattern) ?? new RegExp(`^${pattern.replaceAll('*', '.*')}$`)
  if (patterns.size < mostPatterns) patterns.set(pattern, known)
  return known.test(type)
}
const mostPatterns = 10_000
