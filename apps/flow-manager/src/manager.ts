import { defineManager } from '@sidetone/manager'
import { flowContract } from '@sidetone/proto-schemas/flow'
import { z } from 'zod'
import { activeflowHandlers } from './activeflows.ts'
import { activeflows, flows } from './core.ts'
import { customerReactions } from './customers.ts'
import { defineDirectJob } from './directs.ts'
import { flowHandlers } from './flows.ts'
import { migrations } from './migrations.ts'
import { defineRetentionJob } from './retention.ts'
import { defineRunJob } from './run-job.ts'
import { defineWebhookJob } from './webhooks.ts'

export const flowManager = defineManager({
  contract: flowContract,
  settings: z.object({
    /** How long ended activeflows are kept. */
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
      reactions: customerReactions(core),
      purges: { flow: flows, activeflow: activeflows },
    }
  },
})
