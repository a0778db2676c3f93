import { everyCustomer } from '@sidetone/contract'
import { NotYet } from '@sidetone/jobs'
import { isAsking } from './activeflow-row.ts'
import { activeflows, type Core } from './core.ts'
import { advance, runJob, settle, takeOver } from './lifecycle.ts'

/** Runs activeflows that no request waits for, and goes on where whoever asked somebody else has died. */
export function defineRunJob(core: Core): void {
  core.jobs.define<{ id: string }>(runJob, {
    maxAttempts: 10,
    backoff: (attempt) => Math.min(2 ** attempt * 250, 60_000),
    concurrency: 16,
    timeoutMs: 600_000,
    async handler({ id }) {
      const advanced = await core.store.transaction(async (tx) => {
        const row = await activeflows.findLocked(tx, everyCustomer, id)
        if (row?.status !== 'running' || row.current_action.type === 'block') return undefined
        if (!isAsking(row)) return advance(core, tx, row, { hasCall: false })
        if (row.asked_until > Date.now()) throw new NotYet(new Date(row.asked_until))
        return takeOver(tx, row)
      })
      if (advanced) await settle(core, false, advanced)
    },
  })
}
