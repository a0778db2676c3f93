import { everyCustomer } from '@sidetone/contract'
import type { Resources } from '@sidetone/manager'
import { timeAfter } from '@sidetone/store'
import { tables } from './tables.ts'

type Core = Pick<Resources, 'store' | 'jobs' | 'files' | 'log'>

const hourMs = 3_600_000
const batchSize = 500
const { uploads } = tables

/** What removes bytes that belong to no file. */
export function defineHousekeeping({ store, jobs, files, log }: Core): void {
  jobs.define<{ key: string }>('storage.remove', {
    maxAttempts: 10,
    backoff: (attempt) => 2 ** attempt * 1_000,
    concurrency: 4,
    timeoutMs: 60_000,
    handler: ({ key }) => files.delete(key),
    onDead: ({ key }, reason) => log.error({ key, reason }, 'the bytes of a deleted file could not be removed'),
  })

  jobs.every('storage.abandoned_uploads', {
    everyMs: hourMs / 6,
    timeoutMs: hourMs / 12,
    handler: () => removeAbandoned({ store, jobs }, timeAfter(-hourMs)),
  })
}

/** A reservation that no upload has followed: its gateway died, or its client went away. */
export async function removeAbandoned(
  { store, jobs }: Pick<Core, 'store' | 'jobs'>,
  reservedBefore: string,
): Promise<void> {
  await uploads.purge(store, reservedBefore)
  const stale = await uploads
    .select(store, everyCustomer)
    .select(['id'])
    .where('tm_create', '<', reservedBefore)
    .limit(batchSize)
    .execute()
  for (const { id } of stale) {
    await store.transaction(async (tx) => {
      const upload = await uploads.softDelete(tx, everyCustomer, id as string)
      if (upload) await jobs.enqueue(tx, 'storage.remove', { key: upload.key }, {})
    })
  }
}
