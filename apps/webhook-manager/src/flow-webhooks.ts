import type { Handlers } from '@sidetone/contract'
import { NotYet } from '@sidetone/jobs'
import type { webhookContract } from '@sidetone/proto-schemas/webhook'
import { newId } from '@sidetone/store'
import { type Core, secretsOf } from './core.ts'
import type { CustomerAddresses } from './customer-address.ts'
import { deliver, type Method } from './deliver.ts'
import { checkUri } from './endpoints.ts'
import { createPlaces } from './places.ts'
import { retries, retryAfterMs } from './schedule.ts'

/** What a flow asked to be sent. */
interface FlowDelivery {
  id: string
  customer_id: string
  uri: string
  method: Method
  data_type: string
  data: string
}

const jobType = 'webhook.flow'

/** Sends what flows want to be sent, to whichever address they name. */
export function flowWebhooks(
  core: Core,
  addresses: CustomerAddresses,
): Handlers<typeof webhookContract>['webhook']['send'] {
  const { store, endpoints, jobs, log } = core
  const takePlace = createPlaces()

  /** Rejects when it was not accepted; a customer that is gone wants nothing sent. */
  async function send({ id, customer_id, uri, method, data_type, data }: FlowDelivery): Promise<void> {
    await addresses.ensure(customer_id)
    const customer = await endpoints.find(store, customer_id, customer_id)
    if (!customer) return
    const request = { id, uri, method, contentType: data_type, body: data, secrets: await secretsOf(core, customer) }
    const { error } = await deliver(core.outbound, request)
    if (error !== '') throw new Error(error)
  }

  jobs.define<FlowDelivery>(jobType, {
    ...{ maxAttempts: retries + 1, backoff: retryAfterMs, concurrency: 128, timeoutMs: 30_000 },
    async handler(delivery) {
      const place = takePlace(`${delivery.customer_id} ${URL.parse(delivery.uri)?.origin}`)
      if (place instanceof Date) throw new NotYet(place)
      await send(delivery).then(
        () => place(true),
        (error: unknown) => {
          place(false)
          throw error
        },
      )
    },
    onDead: ({ id, customer_id }, reason) => log.warn({ webhook_id: id, customer_id, reason }, 'webhook given up'),
  })

  return async ({ sync, activeflow_id: _, ...request }, { customer_id, fail }) => {
    await checkUri(core, request.uri, { fail })
    const delivery = { ...request, id: newId(), customer_id }
    if (!sync) await store.transaction((tx) => jobs.enqueue(tx, jobType, delivery, {}))
    else {
      await send(delivery).catch((cause: Error) => {
        throw fail('WEBHOOK_FAILED', { message: `The receiver did not accept it: ${cause.message}`, cause })
      })
    }
    return {}
  }
}
