import { AriRefused } from '../ari.ts'
import type { CallRow } from '../call-row.ts'
import type { Core } from '../core.ts'
import type { Outcome } from './action.ts'
import {
  type Connecting,
  connectingOf,
  isConnecting,
  isTransferPending,
  join,
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

/** Two are to hear each other from now on, in place of the phone that asked for it. */
export interface Replacement {
  /** The call whose leg the other is, and its turn since then. */
  transferee_id: string
  turn: number
  /** The call that asked for it, and all calls of its phone that end with it. */
  transferor_id: string
  call_ids: string[]
  /** Where the phone talked, and on which node. */
  bridge_ids: string[]
  asterisk_id: string
}

/** Whom the call is put through to has answered. */
export function replacing(core: Core, call: CallRow): Outcome {
  const { id, turn, asterisk_id } = call
  const { transferor_id, before } = connectingOf(call)
  const replacement: Replacement = {
    ...{ transferee_id: id, turn, transferor_id, asterisk_id },
    call_ids: [transferor_id],
    bridge_ids: before ? [before.state.bridge_id] : [],
  }
  return { also: (tx) => core.jobs.enqueue(tx, 'call.replace', replacement) }
}

/** Joins the two unless one has ended meanwhile; the phone is told, let go of and hung up. May be repeated. */
export async function replacePhone(core: Core, replacement: Replacement): Promise<void> {
  const { transferee_id, turn, transferor_id, call_ids, bridge_ids, asterisk_id } = replacement
  const transferee = await core.calls.find(core.store, '*', transferee_id)
  const isWanted = transferee?.status === 'progressing' && transferee.turn === turn && isConnecting(transferee)
  const isJoined = isWanted && (await join(core, transferee).then(() => true, refused))
  await tellTransferor(core, transferor_id, isJoined ? 'channel_answered' : 'channel_unavailable')
  await letGo(core, transferor_id, transferee_id)
  for (const id of bridge_ids) await core.ari(asterisk_id).destroyBridge(id)
  for (const id of call_ids) await core.apply(id, { type: 'hang_up', cause: 16 })
}

/** A channel has gone: the end of its call is on its way. */
function refused(error: unknown): false {
  if (error instanceof AriRefused) return false
  throw error
}

/** From now on the leg lives on without the call that dialled it. */
async function letGo(core: Core, call_id: string, leg_id: string): Promise<void> {
  await core.change(call_id, (row) =>
    row.chained_call_ids.includes(leg_id) ? { call: withoutLeg(row, leg_id) } : undefined,
  )
}

/** The call as it is when that leg is none of its own. */
export function withoutLeg(row: CallRow, leg_id: string): CallRow {
  const without = (ids: string[]) => ids.filter((id) => id !== leg_id)
  const call = { ...row, chained_call_ids: without(row.chained_call_ids) }
  if (!isConnecting(row)) return call
  const { leg_ids, answered_id, ...rest } = connectingOf(row)
  const answered = answered_id === leg_id ? '' : answered_id
  return { ...call, state: { ...rest, leg_ids: without(leg_ids), answered_id: answered } }
}
