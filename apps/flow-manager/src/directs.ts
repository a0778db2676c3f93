import { internalIdentity } from '@sidetone/contract'
import { directContract } from '@sidetone/proto-schemas/direct'
import type { Flow } from '@sidetone/proto-schemas/flow'
import type { Tx } from '@sidetone/store'
import type { Core } from './core.ts'

const jobType = 'flow.direct_delete'

type Deleted = Pick<Flow, 'id' | 'customer_id'>

/** The job that takes the short address of a deleted flow away. */
export function defineDirectJob(core: Core): void {
  core.jobs.define<Deleted>(jobType, {
    maxAttempts: 1_000,
    backoff: (attempt) => Math.min(2 ** attempt * 250, 600_000),
    concurrency: 4,
    timeoutMs: 30_000,
    async handler({ id, customer_id }) {
      const resource = { resource_type: 'flow' as const, resource_id: id }
      await core.client(directContract).direct.delete(resource, { identity: internalIdentity(customer_id) })
    },
  })
}

/** Also for a flow that shows none: whoever was asked for it may have given one nevertheless. */
export const queueDirectDelete = (core: Core, tx: Tx, { id, customer_id }: Deleted): Promise<void> =>
  core.jobs.enqueue(tx, jobType, { id, customer_id } satisfies Deleted, {})
