import type { ActionOption } from '@sidetone/proto-schemas/action'
import type { Address } from '@sidetone/proto-schemas/common'
import { admitted, releaseAll } from '../admission.ts'
import type { CallRow } from '../call-row.ts'
import type { Core } from '../core.ts'
import { settled } from '../dial-plan.ts'
import { agentOf, type Dialable, dialableOf, diallerOf, isAnonymous, isOwnSource } from '../dialler.ts'
import { dial, insertCalls, type LegRow, newLeg } from '../outgoing.ts'
import { Refusal } from '../refusal.ts'
import { causeOf } from '../rules.ts'
import type { MediaAction, Outcome } from './action.ts'
import { answerCall } from './answer.ts'
import { playbackId } from './playing.ts'

interface Connecting {
  /** Legs that have not ended. */
  leg_ids: string[]
  /** The leg that is joined with the call. */
  answered_id: string
  /** The leg that the call heard before the answer. */
  heard_id: string
}

/** A call that could dial nobody has no legs. */
const connectingOf = ({ state }: CallRow): Connecting => ({
  leg_ids: [],
  answered_id: '',
  heard_id: '',
  ...state,
})
const bridgeId = ({ id, turn }: CallRow): string => `bridge-${id}-${turn}`

/** Q.850 for what may not be dialled; the caller hears 403. */
const refusedCause = 21

/** Dials the destinations, joins the first that answers with the call, and goes on when that leg or the last one has ended. */
export const connect: MediaAction<'connect'> = {
  passesDigits: true,

  async begin(core, call, option) {
    const legs = await planLegs(core, call, option).catch((error: unknown) => {
      if (option.relay_reason && error instanceof Refusal) return []
      throw error
    })
    if (legs.length === 0) return { hangUp: refusedCause }
    const leg_ids = legs.map((leg) => leg.id)
    return {
      state: { leg_ids, answered_id: '', heard_id: '' } satisfies Connecting,
      set: { typed: '', shown: 0, chained_call_ids: [...call.chained_call_ids, ...leg_ids] },
      async also(tx) {
        await insertCalls(core, tx, legs)
      },
      undo: () => releaseAll(core, legs),
      async after(changed) {
        await ringBack(core, changed)
        await Promise.all(legs.map((leg) => dial(core, leg, call.asterisk_id)))
      },
    }
  },

  on(core, call, option, signal) {
    const { leg_ids, answered_id, heard_id } = connectingOf(call)
    if (signal.type === 'leg_speaks') {
      if (!leg_ids.includes(signal.leg_id) || answered_id || heard_id) return undefined
      return { state: { leg_ids, answered_id, heard_id: signal.leg_id }, after: (changed) => listenTo(core, changed) }
    }
    if (signal.type === 'leg_answered') {
      if (!leg_ids.includes(signal.leg_id) || (answered_id && answered_id !== signal.leg_id)) return undefined
      const state: Connecting = { leg_ids, answered_id: signal.leg_id, heard_id }
      return { state: { ...state }, after: (changed) => join(core, changed) }
    }
    if (signal.type !== 'leg_ended' || !leg_ids.includes(signal.leg_id)) return undefined
    const left = leg_ids.filter((id) => id !== signal.leg_id)
    if (signal.leg_id !== answered_id && left.length > 0) return { state: { leg_ids: left, answered_id, heard_id } }
    const over: Outcome = option.relay_reason ? { hangUp: causeOf(signal.reason) } : { leave: true }
    return { ...over, after: () => tearDown(core, call) }
  },

  end: tearDown,
}

/** A leg for each destination that can be dialled, an agent's addresses each; throws a `Refusal` when there is none. */
async function planLegs(core: Core, call: CallRow, option: ActionOption<'connect'>): Promise<LegRow[]> {
  const { id: master_call_id, customer_id } = call
  const { early_media } = option
  const anonymous = isAnonymous(option.anonymous, call)
  const source = await sourceOf(core, call, option)
  const dialler = await diallerOf(core, { customer_id, ...source, anonymous, route_provider_ids: [] })
  const plan = async (address: Address): Promise<Dialable[]> => {
    if (address.type !== 'agent') return [await dialableOf(core, dialler, address)]
    const { addresses } = await agentOf(core, customer_id, address.target)
    return settled(addresses, (one) => dialableOf(core, dialler, one))
  }
  const dialables = (await settled(option.destinations, plan)).flat()
  const legs = await Promise.all(
    dialables.map((dialable) => newLeg(core, { customer_id, ...dialable, anonymous, early_media, master_call_id })),
  )
  return admitted(core, legs, async () => legs)
}

/** The phones show who calls, unless the flow names an address that the customer owns. */
async function sourceOf(core: Core, call: CallRow, { source }: ActionOption<'connect'>) {
  if (source.type !== '' && (await isOwnSource(core, call.customer_id, source))) return { source, isCaller: false }
  return { source: call.source, isCaller: true }
}

const ringBackId = (call: CallRow): string => playbackId(call, 0)

async function ringBack(core: Core, call: CallRow): Promise<void> {
  const ari = core.ari(call.asterisk_id)
  if (call.status === 'progressing') await ari.play(call.channel_id, ringBackId(call), 'tone:ring')
  else await ari.ring(call.channel_id)
}

/** Lets the caller hear what a leg says before it is answered: announcements, or another ringing. */
async function listenTo(core: Core, call: CallRow): Promise<void> {
  const ari = core.ari(call.asterisk_id)
  await ari.stopPlayback(ringBackId(call))
  if (call.status === 'ringing') await ari.progress(call.channel_id)
  await joinBridge(core, call, connectingOf(call).heard_id, [call.channel_id])
}

async function joinBridge(core: Core, call: CallRow, leg_id: string, channelIds: string[]): Promise<void> {
  const leg = await core.calls.find(core.store, '*', leg_id)
  if (!leg) return
  const ari = core.ari(call.asterisk_id)
  await ari.createBridge(bridgeId(call))
  await ari.join(bridgeId(call), [...channelIds, leg.channel_id])
}

/** May be repeated: everything in it may have happened before. */
async function join(core: Core, call: CallRow): Promise<void> {
  const { leg_ids, answered_id, heard_id } = connectingOf(call)
  const ari = core.ari(call.asterisk_id)
  await ari.stopPlayback(ringBackId(call))
  await answerCall(core, call)
  if (answered_id !== heard_id) await joinBridge(core, call, answered_id, heard_id ? [] : [call.channel_id])
  const others = leg_ids.filter((id) => id !== answered_id)
  await Promise.all(others.map((id) => core.apply(id, { type: 'hang_up', cause: 26 })))
}

async function tearDown(core: Core, call: CallRow): Promise<void> {
  const ari = core.ari(call.asterisk_id)
  await ari.stopPlayback(ringBackId(call))
  await ari.destroyBridge(bridgeId(call))
  await Promise.all(connectingOf(call).leg_ids.map((id) => core.apply(id, { type: 'hang_up', cause: 16 })))
}
