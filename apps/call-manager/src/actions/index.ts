import { type ActionOption, type ActionType, actionOptions } from '@sidetone/proto-schemas/action'
import type { CallRow } from '../call-row.ts'
import type { MediaAction } from './action.ts'
import { amd } from './amd.ts'
import { answer } from './answer.ts'
import { connect } from './connect.ts'
import { digitsReceive } from './digits-receive.ts'
import { digitsSend } from './digits-send.ts'
import { echo } from './echo.ts'
import { externalMediaStart, externalMediaStop } from './external-media.ts'
import { hangup } from './hangup.ts'
import { mute } from './mute.ts'
import { beep, play } from './play.ts'
import { recordingStart, recordingStop } from './recording.ts'
import { sleep } from './sleep.ts'
import { talk } from './talk.ts'

/** Every action that needs the call; the flow manager runs all others. */
const actions: { [T in ActionType]?: MediaAction<T> } = {
  amd,
  answer,
  beep,
  connect,
  digits_receive: digitsReceive,
  digits_send: digitsSend,
  echo,
  external_media_start: externalMediaStart,
  external_media_stop: externalMediaStop,
  hangup,
  mute,
  play,
  recording_start: recordingStart,
  recording_stop: recordingStop,
  sleep,
  stream_echo: echo,
  talk,
}

/** An action with its option. */
export interface Current {
  action: MediaAction<ActionType>
  option: ActionOption<ActionType>
}

/** What a call has to do now; a text says why it cannot be done. */
export function currentOf({ action: { type, option } }: Pick<CallRow, 'action'>): Current | string {
  const action = actions[type as ActionType] as MediaAction<ActionType> | undefined
  if (!action) return `there is no action ${type} for calls`
  const parsed = actionOptions[type as ActionType].safeParse(option)
  return parsed.success ? { action, option: parsed.data } : `${type}: ${parsed.error.issues[0]?.message}`
}
