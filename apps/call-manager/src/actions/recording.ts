import type { CallRow } from '../call-row.ts'
import type { Core } from '../core.ts'
import { startRecording, stopRecording } from '../recordings.ts'
import { done, type MediaAction } from './action.ts'
import { onPlaying, startPlaying } from './playing.ts'

export const recordingStart: MediaAction<'recording_start'> = {
  async begin(core, call, option) {
    if (option.beep_start) return startPlaying(core, ['sound:beep'])
    await startRecording(core, call.id, option)
    return done
  },
  on(core, call, option, signal) {
    const outcome = onPlaying(core, call, signal)
    if (!outcome?.leave) return outcome
    return { ...outcome, after: (changed: CallRow) => startRecording(core, changed.id, option) }
  },
}

export const recordingStop: MediaAction<'recording_stop'> = {
  async begin(core: Core, call: CallRow) {
    await stopRecording(core, call.recording_id)
    return done
  },
}
