import type { EventEnvelope, ReplyEnvelope, RequestEnvelope } from '@sidetone/contract'

/** Something that can be stopped: takes nothing new, waits at most `drainMs` for what it accepted. */
export interface Closable {
  close(options?: { drainMs?: number }): Promise<void>
}

/** How a request arrived. */
export interface Delivery {
  /** An earlier attempt was cut off: the request may have had its effect already. */
  redelivered: boolean
  /** The same on every redelivery of a request, different for every other; absent where nothing is ever redelivered. */
  id?: string | undefined
}

export type RequestHandler = (envelope: RequestEnvelope, delivery: Delivery) => Promise<ReplyEnvelope>

/** Who hears which events. Replicas share a `name`, and with it the events. */
export interface Subscription {
  name: string
  types: readonly string[] | 'all'
  /** May see an event again, never a later event of a resource before an earlier one. */
  handler: (event: EventEnvelope) => Promise<void>
  /** Told when an event is given up, after it is in the dead letter. */
  onDeadLetter?: ((event: EventEnvelope, reason: string) => Promise<void>) | undefined
}

/** What carries requests and events between managers. */
export interface Transport extends Closable {
  /** Rejects with SERVICE_UNAVAILABLE at once when nobody serves the queue, with DEADLINE_EXCEEDED at the deadline. */
  request(queue: string, envelope: RequestEnvelope): Promise<ReplyEnvelope>
  /** Answers the requests of a queue, at most `prefetch` at a time. A request past its deadline is not started. */
  serve(queue: string, handler: RequestHandler, options: { prefetch: number }): Promise<Closable>
  /** Resolves when the event can no longer be lost; rejects when that is not known. */
  publish(event: EventEnvelope): Promise<void>
  subscribe(subscription: Subscription): Promise<Closable>
  ready(): boolean
}

export const defaultDrainMs = 10_000
