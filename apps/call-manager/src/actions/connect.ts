import { releaseAll } from '../admission.ts'
import type { CallRow } from '../call-row.ts'
import type { Core } from '../core.ts'
import { dial, insertCalls } from '../outgoing.ts'
import { causeOf } from '../rules.ts'
import type { MediaAction, Outcome, Signal } from './action.ts'
import { planLegs, type Queue } from './connect-plan.ts'
import {
  type Connecting,
  connectingOf,
  isTransferPending,
  join,
  listenTo,
  ringAgain,
  ringBack,
  tearDown,
} from './connecting.ts'
import { replacing, transferFailed, transferorLeft } from './transferring.ts'

/** Q.850 for what may not be dialled; the caller hears 403. */
const refusedCause = 21

/** Dials the destinations, joins the first that answers with the call, and goes on when that leg or the last one has ended. */
export const connect: MediaAction<'connect'> = {
  passesDigits: true,

  async begin(core, call, option) {
    const { legs, queues } = await planLegs(core, call, option)
    const leg_ids = legs.map((leg) => leg.id)
    return {
      state: { leg_ids, queues },
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

  refusedCause: ({ relay_reason }) => (relay_reason ? refusedCause : undefined),

  on(core, call, option, signal) {
    const connecting = connectingOf(call)
    const { leg_ids, queues, answered_id, speaking_ids, transferor_id } = connecting
    switch (signal.type) {
      case 'next_leg':
        return ringNext(core, call, option, signal)
      case 'leg_speaks':
        // Who is put through still talks to whoever does it.
        if (!leg_ids.includes(signal.leg_id) || answered_id || transferor_id) return undefined
        if (speaking_ids.includes(signal.leg_id)) return {}
        return hearing(core, connecting, [...speaking_ids, signal.leg_id])
      case 'leg_answered':
        if (signal.leg_id === transferor_id) return {} // told again: it was joined with this call before
        if (!leg_ids.includes(signal.leg_id) || (answered_id && answered_id !== signal.leg_id)) return undefined
        return {
          state: { ...connecting, answered_id: signal.leg_id, queues: [] },
          ...(transferor_id ? replacing(core, call) : { after: (changed) => join(core, changed) }),
        }
      case 'transferor_left':
        return signal.call_id === transferor_id ? transferorLeft(core, connecting) : undefined
      case 'leg_ended': {
        if (signal.leg_id === transferor_id) return transferorLeft(core, connecting)
        if (!leg_ids.includes(signal.leg_id)) return undefined
        const isTurn = ({ after }: Queue): boolean => after === signal.leg_id
        const left: Connecting = {
          ...connecting,
          leg_ids: leg_ids.filter((id) => id !== signal.leg_id),
          queues: queues.map((queue) => (isTurn(queue) ? { ...queue, after: '' } : queue)),
        }
        if (signal.leg_id === answered_id || !goesOn(left)) return over(core, call, option, causeOf(signal.reason))
        const goingOn = hearing(
          core,
          left,
          speaking_ids.filter((id) => id !== signal.leg_id),
        )
        if (!queues.some(isTurn)) return goingOn
        const where = { call_id: call.id, turn: call.turn }
        return { ...goingOn, also: (tx) => core.jobs.enqueue(tx, 'call.connect_next', where) }
      }
      default:
        return undefined
    }
  },

  end: tearDown,
}

const goesOn = ({ leg_ids, queues }: Connecting): boolean =>
  leg_ids.length > 0 || queues.some(({ after }) => after === '')

/** Before the answer the call hears the first leg that speaks, or ringing. */
function hearing(core: Core, connecting: Connecting, speaking_ids: string[]): Outcome {
  const state = { ...connecting, speaking_ids }
  if (connecting.answered_id || speaking_ids[0] === connecting.speaking_ids[0]) return { state }
  return { state, after: (call) => (speaking_ids.length > 0 ? listenTo(core, call) : ringAgain(core, call)) }
}

function over(core: Core, call: CallRow, { relay_reason }: { relay_reason: boolean }, cause: number): Outcome {
  const connecting = connectingOf(call)
  if (isTransferPending(connecting) && !connecting.transferor_left) return transferFailed(core, call)
  return { ...(relay_reason ? { hangUp: cause } : { leave: true }), after: () => tearDown(core, call) }
}

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
