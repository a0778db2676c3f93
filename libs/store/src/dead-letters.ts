import type { EventEnvelope } from '@sidetone/contract'
import type { Db, Store } from './store.ts'

/** Keeps an event that a subscriber gave up, with the reason, for people to look at. */
export async function keepDeadLetter(db: Db, subscriber: string, event: EventEnvelope, reason: string): Promise<void> {
  const { id, type, customer_id } = event
  await db.kysely
    .insertInto('bus_dead_letter')
    .orIgnore()
    .values({ subscriber, event_id: id, type, customer_id, reason, event: JSON.stringify(event), tm_create: db.now() })
    .execute()
}

/** Removes what was given up before that time. */
export async function pruneDeadLetters({ kysely }: Store, before: string): Promise<void> {
  await kysely.deleteFrom('bus_dead_letter').where('tm_create', '<', before).execute()
}
