import { commonError, type EventEnvelope, type Page, type PageQuery } from '@sidetone/contract'
import type { AuditEntry } from '@sidetone/proto-schemas/timeline'
import { firstIdAt, type Store, type Tx } from '@sidetone/store'

interface Query extends PageQuery {
  actor_id?: string | undefined
  resource_id?: string | undefined
  since?: string | undefined
  until?: string | undefined
}

/** Events that somebody outside is behind. Their ids sort by time (RFC 9562 5.7), so these are their order. */
export interface AuditLog {
  /** Those that are not stored yet, each once. */
  unknown: (tx: Tx, events: EventEnvelope[]) => Promise<EventEnvelope[]>
  append: (tx: Tx, events: EventEnvelope[]) => Promise<void>
  /** Newest first. */
  page: (customer_id: string, query: Query) => Promise<Page<AuditEntry>>
}

const table = 'timeline_audit'

export function openAuditLog(store: Store): AuditLog {
  return {
    async unknown(tx, events) {
      if (events.length === 0) return []
      const stored = await tx.kysely
        .selectFrom(table)
        .select('id')
        .where('customer_id', 'in', [...new Set(events.map(({ customer_id }) => customer_id))])
        .where(
          'id',
          'in',
          events.map(({ id }) => id),
        )
        .execute()
      const known = new Set(stored.map(({ id }) => id))
      return events.filter(({ id }) => !known.has(id) && known.add(id))
    },

    async append(tx, events) {
      const rows = events.flatMap((event) => (event.actor ? [rowOf(event, event.actor)] : []))
      if (rows.length > 0) await tx.kysely.insertInto(table).values(rows).execute()
    },

    async page(customer_id, { page_size, page_token, actor_id, resource_id, since, until }) {
      const rows = await store.kysely
        .selectFrom(table)
        .selectAll()
        .where('customer_id', '=', customer_id)
        .$if(page_token !== undefined, (query) => query.where('id', '<', readToken(page_token!)))
        .$if(actor_id !== undefined, (query) => query.where('actor_id', '=', actor_id))
        .$if(resource_id !== undefined, (query) => query.where('resource_id', '=', resource_id))
        .$if(since !== undefined, (query) => query.where('id', '>=', firstIdAt(since!)))
        .$if(until !== undefined, (query) => query.where('id', '<', firstIdAt(until!)))
        .orderBy('id', 'desc')
        .limit(page_size + 1)
        .execute()
      const result = rows.slice(0, page_size) as unknown as AuditEntry[]
      return { result, next_page_token: rows.length > page_size ? result.at(-1)!.id : '' }
    },
  }
}

const rowOf = (
  { id, customer_id, time: timestamp, type: event_type, resource, resource_id }: EventEnvelope,
  { type: actor_type, id: actor_id, credential_id, request_id, address }: NonNullable<EventEnvelope['actor']>,
) => ({
  ...{ id, customer_id, timestamp, event_type, resource, resource_id },
  ...{ actor_type, actor_id, credential_id, request_id, address },
})

function readToken(token: string): string {
  if (/^[0-9a-f-]{36}$/.test(token)) return token
  const problem = 'is not a token of an earlier page'
  throw commonError('INVALID_ARGUMENT', {
    message: `page_token: ${problem}`,
    details: [{ field: 'page_token', problem }],
  })
}
