import { NotYet } from '@sidetone/jobs'
import type { Core } from './core.ts'
import { hangUpGroupcall } from './groupcalls.ts'
import { liveStatuses } from './rules.ts'

const batch = 100
const hourMs = 3_600_000
/** Nobody has asked them to end. */
const goingOn = ['dialing', 'ringing', 'progressing'] as const
const usual = {
  maxAttempts: 1_000,
  backoff: (attempt: number) => Math.min(2 ** attempt * 250, 60_000),
  concurrency: 4,
  timeoutMs: 600_000,
}

/** What becomes of calls when their customer is frozen or deleted, however many there are. */
export function defineCustomerJobs(core: Core): void {
  const { store, jobs, calls, groupcalls, recordings, outboundConfigs } = core

  async function hangUpAllOf(customer_id: string, signal: AbortSignal): Promise<void> {
    for (let more = true; more; ) {
      signal.throwIfAborted()
      const whole = await groupcalls.list(store, customer_id, { where: { status: 'progressing' }, limit: batch })
      for (const { id } of whole) await hangUpGroupcall(core, id)
      const some = await calls.list(store, customer_id, { where: { status: goingOn }, limit: batch })
      await Promise.all(some.map(({ id }) => core.apply(id, { type: 'hang_up', cause: 16 })))
      more = whole.length === batch || some.length === batch
    }
  }

  /** What has to be told and cleared up at an end needs the rows. */
  const isBusy = async (customer_id: string): Promise<boolean> =>
    (await calls.findBy(store, customer_id, { status: liveStatuses })) !== undefined ||
    (await groupcalls.findBy(store, customer_id, { status: ['progressing', 'hangingup'] })) !== undefined ||
    (await recordings.findBy(store, customer_id, { status: ['initiating', 'recording', 'stopping'] })) !== undefined

  jobs.define<{ customer_id: string }>('call.customer_hang_up', {
    ...usual,
    handler: ({ customer_id }, { signal }) => hangUpAllOf(customer_id, signal),
  })

  jobs.define<{ customer_id: string }>('call.customer_remove', {
    ...usual,
    async handler({ customer_id }, { signal, job }) {
      await hangUpAllOf(customer_id, signal)
      const isRecent = Date.parse(job.tm_create) > Date.now() - hourMs
      if (isRecent && (await isBusy(customer_id))) throw new NotYet(new Date(Date.now() + 1_000))
      for (const table of [calls, groupcalls, recordings, outboundConfigs]) {
        await table.softDeleteAllOf(store, customer_id)
      }
    },
  })
}
