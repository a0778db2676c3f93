import { Call } from '@sidetone/proto-schemas/call'
import { Groupcall } from '@sidetone/proto-schemas/groupcall'
import { Recording } from '@sidetone/proto-schemas/recording'
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

/** One way to reach a phone: what the RTC node dials, the variables of its channel, and the codecs it offers (absent: its own). */
export const Way = z.object({
  endpoint: z.string(),
  variables: z.record(z.string(), z.string()),
  formats: z.string().optional(),
})
export type Way = z.infer<typeof Way>

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
  /** The ways to dial it, the one in use first: the next is tried when a carrier fails. Null: it is not dialled. */
  ways: z.array(Way).nullable(),
  anonymous: z.boolean(),
  /** The flow begins when the phone rings, not when it is answered. */
  early_execution: z.boolean(),
  /** Whether a person or a machine has answered is being found out. Epoch milliseconds; 0: it is not talking. */
  amd: z
    .object({
      handle: z.enum(['hangup', 'continue']),
      begun_at: z.int(),
      talking_since: z.int(),
      wait_beep: z.boolean().default(false),
      /** A machine it is since then, silent since then; 0 for not. What is waited for now is the end of its greeting. */
      machine_since: z.int().default(0),
      quiet_since: z.int().default(0),
    })
    .nullable(),
  /** The hosts outside that take part in its audio. Null: none ever. */
  external_media_ids: z.array(z.string()).nullable(),
  /** What it says before the answer is heard by the call that dials it. */
  early_media: z.boolean(),
  /** So many seconds after the answer are paid for; null: it costs nothing. */
  covered_seconds: z.int().nullable(),
})
export type CallRow = z.infer<typeof CallRow>

/** What the call manager knows of a recording beyond what others may see. */
export const RecordingRow = Recording.extend({
  end_of_key: z.string(),
  duration: z.int(),
  end_of_silence: z.int(),
  channels: z.int(),
  /** Its node records one channel: each side is recorded beside the whole, and the file is made of the two. */
  sides: z.boolean(),
  /** So many seconds of it are paid for; null: it costs nothing. */
  covered_seconds: z.int().nullable(),
  /** It was deleted before it was stored: what was recorded is charged, and goes then. */
  delete_at_end: z.boolean(),
})
export type RecordingRow = z.infer<typeof RecordingRow>

/** What the call manager knows of a groupcall beyond what others may see. */
export const GroupcallRow = Groupcall.extend({
  /** Its calls and groupcalls that have not ended. */
  live_ids: z.array(z.string()),
  /** What is dialled next, for `linear`, must be dialled as the first was. */
  dialled_as: z.object({
    actions: z.array(z.record(z.string(), z.unknown())),
    variables: z.record(z.string(), z.string()),
    anonymous: z.boolean(),
    route_provider_ids: z.array(z.string()),
  }),
  /** It was deleted while it lived: the row goes when the groupcall has ended. */
  delete_at_end: z.boolean(),
})
export type GroupcallRow = z.infer<typeof GroupcallRow>
