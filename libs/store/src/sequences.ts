import { firstIdAt } from './clock.ts'
import type { Db, Store } from './store.ts'

const table = 'bus_sequence'

/** Forgets how many events resources have had that will have no more. */
export async function forgetSequences({ kysely }: Db, resource: string, ids: readonly unknown[]): Promise<void> {
  if (ids.length === 0) return
  await kysely.deleteFrom(table).where('resource', '=', resource).where('resource_id', 'in', ids).execute()
}

/** The same for what is an event and nothing more, and was made before that time. */
export async function forgetSequencesBefore({ kysely }: Store, resource: string, before: string): Promise<void> {
  await kysely.deleteFrom(table).where('resource', '=', resource).where('resource_id', '<', firstIdAt(before)).execute()
}
