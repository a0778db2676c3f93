import { defineContract, EventEnvelope, Id, managers, operation, Page, PageQuery, Time } from '@sidetone/contract'
import { z } from 'zod'

/** An event as it is listed. */
const TimelineEvent = z.object({ timestamp: Time, event_type: z.string(), data: z.unknown() })

/** An event with its place in the customer's stream: `cursor` counts the customer's events without gaps. */
export const StreamEvent = EventEnvelope.extend({ cursor: z.int() })
export type StreamEvent = z.infer<typeof StreamEvent>

export const timelineContract = defineContract({
  name: 'timeline',
  errors: {},
  resources: {
    timeline: {
      operations: {
        list: operation({
          http: 'GET /timelines/{resource_type}/{resource_id}/events',
          summary: 'List what happened to a resource',
          allow: managers,
          input: PageQuery.extend({
            resource_type: z.enum([
              'calls',
              'conferences',
              'flows',
              'activeflows',
              'recordings',
              'numbers',
              'agents',
              'tags',
            ]),
            resource_id: Id,
          }),
          output: Page(TimelineEvent),
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
  },
})
