import type { CallRow } from '../call-row.ts'
import type { Core } from '../core.ts'
import { answerCall } from './answer.ts'
import type { Queue } from './connect-plan.ts'
import { playbackId } from './playing.ts'

/** What a call remembers while it is, or gets, connected with others. */
export interface Connecting {
  /** Legs that have not ended. */
  leg_ids: string[]
  /** What is left of the agents whose phones ring one after the other. */
  queues: Queue[]
  /** The leg that is joined with the call. */
  answered_id: string
  /** The legs that speak before the answer; the call hears the first of them. */
  speaking_ids: string[]
  bridge_id: string
  /** The call that asked for these legs to take its place (a transfer). */
  transferor_id: string
  /** That call has ended before anybody answered. */
  transferor_left: boolean
  /** What the call did before the transfer; it goes back to that when nobody answers. */
  before: { action: CallRow['action']; state: Connecting } | null
}

/** A call that could dial nobody has no legs. */
export const connectingOf = ({ id, turn, state }: Pick<CallRow, 'id' | 'turn' | 'state'>): Connecting => ({
  leg_ids: [],
  queues: [],
  answered_id: '',
  speaking_ids: [],
  bridge_id: `bridge-${id}-${turn}`,
  transferor_id: '',
  transferor_left: false,
  before: null,
  ...state,
})

export const isConnecting = ({ phase, action }: CallRow): boolean => phase === 'running' && action.type === 'connect'

/** Somebody is called in place of the one who asked for it, and has not answered yet. */
export const isTransferPending = ({ transferor_id, answered_id }: Connecting): boolean =>
  transferor_id !== '' && answered_id === ''

const ringBackId = (call: CallRow): string => playbackId(call, 0)

export async function ringBack(core: Core, call: CallRow): Promise<void> {
  const ari = core.ari(call.asterisk_id)
  if (call.status === 'progressing') await ari.play(call.channel_id, ringBackId(call), 'tone:ring')
  else await ari.ring(call.channel_id)
}

/** Lets the caller hear what a leg says before it is answered: announcements, or another ringing. */
export async function listenTo(core: Core, call: CallRow): Promise<void> {
  const ari = core.ari(call.asterisk_id)
  await ari.stopPlayback(ringBackId(call))
  if (call.status === 'ringing') await ari.progress(call.channel_id)
  await joinBridge(core, call, connectingOf(call).speaking_ids[0]!, [call.channel_id])
}

/** Whoever spoke before the answer is not there any more: the caller hears ringing until another speaks. */
export async function ringAgain(core: Core, call: CallRow): Promise<void> {
  const ari = core.ari(call.asterisk_id)
  await ari.destroyBridge(connectingOf(call).bridge_id)
  // Not by `ring`: its tone would go on beside what the next one says.
  await ari.play(call.channel_id, ringBackId(call), 'tone:ring')
}

async function joinBridge(core: Core, call: CallRow, leg_id: string, channelIds: string[]): Promise<void> {
  const leg = await core.calls.find(core.store, '*', leg_id)
  if (!leg) return
  const { bridge_id } = connectingOf(call)
  const ari = core.ari(call.asterisk_id)
  await ari.createBridge(bridge_id)
  await ari.join(bridge_id, [...channelIds, leg.channel_id])
}

/** May be repeated: everything in it may have happened before. */
export async function join(core: Core, call: CallRow): Promise<void> {
  const { leg_ids, answered_id, speaking_ids } = connectingOf(call)
  const [heard_id] = speaking_ids
  const ari = core.ari(call.asterisk_id)
  await ari.stopPlayback(ringBackId(call))
  await answerCall(core, call)
  if (answered_id !== heard_id) await joinBridge(core, call, answered_id, heard_id ? [] : [call.channel_id])
  const others = leg_ids.filter((id) => id !== answered_id)
  await Promise.all(others.map((id) => core.apply(id, { type: 'hang_up', cause: 26 })))
}

/** The legs of a call end with it, except one that it is being put through by: that one goes on to whom it is put through. */
export async function endLeg(core: Core, call_id: string, leg_id: string): Promise<void> {
  const goesOn = await core.signal(leg_id, { type: 'transferor_left', call_id })
  if (!goesOn) await core.apply(leg_id, { type: 'hang_up', cause: 16 })
}

export async function tearDown(core: Core, call: CallRow): Promise<void> {
  const ari = core.ari(call.asterisk_id)
  const connecting = connectingOf(call)
  await ari.stopPlayback(ringBackId(call))
  if (isTransferPending(connecting)) await tellTransferor(core, connecting.transferor_id, 'channel_unavailable')
  for (const { bridge_id, leg_ids } of [connecting, ...(connecting.before ? [connecting.before.state] : [])]) {
    await ari.destroyBridge(bridge_id)
    await Promise.all(leg_ids.map((id) => endLeg(core, call.id, id)))
  }
}

/** Tells the phone that asked for a transfer what becomes of it. */
export async function tellTransferor(
  core: Core,
  transferor_id: string,
  state: 'channel_progress' | 'channel_answered' | 'channel_unavailable' | 'channel_declined',
): Promise<void> {
  const transferor = await core.calls.find(core.store, '*', transferor_id)
  if (transferor) await core.ari(transferor.asterisk_id).tellTransfer(transferor.channel_id, state)
}
