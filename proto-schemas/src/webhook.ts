import {
  ById,
  Detail,
  defineContract,
  event,
  Id,
  internal,
  managers,
  Name,
  OptionalId,
  operation,
  Page,
  PageQuery,
  resourceFields,
  Time,
} from '@sidetone/contract'
import { z } from 'zod'
import { WebhookMethod } from './common.ts'
import { planErrors } from './plan-limit.ts'

/** Which events: their type, in which `*` stands for any letters: `call_hangup`, `call_*`, `*`. */
const EventPattern = z
  .string()
  .max(64)
  .regex(/^[a-z0-9_*]+$/, 'must be the type of an event, in which * stands for any letters, like call_*')

const Method = z.enum(['POST', 'GET', 'PUT', 'DELETE'])

/** Where a customer hears of its events. */
export const WebhookEndpoint = z
  .object({
    ...resourceFields,
    name: Name,
    detail: z.string(),
    /** `customer` is the `webhook_uri` of `PUT /customer` (its id is the customer's), `activeflow` that of an activeflow. */
    type: z.enum(['endpoint', 'customer', 'activeflow']),
    uri: z.string(),
    method: Method,
    event_types: z.array(EventPattern),
    /** `disabled` by its customer, `failed` when nothing was accepted for so long that the platform gave it up. */
    status: z.enum(['enabled', 'disabled', 'failed']),
    /** How many attempts in a row were not accepted, and since when; brought up to date when sending pauses. */
    failures: z.int(),
    tm_failing: Time.nullable(),
    /** Until then requests are signed with the secret before, too. */
    tm_old_secret_expire: Time.nullable(),
    /** Signs (Standard Webhooks, `whsec_…`). An activeflow's address uses its customer's. */
    secret: internal(z.string().nullable()),
    old_secret: internal(z.string().nullable()),
    /** While nothing is accepted, nothing is sent before. */
    tm_retry: internal(Time.nullable()),
    /** When the customer whose address this is was changed: an older change does not undo a newer one. */
    tm_source: internal(Time.nullable()),
  })
  .meta({ id: 'WebhookEndpoint' })
export type WebhookEndpoint = z.infer<typeof WebhookEndpoint>

/** The endpoint with its new secret, which is shown this once. */
const WebhookEndpointWithSecret = WebhookEndpoint.extend({ secret: z.string() }).meta({
  id: 'WebhookEndpointWithSecret',
})

/** One event for one endpoint. Its id is the event's, which is also the `webhook-id` of the request. */
export const WebhookDelivery = z
  .object({
    id: Id,
    customer_id: Id,
    webhook_endpoint_id: Id,
    event_type: z.string(),
    resource_id: z.string(),
    /** `failed` is given up; it can be replayed. */
    status: z.enum(['pending', 'delivered', 'failed']),
    attempts: z.int(),
    /** Of the last answer; 0 when there was none. */
    status_code: z.int(),
    error: z.string(),
    /** Null while it waits for an earlier event of its resource. */
    tm_next_attempt: Time.nullable(),
    tm_create: Time,
    tm_update: Time.nullable(),
  })
  .meta({ id: 'WebhookDelivery' })
export type WebhookDelivery = z.infer<typeof WebhookDelivery>

/** Events are kept and passed on in many places, so the secrets are not in them. */
const AnnouncedEndpoint = WebhookEndpoint.omit({ secret: true, old_secret: true })

const Uri = z.string().max(2048)
const Fields = z.object({
  name: Name.default(''),
  detail: Detail,
  uri: Uri,
  event_types: z.array(EventPattern).min(1).max(100).default(['*']),
  status: z.enum(['enabled', 'disabled']).default('enabled'),
})
const DeliveryId = ById.extend({ delivery_id: Id })
const notFound = 'WEBHOOK_ENDPOINT_NOT_FOUND'
const changeErrors = [notFound, 'WEBHOOK_ENDPOINT_READ_ONLY'] as const

