import type { EventEnvelope } from '@sidetone/contract'
import type { StreamEvent } from '@sidetone/proto-schemas/timeline'
import type { Db, Store, Tx } from '@sidetone/store'

/** All events of all customers, each with its place in its customer's stream. */
export interface EventLog {
  /** Stores what is not stored yet, in the given order, and returns it with its cursors. */
  append: (events: EventEnvelope[]) => Promise<StreamEvent[]>
  /** Oldest first. */
  after: (customer_id: string, cursor: number, limit: number) => Promise<StreamEvent[]>
  /** The cursor of the customer's last event; 0 before the first. */
  head: (customer_id: string) => Promise<number>
  /** Newest first, of one resource, before a cursor. */
  ofResource: (options: {
    customer_id: string
    resource: string
    resource_id: string
    before: number
    limit: number
  }) => Promise<StreamEvent[]>
}

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
    append: (given) =>
      store.transaction(async (tx) => {
        const stored: StreamEvent[] = []
        const byCustomer = Map.groupBy(await unknown(tx, given), ({ customer_id }) => customer_id)
        for (const [customer_id, own] of byCustomer) {
          const before = await reserve(tx, customer_id, own.length)
          stored.push(...own.map((event, index) => ({ ...event, cursor: before + index + 1 })))
        }
        const rows = stored.map(({ cursor, data, ...event }) => ({
          ...event,
          position: cursor,
          data: JSON.stringify(data),
        }))
        if (rows.length > 0) await tx.kysely.insertInto(events).values(rows).execute()
        return stored
      }),

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

    async ofResource({ customer_id, resource, resource_id, before, limit }) {
      const rows = await store.kysely
        .selectFrom(events)
        .selectAll()
        .where('customer_id', '=', customer_id)
        .where('resource', '=', resource)
        .where('resource_id', '=', resource_id)
        .where('position', '<', before)
        .orderBy('position', 'desc')
        .limit(limit)
        .execute()
      return rows.map(decode)
    },
  }
}

function decode({ position, sequence, data, ...row }: Record<string, unknown>): StreamEvent {
  return {
    ...row,
    sequence: Number(sequence),
    data: JSON.parse(data as string),
    cursor: Number(position),
  } as StreamEvent
}
