import { internalIdentity, nilId } from '@sidetone/contract'
import { endLeg } from './actions/connecting.ts'
import { currentOf } from './actions/index.ts'
import { orUndefined } from './addresses.ts'
import type { Core } from './core.ts'
import { stopExternalMedia } from './external-media.ts'
import { hangUpGroupcall, leaveGroupcall } from './groupcalls.ts'
import { stopRecording } from './recordings.ts'

/** Ends everything that hangs on a call that has ended. Runs until it succeeds; a repeat does no harm. */
export async function endCall(core: Core, id: string): Promise<void> {
  const call = await core.calls.find(core.store, '*', id)
  if (call?.status !== 'hangup') return
  const current = call.phase === 'running' ? currentOf(call) : undefined
  if (typeof current === 'object') {
    await current.action
      .end?.(core, call)
      ?.catch((err: unknown) => core.log.debug({ err, call_id: id }, 'nothing left to clear up'))
  }
  for (const leg of call.chained_call_ids) await endLeg(core, id, leg)
  const live = { master_call_id: id, status: ['progressing', 'hangingup'] as const }
  for (const own of await core.groupcalls.list(core.store, call.customer_id, { where: live, limit: 1_000 })) {
    await hangUpGroupcall(core, own.id)
  }
  if (call.groupcall_id !== nilId) await leaveGroupcall(core, call.groupcall_id, id)
  if (call.master_call_id !== nilId) {
    await core.signal(call.master_call_id, { type: 'leg_ended', leg_id: id, reason: call.hangup_reason })
  }
  await stopRecording(core, call.recording_id)
  await stopExternalMedia(core, call)
  if (call.activeflow_id !== nilId) {
    const identity = internalIdentity(call.customer_id)
    await orUndefined(core.managers.flow.activeflow.stop({ id: call.activeflow_id }, { identity }))
  }
  if (!call.delete_at_end) return
  await core.store.transaction(async (tx) => {
    const deleted = await core.calls.softDelete(tx, '*', id)
    if (deleted) await core.emit(tx, 'call', 'deleted', deleted)
  })
}
