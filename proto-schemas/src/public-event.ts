import { type Contract, type EventEnvelope, eventsOf, projectionOf } from '@sidetone/contract'
import { contracts } from './index.ts'

/** An event as the outside sees it: the body of webhooks, and of WebSocket frames (which add their place in the stream). */
export interface PublicEvent {
  id: string
  type: string
  time: string
  customer_id: string
  resource: string
  resource_id: string
  sequence: number
  data: unknown
}

const projections = new Map<string, (data: unknown) => unknown>(
  contracts.flatMap((contract: Contract) =>
    eventsOf(contract)
      .filter(({ definition }) => !definition.internal)
      .map(({ type, definition }) => [type, projectionOf(definition.data)] as const),
  ),
)

/** Every type of event that customers hear of. */
export const publicEventTypes: readonly string[] = [...projections.keys()]

/** Whether customers hear of events of this type. */
export const isPublicEvent = (type: string): boolean => projections.has(type)

/** Takes what is internal out of an event's data; `undefined` when customers do not hear of such events. */
export function publicEvent({
  id,
  type,
  time,
  customer_id,
  resource,
  resource_id,
  sequence,
  data,
}: EventEnvelope): PublicEvent | undefined {
  const projection = projections.get(type)
  return projection && { id, type, time, customer_id, resource, resource_id, sequence, data: projection(data) }
}
