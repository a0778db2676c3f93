import { timeAfter } from './clock.ts'
import { compiledQueries } from './compiled.ts'
import { DuplicateError } from './errors.ts'
import type { Store, Tx } from './store.ts'

const compiled = compiledQueries()

/** Notes that the subscriber reacts to the event in this transaction; false when it did before. */
export async function once(tx: Tx, subscriber: string, eventId: string): Promise<boolean> {
  try {
    const row = { subscriber, event_id: eventId, tm_create: tx.now() }
    const insert = () => tx.kysely.insertInto('bus_inbox').values(row)
    await tx.run(compiled(tx, 'insert', Object.values(row), insert))
    return true
  } catch (error) {
    if (error instanceof DuplicateError) return false
    throw error
  }
}

/** Forgets what was noted so long ago that no event of then can come again. */
export async function pruneInbox(store: Store, keepMs: number): Promise<void> {
  await store.kysely.deleteFrom('bus_inbox').where('tm_create', '<', timeAfter(-keepMs)).execute()
}
