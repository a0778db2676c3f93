import { internalIdentity } from '@sidetone/contract'
import { dialNextPhone } from './actions/connect-plan.ts'
import { type Replacement, replacePhone } from './actions/transferring.ts'
import { orUndefined } from './addresses.ts'
import { onAmdEvent } from './amd.ts'
import { extendBalance } from './balance.ts'
import type { Core } from './core.ts'
import { endCall } from './end-call.ts'
import { afterGroupcall, dialNext } from './groupcalls.ts'
import { createReaper } from './reaper.ts'
import { extendRecording } from './recording-balance.ts'
import { stopRecording, storeRecording } from './recordings.ts'
import { ownCauses } from './rules.ts'
import { type Referral, transferCall } from './transfers.ts'

const backoff = (attempt: number): number => Math.min(2 ** attempt * 250, 60_000)
const usual = { maxAttempts: 20, backoff, concurrency: 16, timeoutMs: 30_000 }

/** What must happen later, or until it succeeds, also when everything is restarted meanwhile. */
export function defineCallJobs(core: Core): void {
  const { jobs } = core

  jobs.define<{ call_id: string; turn: number }>('call.timer', {
    ...usual,
    handler: async ({ call_id, turn }) => {
      await core.signal(call_id, { type: 'timer' }, turn)
    },
  })
  jobs.define<{ call_id: string }>('call.dial_timeout', {
    ...usual,
    handler: ({ call_id }) => core.apply(call_id, { type: 'dial_timeout' }),
  })
  jobs.define<{ call_id: string }>('call.max_duration', {
    ...usual,
    handler: ({ call_id }) => core.apply(call_id, { type: 'hang_up', cause: ownCauses.maxDuration }),
  })
  jobs.define<{ call_id: string }>('call.balance', {
    ...usual,
    maxAttempts: 100,
    handler: ({ call_id }) => extendBalance(core, call_id),
  })
  jobs.define<{ call_id: string }>('call.amd', {
    ...usual,
    handler: ({ call_id }) => onAmdEvent(core, call_id, { type: 'timer' }),
  })
  jobs.define<{ call_id: string }>('call.ended', { ...usual, handler: ({ call_id }) => endCall(core, call_id) })

  jobs.define<{ call_id: string; turn: number }>('call.connect_next', {
    ...usual,
    handler: (where) => dialNextPhone(core, where),
  })
  jobs.define<Referral>('call.transfer', { ...usual, handler: (referral) => transferCall(core, referral) })
  jobs.define<Replacement>('call.replace', { ...usual, handler: (replacement) => replacePhone(core, replacement) })
  jobs.define<{ groupcall_id: string; dial_index: number }>('groupcall.next', {
    ...usual,
    handler: ({ groupcall_id, dial_index }) => dialNext(core, groupcall_id, dial_index),
  })
  jobs.define<{ groupcall_id: string }>('groupcall.ended', {
    ...usual,
    handler: ({ groupcall_id }) => afterGroupcall(core, groupcall_id),
  })

  jobs.every('call.reap', { everyMs: 10_000, timeoutMs: 60_000, handler: createReaper(core) })

  jobs.define<{ recording_id: string }>('recording.limit', {
    ...usual,
    handler: ({ recording_id }) => stopRecording(core, recording_id),
  })
  jobs.define<{ recording_id: string }>('recording.balance', {
    ...usual,
    maxAttempts: 100,
    handler: async ({ recording_id }) => {
      if (!(await extendRecording(core, recording_id))) await stopRecording(core, recording_id)
    },
  })
  jobs.define<{ recording_id: string }>('recording.store', {
    ...usual,
    maxAttempts: 100,
    timeoutMs: 90_000,
    handler: ({ recording_id }) => storeRecording(core, recording_id),
  })
  jobs.define<{ customer_id: string; file_id: string }>('recording.delete_file', {
    ...usual,
    handler: async ({ customer_id, file_id }) => {
      const { storage_file } = core.managers.storage
      await orUndefined(storage_file.delete({ id: file_id }, { identity: internalIdentity(customer_id) }))
    },
  })
}
