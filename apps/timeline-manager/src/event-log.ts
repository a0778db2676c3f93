import { type EventEnvelope, nilId } from '@sidetone/contract'
import type { StreamEvent } from '@sidetone/proto-schemas/timeline'
import type { Db, Store, Tx } from '@sidetone/store'

/** All events of all customers, each with its place in its customer's stream. */
export interface EventLog {
  /** Stores what is not stored yet, in the given order, and returns it with its cursors. */
  append: (tx: Tx, events: EventEnvelope[]) => Promise<StreamEvent[]>
  /** Oldest first. */
  after: (customer_id: string, cursor: number, limit: number) => Promise<StreamEvent[]>
  /** The cursor of the customer's last event; 0 before the first. */
  head: (customer_id: string) => Promise<number>
  /** Makes sure that the customer has a place for what is kept per customer. */
  know: (tx: Tx, customer_id: string) => Promise<void>
  /** Newest first, those that match, before a cursor. */
  matching: (customer_id: string, match: Match, page: { before: number; limit: number }) => Promise<StreamEvent[]>
}

/** Of one resource, or of all that an activeflow controlled. */
export type Match = { resource: string; resource_id: string } | { activeflow_id: string }

const events = 'timeline_event'
const heads = 'timeline_head'

export function openEventLog(store: Store): EventLog {
  /** Moves the customer's head by `count` and returns where it was. The row is locked until the transaction ends, so cursors have no gaps. */
  async function reserve(tx: Tx, customer_id: string, count: number): Promise<number> {
    const { numUpdatedRows } = await tx.kysely
      .updateTable(heads)
      .set(({ eb, ref }) => ({ position: eb(ref('position'), '+', count) }))
      .where('customer_id', '=', customer_id)
      .executeTakeFirst()
    if (numUpdatedRows === 0n) await tx.kysely.insertInto(heads).values({ customer_id, position: count }).execute()
    return (await headOf(tx, customer_id)) - count
  }

  async function headOf(db: Db, customer_id: string): Promise<number> {
    const row = await db.kysely
      .selectFrom(heads)
      .select('position')
      .where('customer_id', '=', customer_id)
      .executeTakeFirst()
    return Number(row?.position ?? 0)
  }

  async function unknown(tx: Tx, given: EventEnvelope[]): Promise<EventEnvelope[]> {
    const ids = given.map(({ id }) => id)
    const rows = await tx.kysely.selectFrom(events).select('id').where('id', 'in', ids).execute()
    const known = new Set(rows.map(({ id }) => id))
    return given.filter(({ id }, index) => !known.has(id) && ids.indexOf(id) === index)
  }

  return {
    async append(tx, given) {
      if (given.length === 0) return []
      const stored: StreamEvent[] = []
      const byCustomer = Map.groupBy(await unknown(tx, given), ({ customer_id }) => customer_id)
      for (const [customer_id, own] of byCustomer) {
        const before = await reserve(tx, customer_id, own.length)
        stored.push(...own.map(({ actor: _, ...event }, index) => ({ ...event, cursor: before + index + 1 })))
      }
      const rows = stored.map(({ cursor, data, ...event }) => ({
        ...event,
        position: cursor,
        data: JSON.stringify(data),
        activeflow_id: activeflowOf(event, data),
      }))
      if (rows.length > 0) await tx.kysely.insertInto(events).values(rows).execute()
      return stored
    },

    async after(customer_id, cursor, limit) {
      const rows = await store.kysely
        .selectFrom(events)
        .selectAll()
        .where('customer_id', '=', customer_id)
        .where('position', '>', cursor)
        .orderBy('position')
        .limit(limit)
        .execute()
      return rows.map(decode)
    },

    head: (customer_id) => headOf(store, customer_id),
    know: async (tx, customer_id) => void (await reserve(tx, customer_id, 0)),

    async matching(customer_id, match, { before, limit }) {
      const rows = await store.kysely
        .selectFrom(events)
        .selectAll()
        .where('customer_id', '=', customer_id)
        .where(({ eb, and }) => and(Object.entries(match).map(([column, value]) => eb(column, '=', value))))
        .where('position', '<', before)
        .orderBy('position', 'desc')
        .limit(limit)
        .execute()
      return rows.map(decode)
    },
  }
}

/** The activeflow that an event belongs to: itself, or the one that controls the resource. */
function activeflowOf({ resource, resource_id }: Pick<EventEnvelope, 'resource' | 'resource_id'>, data: unknown) {
  if (resource === 'activeflow') return resource_id
  const { activeflow_id = nilId } = data as { activeflow_id?: string }
  return activeflow_id === nilId ? null : activeflow_id
}

function decode({ position, sequence, data, activeflow_id: _, ...row }: Record<string, unknown>): StreamEvent {
  return {
    ...row,
    sequence: Number(sequence),
    data: JSON.parse(data as string),
    cursor: Number(position),
  } as StreamEvent
}
