import { randomBytes } from 'node:crypto'
import type { ApiError, Handlers, OperationContext, Scope } from '@sidetone/contract'
import { takeRoom } from '@sidetone/manager'
import { OutboundRefused } from '@sidetone/outbound'
import { billingContract } from '@sidetone/proto-schemas/billing'
import { planLimit } from '@sidetone/proto-schemas/plan-limit'
import { publicEventTypes } from '@sidetone/proto-schemas/public-event'
import type { WebhookEndpoint, webhookContract } from '@sidetone/proto-schemas/webhook'
import { newId, now, type Tx, timeAfter } from '@sidetone/store'
import { type Core, secretsOf, wake } from './core.ts'
import { deliver } from './deliver.ts'
import { fits } from './fan-out.ts'
import { healthy } from './health.ts'

const newSecret = (): string => `whsec_${randomBytes(32).toString('base64')}`

type Changeable = OperationContext<'WEBHOOK_ENDPOINT_NOT_FOUND' | 'WEBHOOK_ENDPOINT_READ_ONLY'>

export function endpointHandlers(core: Core): Omit<Handlers<typeof webhookContract>['webhook_endpoint'], 'follow'> {
  const { store, endpoints, deliveries, emit, outbound, client } = core

  async function checked({ uri, event_types }: { uri: string; event_types: string[] }, context: UriContext) {
    await checkUri(core, uri, context)
    for (const [index, pattern] of event_types.entries()) {
      if (publicEventTypes.some((type) => fits(pattern, type))) continue
      const problem = `no event has a type like '${pattern}'; all types are at /asyncapi.json`
      throw context.fail('INVALID_ARGUMENT', {
        message: `event_types: ${problem}`,
        details: [{ field: `event_types.${index}`, problem }],
      })
    }
  }

  /** Changes an endpoint that its customer has made; other addresses are changed where they come from. */
  const change = (
    { id, event }: { id: string; event: 'updated' | 'deleted' },
    { scope, fail }: Changeable,
    write: (tx: Tx, scope: Scope, before: WebhookEndpoint) => Promise<WebhookEndpoint | undefined>,
  ): Promise<WebhookEndpoint> =>
    store.transaction(async (tx) => {
      const before = await endpoints.findLocked(tx, scope, id)
      if (!before) throw fail('WEBHOOK_ENDPOINT_NOT_FOUND')
      if (before.type !== 'endpoint') throw fail('WEBHOOK_ENDPOINT_READ_ONLY')
      const endpoint = (await write(tx, scope, before))!
      await emit(tx, 'webhook_endpoint', event, endpoint)
      await wake(core, tx, id)
      return endpoint
    })

  return {
    list: (query, { customer_id }) => endpoints.page(store, customer_id, query, { type: 'endpoint' }),

    async get({ id }, { scope, fail }) {
      return found(await endpoints.find(store, scope, id), () => fail('WEBHOOK_ENDPOINT_NOT_FOUND'))
    },

    async create(fields, context) {
      await checked(fields, context)
      const { customer_id, fail } = context
      const secret = newSecret()
      const limit = await planLimit(client(billingContract), customer_id, 'webhook_endpoint')
      return store.transaction(async (tx) => {
        await takeRoom(tx, endpoints, { customer_id, limit, where: { type: 'endpoint' }, fail })
        const endpoint = await endpoints.insert(tx, {
          ...{ ...fields, ...healthy, customer_id, secret, type: 'endpoint', method: 'POST' },
          ...{ old_secret: null, tm_old_secret_expire: null, tm_source: null },
        })
        await emit(tx, 'webhook_endpoint', 'created', endpoint)
        return { ...endpoint, secret }
      })
    },

    async update({ id, ...fields }, context) {
      await checked(fields, context)
      return change({ id, event: 'updated' }, context, async (tx, scope) => {
        await deliveries.hurry(tx, id)
        return endpoints.update(tx, scope, id, { ...fields, ...healthy })
      })
    },

    delete: ({ id }, context) =>
      change({ id, event: 'deleted' }, context, (tx, scope) => endpoints.softDelete(tx, scope, id)),

    async rotate_secret({ id, grace }, context) {
      const secret = newSecret()
      const endpoint = await change({ id, event: 'updated' }, context, (tx, scope, { secret: old_secret }) =>
        endpoints.update(tx, scope, id, { secret, old_secret, tm_old_secret_expire: timeAfter(grace * 1_000) }),
      )
      return { ...endpoint, secret }
    },

    async ping({ id }, { scope, fail }) {
      const endpoint = found(await endpoints.find(store, scope, id), () => fail('WEBHOOK_ENDPOINT_NOT_FOUND'))
      const { customer_id, uri, method } = endpoint
      const event = { id: newId(), type: 'webhook_endpoint_ping', time: now(), customer_id }
      const body = JSON.stringify({ ...event, resource: 'webhook_endpoint', resource_id: id, data: {} })
      const secrets = await secretsOf(core, endpoint)
      const started = performance.now()
      const request = { id: event.id, uri, method, contentType: 'application/json', body, secrets }
      const { status_code, error } = await deliver(outbound, request)
      return { accepted: error === '', status_code, error, duration_ms: Math.round(performance.now() - started) }
    },
  }
}

type UriContext = Pick<OperationContext<'INVALID_WEBHOOK_URI'>, 'fail'>

/** A URL that the guard would refuse is refused when it is given already; the guard looks again at every request. */
export async function checkUri({ outbound }: Pick<Core, 'outbound'>, uri: string, { fail }: UriContext): Promise<void> {
  await outbound.check(uri).catch((cause: Error) => {
    // A host that is not known at the moment may be known when the first request is made.
    if (!(cause instanceof OutboundRefused)) return
    throw fail('INVALID_WEBHOOK_URI', {
      message: `uri: ${cause.message}`,
      details: [{ field: 'uri', problem: cause.message }],
      cause,
    })
  })
}

export function found<T>(row: T | undefined, missing: () => ApiError): T {
  if (row === undefined) throw missing()
  return row
}