export const webhookContract = defineContract({
  name: 'webhook',
  errors: {
    ...planErrors,
    INVALID_WEBHOOK_URI: { status: 'INVALID_ARGUMENT', message: 'uri: must be a public http or https URL.' },
    WEBHOOK_FAILED: { status: 'FAILED_PRECONDITION', message: 'The receiver did not accept the webhook.' },
    WEBHOOK_ENDPOINT_NOT_FOUND: { status: 'NOT_FOUND', message: 'The webhook endpoint was not found.' },
    WEBHOOK_ENDPOINT_READ_ONLY: {
      status: 'FAILED_PRECONDITION',
      message: 'This address belongs to a customer or an activeflow; change it there (PUT /v1.0/customer).',
    },
    WEBHOOK_DELIVERY_NOT_FOUND: { status: 'NOT_FOUND', message: 'The delivery was not found; it may be too old.' },
    WEBHOOK_ENDPOINT_NOT_ENABLED: {
      status: 'FAILED_PRECONDITION',
      message: 'The webhook endpoint is not enabled; set its status to enabled first.',
    },
  },
  resources: {
    webhook: {
      operations: {
        send: operation({
          http: 'POST /webhooks/send',
          summary:
            'Send one signed request to a URL of the customer; `sync` waits for the answer, else it is retried until it is delivered',
          input: z.object({
            uri: z.string(),
            method: Method,
            data_type: z.string(),
            data: z.string(),
            sync: z.boolean().default(false),
            activeflow_id: OptionalId,
          }),
          output: z.object({}),
          errors: ['INVALID_WEBHOOK_URI', 'WEBHOOK_FAILED'],
          timeoutMs: 20_000,
        }),
      },
      events: {},
    },
    webhook_endpoint: {
      operations: {
        follow: operation({
          http: 'POST /webhook_endpoints/follow',
          summary: 'From the answer on, events go to the address that the customer has now',
          idempotent: true,
          input: z.object({ uri: z.string(), method: WebhookMethod, secret: z.string(), tm_source: Time }),
          output: z.object({}),
        }),
        list: operation({
          http: 'GET /webhook_endpoints',
          summary: 'List webhook endpoints',
          allow: managers,
          input: PageQuery,
          output: Page(WebhookEndpoint),
        }),
        create: operation({
          http: 'POST /webhook_endpoints',
          summary: 'Create a webhook endpoint; its secret is shown this once',
          allow: managers,
          input: Fields,
          output: WebhookEndpointWithSecret,
          errors: ['INVALID_WEBHOOK_URI', 'RESOURCE_LIMIT_EXCEEDED'],
        }),
        get: operation({
          http: 'GET /webhook_endpoints/{id}',
          summary: 'Get a webhook endpoint; the id of the customer stands for the address of `PUT /customer`',
          allow: managers,
          input: ById,
          output: WebhookEndpoint,
          errors: [notFound],
        }),
        update: operation({
          http: 'PUT /webhook_endpoints/{id}',
          summary: 'Replace a webhook endpoint; what is to be tried again is tried at once',
          allow: managers,
          input: ById.extend(Fields.shape),
          output: WebhookEndpoint,
          errors: [...changeErrors, 'INVALID_WEBHOOK_URI'],
        }),
        delete: operation({
          http: 'DELETE /webhook_endpoints/{id}',
          summary: 'Delete a webhook endpoint',
          allow: managers,
          input: ById,
          output: WebhookEndpoint,
          errors: changeErrors,
        }),
        rotate_secret: operation({
          http: 'POST /webhook_endpoints/{id}/rotate_secret',
          summary: 'Give a webhook endpoint a new secret, shown this once; the old one signs too for `grace` seconds',
          allow: managers,
          input: ById.extend({ grace: z.int().min(0).max(604_800).default(86_400) }),
          output: WebhookEndpointWithSecret,
          errors: changeErrors,
        }),
        ping: operation({
          http: 'POST /webhook_endpoints/{id}/ping',
          summary: 'Send a signed `webhook_endpoint_ping` at once and tell what the receiver answered',
          allow: managers,
          idempotent: true,
          input: ById,
          output: z.object({ accepted: z.boolean(), status_code: z.int(), error: z.string(), duration_ms: z.int() }),
          errors: [notFound],
          timeoutMs: 15_000,
        }),
      },
      events: {
        created: event(AnnouncedEndpoint, 'A webhook endpoint was created'),
        updated: event(AnnouncedEndpoint, 'A webhook endpoint was changed, or got a new secret'),
        deleted: event(AnnouncedEndpoint, 'A webhook endpoint was deleted'),
        disabled: event(
          AnnouncedEndpoint,
          'A webhook endpoint accepted nothing for days, or answered 410, and was given up',
        ),
      },
    },
    webhook_delivery: {
      operations: {
        list: operation({
          http: 'GET /webhook_endpoints/{id}/deliveries',
          summary: 'List what was, is or will be sent to an endpoint',
          allow: managers,
          input: PageQuery.extend({ id: Id, status: z.enum(['', 'pending', 'delivered', 'failed']).default('') }),
          output: Page(WebhookDelivery),
          errors: [notFound],
        }),
        replay: operation({
          http: 'POST /webhook_endpoints/{id}/deliveries/{delivery_id}/replay',
          summary: 'Send one event to the endpoint once more, with its retries',
          allow: managers,
          idempotent: true,
          input: DeliveryId,
          output: WebhookDelivery,
          errors: [notFound, 'WEBHOOK_DELIVERY_NOT_FOUND', 'WEBHOOK_ENDPOINT_NOT_ENABLED'],
        }),
        replay_failed: operation({
          http: 'POST /webhook_endpoints/{id}/replay_failed',
          summary: 'Send everything once more that was given up since a time',
          allow: managers,
          idempotent: true,
          input: ById.extend({ since: z.iso.datetime() }),
          output: z.object({ count: z.int() }),
          errors: [notFound, 'WEBHOOK_ENDPOINT_NOT_ENABLED'],
        }),
      },
      events: {},
    },
  },
})
