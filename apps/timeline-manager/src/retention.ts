import { firstIdAt, type Store, timeAfter } from '@sidetone/store'

const heads = 'timeline_head'
const dayMs = 24 * 3_600_000
const usualEventsDays = 365
const auditDays = 365
const batchSize = 500

/** How long what happened is kept. */
export interface Retention {
  get: (customer_id: string) => Promise<number>
  set: (customer_id: string, events_days: number) => Promise<void>
  /** Forgets what is older than its customer wants it kept, a batch at a time. */
  purge: () => Promise<void>
}

export function openRetention(store: Store): Retention {
  async function purgeEvents(customer_id: string, before: string): Promise<void> {
    for (;;) {
      const oldest = await store.kysely
        .selectFrom('timeline_event')
        .select(['position', 'time'])
        .where('customer_id', '=', customer_id)
        .orderBy('position')
        .limit(batchSize)
        .execute()
      const old = oldest.filter(({ time }) => (time as string) < before).map(({ position }) => position)
      if (old.length > 0) {
        const events = store.kysely.deleteFrom('timeline_event').where('customer_id', '=', customer_id)
        await events.where('position', 'in', old).execute()
      }
      if (old.length < batchSize) return
    }
  }

  async function purgeAudit(customer_id: string, before: string): Promise<void> {
    for (;;) {
      const rows = await store.kysely
        .selectFrom('timeline_audit')
        .select('id')
        .where('customer_id', '=', customer_id)
        .where('id', '<', firstIdAt(before))
        .orderBy('id')
        .limit(batchSize)
        .execute()
      if (rows.length === 0) return
      const entries = store.kysely.deleteFrom('timeline_audit').where('customer_id', '=', customer_id)
      await entries
        .where(
          'id',
          'in',
          rows.map(({ id }) => id),
        )
        .execute()
    }
  }

  return {
    async get(customer_id) {
      const head = store.kysely.selectFrom(heads).select('events_days').where('customer_id', '=', customer_id)
      return Number((await head.executeTakeFirst())?.events_days ?? usualEventsDays)
    },

    set: (customer_id, events_days) =>
      store.transaction(async (tx) => {
        const head = tx.kysely.updateTable(heads).set({ events_days }).where('customer_id', '=', customer_id)
        if ((await head.executeTakeFirst()).numUpdatedRows > 0n) return
        await tx.kysely.insertInto(heads).values({ customer_id, position: 0, events_days }).execute()
      }),

    async purge() {
      const customers = await store.kysely.selectFrom(heads).select(['customer_id', 'events_days']).execute()
      for (const { customer_id, events_days } of customers) {
        const days = Number(events_days ?? usualEventsDays)
        await purgeEvents(customer_id as string, timeAfter(-days * dayMs))
        await purgeAudit(customer_id as string, timeAfter(-auditDays * dayMs))
      }
    },
  }
}
