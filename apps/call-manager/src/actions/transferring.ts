import type { CallRow } from '../call-row.ts'
import type { Core } from '../core.ts'
import type { Outcome } from './action.ts'
import {
  type Connecting,
  connectingOf,
  isConnecting,
  isTransferPending,
  ringBack,
  tellTransferor,
} from './connecting.ts'

/** Who asked for a transfer has hung up: whoever is put through waits for an answer alone, and hears ringing. */
export function transferorLeft(core: Core, connecting: Connecting): Outcome {
  if (!isTransferPending(connecting) || connecting.transferor_left) return {}
  return {
    state: { ...connecting, transferor_left: true, before: null },
    async after(call) {
      if (connecting.before) await core.ari(call.asterisk_id).destroyBridge(connecting.before.state.bridge_id)
      await ringBack(core, call)
    },
  }
}

/** Nobody answered: all is as it was before, and the phone that asked is told. */
export function transferFailed(core: Core, call: CallRow): Outcome {
  const { transferor_id, before } = connectingOf(call)
  return {
    state: { ...before?.state },
    ...(before && { set: { action: before.action } }),
    async after() {
      await tellTransferor(core, transferor_id, 'channel_unavailable')
      const transferor = await core.calls.find(core.store, '*', transferor_id)
      if (transferor?.status === 'hangup') await core.apply(call.id, { type: 'hang_up', cause: 16 })
    },
  }
}

/** The transfer is done: the phone that asked is told, let go of and hung up. May be repeated. */
export async function replaceTransferor(core: Core, call: CallRow): Promise<void> {
  const { transferor_id, before } = connectingOf(call)
  await letGo(core, transferor_id, call.id)
  await tellTransferor(core, transferor_id, 'channel_answered')
  await core.apply(transferor_id, { type: 'hang_up', cause: 16 })
  if (before) await core.ari(call.asterisk_id).destroyBridge(before.state.bridge_id)
}

/** From now on the leg lives on without the call that dialled it. */
export async function letGo(core: Core, call_id: string, leg_id: string): Promise<void> {
  const without = (ids: string[]) => ids.filter((id) => id !== leg_id)
  await core.change(call_id, (row) => {
    if (!row.chained_call_ids.includes(leg_id)) return undefined
    const call = { ...row, chained_call_ids: without(row.chained_call_ids) }
    if (!isConnecting(row)) return { call }
    const { leg_ids, answered_id, ...rest } = connectingOf(row)
    const answered = answered_id === leg_id ? '' : answered_id
    return { call: { ...call, state: { ...rest, leg_ids: without(leg_ids), answered_id: answered } } }
  })
}
