import { type Contract, type EventEnvelope, eventsOf, externalOf } from '@sidetone/contract'
import type { z } from 'zod'
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

const projections = new Map<string, z.ZodType>(
  contracts.flatMap((contract: Contract) =>
    eventsOf(contract)
      .filter(({ definition }) => !definition.internal)
      .map(({ type, definition }) => [type, externalOf(definition.data)] as const),
  ),
)

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
  return projection && { id, type, time, customer_id, resource, resource_id, sequence, data: projection.parse(data) }
}
