import { z } from 'zod'
import { Actor, Identity } from './identity.ts'

/** An event as it travels: the same body in queues, frames and webhooks (which leave out the routing fields). */
export const EventEnvelope = z.object({
  /** UUIDv7; the same on every redelivery. */
  id: z.string(),
  /** `<resource>_<event>`, e.g. `tag_created`. */
  type: z.string(),
  /** The manager that announced it. */
  publisher: z.string(),
  customer_id: z.string(),
  /** The agent that owns the resource, or the nil id. */
  owner_id: z.string(),
  resource: z.string(),
  resource_id: z.string(),
  /** Counts the events of one resource from 1, without gaps. */
  sequence: z.int(),
  time: z.string(),
  /** Absent when nobody outside is behind it. */
  actor: Actor.optional(),
  data: z.unknown(),
})
export type EventEnvelope = z.infer<typeof EventEnvelope>

/** A request on the bus: VoIPBIN's fields, and what it takes to be safe. */
export const RequestEnvelope = z.object({
  uri: z.string(),
  method: z.string(),
  publisher: z.string(),
  data_type: z.string(),
  data: z.unknown(),
  request_id: z.string(),
  identity: Identity,
  /** Who asked the gateway for what this is a part of. */
  actor: Actor.optional(),
  /** Epoch milliseconds; past it the request is not started. */
  deadline: z.number(),
  idempotency_key: z.string().optional(),
  traceparent: z.string().optional(),
})
export type RequestEnvelope = z.infer<typeof RequestEnvelope>

/** The answer: `data` is the output, or an error body when `status_code` is 400 or more. */
export const ReplyEnvelope = z.object({
  status_code: z.int(),
  data_type: z.string(),
  data: z.unknown(),
})
export type ReplyEnvelope = z.infer<typeof ReplyEnvelope>
