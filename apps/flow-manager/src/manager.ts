import { defineManager, listen } from '@sidetone/manager'
import { customerContract } from '@sidetone/proto-schemas/customer'
import { flowContract } from '@sidetone/proto-schemas/flow'
import { z } from 'zod'
import { activeflowHandlers } from './activeflows.ts'
import { activeflows, type Core, flows } from './core.ts'
import { defineDirectJob } from './directs.ts'
import { flowHandlers } from './flows.ts'
import { stopActiveflow } from './lifecycle.ts'
import { migrations } from './migrations.ts'
import { defineRetentionJob } from './retention.ts'
import { defineRunJob } from './run-job.ts'
import { defineWebhookJob } from './webhooks.ts'

export const flowManager = defineManager({
  contract: flowContract,
  settings: z.object({
    /** How long ended activeflows, and what was deleted, are kept. */
    FLOW_RETENTION_DAYS: z.coerce.number().min(1).max(36_500).default(30),
  }),
  migrations,
  build({ settings, ...core }) {
    defineRunJob(core)
    defineWebhookJob(core)
    defineDirectJob(core)
    defineRetentionJob(core, settings.FLOW_RETENTION_DAYS)
    return {
      handlers: { flow: flowHandlers(core), activeflow: activeflowHandlers(core) },
      reactions: [listen(customerContract, 'customer', 'deleted', ({ id }) => endAllOf(core, id))],
    }
  },
})

const batchSize = 50

/** A customer's flows go, so that none follows another, and what runs of them ends. A repeat finds nothing left to do. */
async function endAllOf(core: Core, customer_id: string): Promise<void> {
  await core.store.transaction((tx) => flows.softDeleteAllOf(tx, customer_id))
  for (let more = true; more; ) {
    more = await core.store.transaction(async (tx) => {
      const running = await activeflows.list(tx, customer_id, { where: { status: 'running' }, limit: batchSize })
      for (const { id } of running) {
        const row = await activeflows.findLocked(tx, customer_id, id)
        if (row) await stopActiveflow(core, tx, row)
      }
      return running.length > 0
    })
  }
}
