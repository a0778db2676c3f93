import { type AmdState, amdLimits, amdTimer, watchTalking } from '../amd.ts'
import { done, type MediaAction } from './action.ts'

/** Longer than any decision takes: the flow goes on even if it was lost. */
const giveUpMs = 2 * (amdLimits.initialSilence + amdLimits.greeting + amdLimits.pause)
const giveUpTapeMs = giveUpMs + amdLimits.tape

/** Finds out whether a person or a machine has answered, by how long it talks; the result is in `voipbin.call.amd`. */
export const amd: MediaAction<'amd'> = {
  async begin(core, call, { machine_handle, async, wait_beep }) {
    const state: AmdState = {
      handle: machine_handle,
      begun_at: Date.now(),
      talking_since: 0,
      wait_beep,
      machine_since: 0,
      quiet_since: 0,
    }
    await watchTalking(core, call, state)
    return {
      set: { amd: state },
      also: (tx) => amdTimer(core, tx, call.id, amdLimits.initialSilence),
      ...(async ? done : { timerMs: wait_beep ? giveUpTapeMs : giveUpMs }),
    }
  },
  on: (_core, _call, _option, signal) => (signal.type === 'amd_decided' || signal.type === 'timer' ? done : undefined),
}
