import { type AmdState, amdLimits, amdTimer, watchTalking } from '../amd.ts'
import { done, type MediaAction } from './action.ts'

/** Longer than any decision takes: the flow goes on even if it was lost. */
const giveUpMs = 2 * (amdLimits.initialSilence + amdLimits.greeting + amdLimits.pause)

/** Finds out whether a person or a machine has answered, by how long it talks; the result is in `voipbin.call.amd`. */
export const amd: MediaAction<'amd'> = {
  async begin(core, call, { machine_handle, async }) {
    const state: AmdState = { handle: machine_handle, begun_at: Date.now(), talking_since: 0 }
    await watchTalking(core, call)
    return {
      set: { amd: state },
      also: (tx) => amdTimer(core, tx, call.id, amdLimits.initialSilence),
      ...(async ? done : { timerMs: giveUpMs }),
    }
  },
  on: (_core, _call, _option, signal) => (signal.type === 'amd_decided' || signal.type === 'timer' ? done : undefined),
}
