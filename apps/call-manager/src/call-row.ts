import { Call, Recording } from '@sidetone/proto-schemas/call'
import { z } from 'zod'

/** How far the flow of a call has come. */
const Phase = z.enum([
  /** There is no flow, or not yet. */
  'idle',
  /** The activeflow has to be made. */
  'starting',
  /** The flow has to be asked for the action after `action`. */
  'leaving',
  /** `action` has to be begun. */
  'entering',
  /** `action` runs; something will end it. */
  'running',
])

/** What the call manager knows of a call beyond what others may see. */
export const CallRow = Call.extend({
  /** Every change is made on the version that was read. */
  version: z.int(),
  /** The cause for which we ended it, if we did. */
  asked_cause: z.int().nullable(),
  /** It was deleted while it lived: the row goes when the call has ended. */
  delete_at_end: z.boolean(),
  phase: Phase,
  /** Until then (epoch milliseconds) the one who entered the phase moves the call on; afterwards anybody may. */
  lease_until: z.int(),
  /** Counts the executed actions, so that a timer or playback of an earlier one is told apart. */
  turn: z.int(),
  /** What the action that runs must remember. */
  state: z.record(z.string(), z.unknown()),
  /** Digits that no `digits_receive` has taken yet. */
  typed: z.string(),
  /** So many of them are in `voipbin.call.digits`, where the flow may take them. */
  shown: z.int(),
  /** The event of the last digit: a repeat of it is not a second digit. */
  last_digit_event: z.string(),
  /** The flow of an incoming call that is given as actions. */
  actions: z.array(z.record(z.string(), z.unknown())),
})
export type CallRow = z.infer<typeof CallRow>

/** What the call manager knows of a recording beyond what others may see. */
export const RecordingRow = Recording.extend({
  end_of_key: z.string(),
  duration: z.int(),
  end_of_silence: z.int(),
})
export type RecordingRow = z.infer<typeof RecordingRow>
