import type { ActionOption } from '@sidetone/proto-schemas/action'
import type { Address } from '@sidetone/proto-schemas/common'
import { dialablesOf, isOwnSource } from '../addresses.ts'
import type { CallRow } from '../call-row.ts'
import type { Core } from '../core.ts'
import { dial, insertCall, newLeg } from '../outgoing.ts'
import { causeOf } from '../rules.ts'
import type { MediaAction, Outcome } from './action.ts'
import { answerCall } from './answer.ts'
import { playbackId } from './playing.ts'

interface Connecting {
  /** Legs that have not ended. */
  leg_ids: string[]
  /** The leg that is joined with the call. */
  answered_id: string
}

const connectingOf = (call: CallRow): Connecting => call.state as unknown as Connecting
const bridgeId = ({ id, turn }: CallRow): string => `bridge-${id}-${turn}`

/** Dials the destinations, joins the first that answers with the call, and goes on when that leg or the last one has ended. */
export const connect: MediaAction<'connect'> = {
  passesDigits: true,

  async begin(core, call, option) {
    const dialables = await findDialables(core, call, option.destinations)
    if (dialables.length === 0) return { leave: true }
    const { customer_id, id, asterisk_id } = call
    const source = await sourceOf(core, call, option)
    const legs = await Promise.all(
      dialables.map((dialable) => newLeg(core, { customer_id, source, dialable, master_call_id: id })),
    )
    const leg_ids = legs.map((leg) => leg.id)
    return {
      state: { leg_ids, answered_id: '' } satisfies Connecting,
      set: { typed: '', shown: 0, chained_call_ids: [...call.chained_call_ids, ...leg_ids] },
      async also(tx) {
        for (const leg of legs) await insertCall(core, tx, leg)
      },
      async after(changed) {
        await ringBack(core, changed)
        const anonymous = option.anonymous === 'yes'
        await Promise.all(
          legs.map((leg, index) =>
            dial(core, { call: leg, endpoint: dialables[index]!.endpoint, source, anonymous, asteriskId: asterisk_id }),
          ),
        )
      },
    }
  },

  on(core, call, option, signal) {
    const { leg_ids, answered_id } = connectingOf(call)
    if (signal.type === 'leg_answered') {
      if (!leg_ids.includes(signal.leg_id) || (answered_id && answered_id !== signal.leg_id)) return undefined
      const state: Connecting = { leg_ids, answered_id: signal.leg_id }
      return { state: { ...state }, after: (changed) => join(core, changed) }
    }
    if (signal.type !== 'leg_ended' || !leg_ids.includes(signal.leg_id)) return undefined
    const left = leg_ids.filter((id) => id !== signal.leg_id)
    if (signal.leg_id !== answered_id && left.length > 0) return { state: { leg_ids: left, answered_id } }
    const over: Outcome = option.relay_reason ? { hangUp: causeOf(signal.reason) } : { leave: true }
    return { ...over, after: () => tearDown(core, call) }
  },

  end: tearDown,
}

async function findDialables(core: Core, { id, customer_id }: CallRow, destinations: Address[]) {
  const found = await Promise.all(destinations.map((address) => dialablesOf(core, customer_id, address)))
  return found.flatMap((one, index) => {
    if (typeof one !== 'string') return one
    core.log.warn(
      { call_id: id, destination_type: destinations[index]!.type, problem: one },
      'a destination cannot be called',
    )
    return []
  })
}

/** The phones show who calls, unless the flow names an address that the customer owns. */
async function sourceOf(core: Core, call: CallRow, { source }: ActionOption<'connect'>): Promise<Address> {
  if (source.type === '') return call.source
  if (await isOwnSource(core, call.customer_id, source)) return source
  core.log.warn(
    { call_id: call.id },
    'connect names a source that the customer does not own; the caller is shown instead',
  )
  return call.source
}

const ringBackId = (call: CallRow): string => playbackId(call, 0)

async function ringBack(core: Core, call: CallRow): Promise<void> {
  const ari = core.ari(call.asterisk_id)
  if (call.status === 'progressing') await ari.play(call.channel_id, ringBackId(call), 'tone:ring')
  else await ari.ring(call.channel_id)
}

/** May be repeated: everything in it may have happened before. */
async function join(core: Core, call: CallRow): Promise<void> {
  const { leg_ids, answered_id } = connectingOf(call)
  const ari = core.ari(call.asterisk_id)
  await ari.stopPlayback(ringBackId(call))
  await answerCall(core, call)
  await ari.createBridge(bridgeId(call))
  await ari.join(bridgeId(call), [call.channel_id, answered_id])
  const others = leg_ids.filter((id) => id !== answered_id)
  await Promise.all(others.map((id) => core.apply(id, { type: 'hang_up', cause: 26 })))
}

async function tearDown(core: Core, call: CallRow): Promise<void> {
  const ari = core.ari(call.asterisk_id)
  await ari.stopPlayback(ringBackId(call))
  await ari.destroyBridge(bridgeId(call))
  await Promise.all(connectingOf(call).leg_ids.map((id) => core.apply(id, { type: 'hang_up', cause: 16 })))
}
