import { everyCustomer } from '@sidetone/contract'
import { forgetSequences } from '@sidetone/store'
import { activeflows, type Core } from './core.ts'

const dayMs = 86_400_000
const batchSize = 500

/** The repeated job that removes activeflows that have ended. */
export function defineRetentionJob(core: Core, days: number): void {
  core.jobs.every('flow.retention', {
    everyMs: dayMs / 24,
    timeoutMs: dayMs / 24 / 2,
    async handler({ signal }) {
      const before = new Date(Date.now() - days * dayMs).toISOString()
      while (!signal.aborted && (await removeEnded(core, before))) {
        // The next batch.
      }
    },
  })
}

/** Whether there may be more. */
async function removeEnded({ store }: Core, before: string): Promise<boolean> {
  const ended = await activeflows
    .select(store, everyCustomer)
    .select('id')
    .where('tm_create', '<', before)
    .where('status', '=', 'ended')
    .where('tm_update', '<', before)
    .limit(batchSize)
    .execute()
  const ids = ended.map(({ id }) => id as string)
  await forgetSequences(store, 'activeflow', ids)
  if (ids.length > 0) await store.kysely.deleteFrom(activeflows.name).where('id', 'in', ids).execute()
  return ids.length === batchSize
}
