import { releaseAll } from '../admission.ts'
import type { CallRow } from '../call-row.ts'
import type { Core } from '../core.ts'
import { dial, insertCalls } from '../outgoing.ts'
import { Refusal } from '../refusal.ts'
import { causeOf } from '../rules.ts'
import type { MediaAction, Outcome, Signal } from './action.ts'
import { answerCall } from './answer.ts'
import { planLegs, type Queue } from './connect-plan.ts'
import { playbackId } from './playing.ts'

interface Connecting {
  /** Legs that have not ended. */
  leg_ids: string[]
  /** What is left of the agents whose phones ring one after the other. */
  queues: Queue[]
  /** The leg that is joined with the call. */
  answered_id: string
  /** The leg that the call heard before the answer. */
  heard_id: string
}

/** A call that could dial nobody has no legs. */
const connectingOf = ({ state }: CallRow): Connecting => ({
  leg_ids: [],
  queues: [],
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
    const { legs, queues } = await planLegs(core, call, option).catch((error: unknown) => {
      if (option.relay_reason && error instanceof Refusal) return { legs: [], queues: [] }
      throw error
    })
    if (legs.length === 0) return { hangUp: refusedCause }
    const leg_ids = legs.map((leg) => leg.id)
    return {
      state: { leg_ids, queues, answered_id: '', heard_id: '' } satisfies Connecting,
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
    const connecting = connectingOf(call)
    const { leg_ids, queues, answered_id, heard_id } = connecting
    if (signal.type === 'next_leg') return ringNext(core, call, option, signal)
    if (signal.type === 'leg_speaks') {
      if (!leg_ids.includes(signal.leg_id) || answered_id || heard_id) return undefined
      return { state: { ...connecting, heard_id: signal.leg_id }, after: (changed) => listenTo(core, changed) }
    }
    if (signal.type === 'leg_answered') {
      if (!leg_ids.includes(signal.leg_id) || (answered_id && answered_id !== signal.leg_id)) return undefined
      const state = { ...connecting, answered_id: signal.leg_id, queues: [] }
      return { state, after: (changed) => join(core, changed) }
    }
    if (signal.type !== 'leg_ended' || !leg_ids.includes(signal.leg_id)) return undefined
    const isTurn = ({ after }: Queue): boolean => after === signal.leg_id
    const left: Connecting = {
      ...connecting,
      leg_ids: leg_ids.filter((id) => id !== signal.leg_id),
      queues: queues.map((queue) => (isTurn(queue) ? { ...queue, after: '' } : queue)),
    }
    if (signal.leg_id === answered_id || !goesOn(left)) return over(core, call, option, causeOf(signal.reason))
    if (!queues.some(isTurn)) return { state: { ...left } }
    const where = { call_id: call.id, turn: call.turn }
    return { state: { ...left }, also: (tx) => core.jobs.enqueue(tx, 'call.connect_next', where) }
  },

  end: tearDown,
}

const goesOn = ({ leg_ids, queues }: Connecting): boolean =>
  leg_ids.length > 0 || queues.some(({ after }) => after === '')

const over = (core: Core, call: CallRow, { relay_reason }: { relay_reason: boolean }, cause: number): Outcome => ({
  ...(relay_reason ? { hangUp: cause } : { leave: true }),
  after: () => tearDown(core, call),
})

/** Undefined when it is not awaited any more: somebody has answered meanwhile. */
function ringNext(
  core: Core,
  call: CallRow,
  option: { relay_reason: boolean },
  { leg, addresses }: Extract<Signal, { type: 'next_leg' }>,
): Outcome | undefined {
  const connecting = connectingOf(call)
  const index = connecting.queues.findIndex(({ after }) => after === '')
  if (index === -1) return undefined
  const rest = leg && addresses.length > 0 ? [{ after: leg.id, addresses }] : []
  const state: Connecting = { ...connecting, queues: connecting.queues.toSpliced(index, 1, ...rest) }
  if (!leg) return goesOn(state) ? { state: { ...state } } : over(core, call, option, refusedCause)
  return {
    state: { ...state, leg_ids: [...connecting.leg_ids, leg.id] },
    set: { chained_call_ids: [...call.chained_call_ids, leg.id] },
    also: (tx) => insertCalls(core, tx, [leg]),
    after: () => dial(core, leg, call.asterisk_id),
  }
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
