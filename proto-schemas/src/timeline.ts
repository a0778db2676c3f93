import {
  Actor,
  admins,
  defineContract,
  EventEnvelope,
  Id,
  managers,
  operation,
  operators,
  Page,
  PageQuery,
  Time,
} from '@sidetone/contract'
import { z } from 'zod'
import { sipMessageErrors, sipMessageResource } from './sip-message.ts'

/** An event as it is listed. */
const TimelineEvent = z.object({ timestamp: Time, event_type: z.string(), data: z.unknown() })

/** An event with its place in the customer's stream: `cursor` counts the customer's events without gaps. */
export const StreamEvent = EventEnvelope.omit({ actor: true }).extend({ cursor: z.int() })
export type StreamEvent = z.infer<typeof StreamEvent>

/** Who changed what: an event that somebody outside is behind. Its id is the event's. */
export const AuditEntry = z
  .object({
    id: Id,
    customer_id: Id,
    timestamp: Time,
    event_type: z.string(),
    resource: z.string(),
    resource_id: z.string(),
    /** `platform_admin`: somebody who runs the platform; `anonymous`: nobody who had logged in, as before a login. */
    actor_type: Actor.shape.type,
    /** Of the agent or the access key, or the nil id. */
    actor_id: z.string(),
    /** The access key or session. */
    credential_id: z.string(),
    /** `X-Request-Id` of the request that it came from. */
    request_id: z.string(),
    address: z.string(),
  })
  .meta({ id: 'AuditEntry' })
export type AuditEntry = z.infer<typeof AuditEntry>

const AuditQuery = PageQuery.extend({
  actor_id: Id.optional(),
  resource_id: Id.optional(),
  since: z.iso.datetime().optional(),
  until: z.iso.datetime().optional(),
})

const Retention = z.object({ events_days: z.int().min(1).max(3650) })

export const timelineContract = defineContract({
  name: 'timeline',
  errors: {
    EVENTS_NOT_FOUND: { status: 'NOT_FOUND', message: 'Nothing is known of it.' },
    ...sipMessageErrors,
  },
  resources: {
    timeline: {
      operations: {
        list: operation({
          http: 'GET /timelines/{resource_type}/{resource_id}/events',
          summary: 'List what happened to a resource: `resource_type` is what its path begins with, as in `calls`',
          allow: managers,
          input: PageQuery.extend({ resource_type: z.string().max(64), resource_id: Id }),
          output: Page(TimelineEvent),
        }),
        aggregated: operation({
          http: 'GET /aggregated-events',
          summary:
            'List what happened to everything that an activeflow controlled: give its id, or that of one of its calls',
          allow: managers,
          input: PageQuery.extend({ activeflow_id: Id.optional(), call_id: Id.optional() }),
          output: Page(TimelineEvent),
          errors: ['EVENTS_NOT_FOUND'],
        }),
        get_retention: operation({
          http: 'GET /timelines/retention',
          summary: 'Get for how many days events are kept',
          allow: admins,
          input: z.object({}),
          output: Retention,
        }),
        update_retention: operation({
          http: 'PUT /timelines/retention',
          summary: 'Set for how many days events are kept',
          allow: admins,
          input: Retention,
          output: Retention,
        }),
        after: operation({
          http: 'GET /timelines/stream',
          summary: 'The events of the customer after a cursor, oldest first',
          input: z.object({ cursor: z.int().min(0), limit: z.int().min(1).max(1_000).default(500) }),
          output: z.object({ events: z.array(StreamEvent), head: z.int() }),
        }),
      },
      events: {},
    },
    sip_message: sipMessageResource,
    audit_log: {
      operations: {
        list: operation({
          http: 'GET /audit_logs',
          summary: 'List who changed what, when and from where',
          allow: admins,
          input: AuditQuery,
          output: Page(AuditEntry),
        }),
        list_of: operation({
          http: 'GET /customers/{customer_id}/audit_logs',
          summary:
            'List who changed what of a customer, also of a deleted one; the nil id stands for the platform itself',
          allow: operators,
          input: AuditQuery.extend({ customer_id: Id }),
          output: Page(AuditEntry),
        }),
      },
      events: {},
    },
  },
})
