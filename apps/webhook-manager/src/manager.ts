import { ApiError, type EventEnvelope, internalIdentity, nilId } from '@sidetone/contract'
import { NotYet } from '@sidetone/jobs'
import { defineManager } from '@sidetone/manager'
import { OutboundRefused } from '@sidetone/outbound'
import { type Customer, customerContract } from '@sidetone/proto-schemas/customer'
import { flowContract } from '@sidetone/proto-schemas/flow'
import { isPublicEvent, type PublicEvent, publicEvent } from '@sidetone/proto-schemas/public-event'
import { webhookContract } from '@sidetone/proto-schemas/webhook'
import { newId, once } from '@sidetone/store'
import { z } from 'zod'
import { type Delivery, deliver, type Method } from './deliver.ts'
import { createPlaces } from './places.ts'
import { retries, retryAfterMs } from './schedule.ts'

/** An event for the customer's own address (`uri` empty: whichever it has set when the attempt is made), or for another. */
interface EventDelivery {
  event: PublicEvent
  uri: string
  method: Method
}

/** What a flow asked to be sent. */
interface FlowDelivery {
  id: string
  customer_id: string
  uri: string
  method: Method
  data_type: string
  data: string
}

export const webhookManager = defineManager({
  contract: webhookContract,
  settings: z.object({}),
  migrations: [],
  build({ store, client, cache, jobs, outbound, log }) {
    const takePlace = createPlaces()
    const customers = client(customerContract)
    const flows = client(flowContract)

    // Asked each time: an address that was set a moment ago must get the very next event.
    const customerOf = (id: string): Promise<Customer | undefined> =>
      customers.customer.get({ id }, { identity: internalIdentity(id) }).catch(absentWhenNotFound)

    /** An activeflow may have an address of its own, beside the customer's. */
    async function addressOfFlow({
      customer_id,
      data,
    }: PublicEvent): Promise<{ uri: string; method: Method } | undefined> {
      const id = (data as { activeflow_id?: string }).activeflow_id
      if (!id || id === nilId) return undefined
      const { uri, method } = await cache.getOrLoad(`webhook:activeflow:${id}`, { ttlSeconds: 300 }, async () => {
        const flow = await flows.activeflow
          .get({ id }, { identity: internalIdentity(customer_id) })
          .catch(absentWhenNotFound)
        return { uri: flow?.webhook_uri ?? '', method: flow?.webhook_method || ('POST' as const) }
      })
      return uri === '' ? undefined : { uri, method }
    }

    const schedule = { maxAttempts: retries + 1, backoff: retryAfterMs, concurrency: 128, timeoutMs: 30_000 }

    async function deliverInTurn(customer_id: string, delivery: Delivery): Promise<void> {
      const place = takePlace(`${customer_id} ${URL.parse(delivery.uri)?.origin}`)
      if (place instanceof Date) throw new NotYet(place)
      await deliver(outbound, delivery).then(
        () => place(true),
        (error: unknown) => {
          place(false)
          throw error
        },
      )
    }

    jobs.define<EventDelivery>('webhook.event', {
      ...schedule,
      async handler({ event, uri, method }) {
        const customer = await customerOf(event.customer_id)
        const target = uri
          ? { uri, method }
          : { uri: customer?.webhook_uri ?? '', method: customer?.webhook_method || ('POST' as const) }
        // Switched off since: there is nobody to tell any more.
        if (!customer || target.uri === '') return
        await deliverInTurn(customer.id, {
          ...target,
          id: event.id,
          contentType: 'application/json',
          body: JSON.stringify(event),
          secret: customer.webhook_secret,
        })
      },
      onDead: ({ event }, reason) =>
        log.warn({ event_id: event.id, customer_id: event.customer_id, reason }, 'webhook given up'),
    })

    jobs.define<FlowDelivery>('webhook.flow', {
      ...schedule,
      handler: (delivery) => send(delivery, (ready) => deliverInTurn(delivery.customer_id, ready)),
      onDead: ({ id, customer_id }, reason) => log.warn({ webhook_id: id, customer_id, reason }, 'webhook given up'),
    })

    async function send(
      { id, customer_id, uri, method, data_type, data }: FlowDelivery,
      by: (delivery: Delivery) => Promise<void>,
    ): Promise<void> {
      const customer = await customerOf(customer_id)
      if (customer) await by({ id, uri, method, contentType: data_type, body: data, secret: customer.webhook_secret })
    }

    async function onEvent(envelope: EventEnvelope): Promise<void> {
      if (!isPublicEvent(envelope.type) || envelope.customer_id === nilId) return
      const event = publicEvent(envelope)!
      const customer = await customerOf(envelope.customer_id)
      const ofFlow = await addressOfFlow(event)
      const targets = [
        ...(customer?.webhook_uri ? [{ uri: '', method: 'POST' as const }] : []),
        ...(ofFlow ? [ofFlow] : []),
      ]
      if (targets.length === 0) return
      await store.transaction(async (tx) => {
        if (!(await once(tx, webhookContract.name, envelope.id))) return
        for (const target of targets) {
          // One resource's events reach one address in order: a later one waits for the retries of an earlier one.
          const serialKey = `${target.uri}|${envelope.resource_id}`
          await jobs.enqueue(tx, 'webhook.event', { event, ...target }, { serialKey })
        }
      })
    }

    return {
      handlers: {
        webhook: {
          async send({ sync, activeflow_id: _, ...request }, { customer_id, fail }) {
            await outbound.check(request.uri).catch((cause: Error) => {
              if (!(cause instanceof OutboundRefused)) return
              throw fail('INVALID_WEBHOOK_URI', {
                message: `uri: ${cause.message}`,
                details: [{ field: 'uri', problem: cause.message }],
              })
            })
            const delivery = { ...request, id: newId(), customer_id }
            if (!sync) await store.transaction((tx) => jobs.enqueue(tx, 'webhook.flow', delivery, {}))
            else {
              await send(delivery, (ready) => deliver(outbound, ready)).catch((cause: Error) => {
                throw fail('WEBHOOK_FAILED', { message: `The receiver did not accept it: ${cause.message}`, cause })
              })
            }
            return {}
          },
        },
      },
      reactions: [{ types: 'all', run: onEvent }],
    }
  },
})

function absentWhenNotFound(error: unknown): undefined {
  if (error instanceof ApiError && error.status === 'NOT_FOUND') return undefined
  throw error
}
