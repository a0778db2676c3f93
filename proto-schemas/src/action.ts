import { Id, nilId, OptionalId, Time } from '@sidetone/contract'
import { z } from 'zod'
import { Address, emptyAddress, OptionalHttpUrl } from './common.ts'

/** Any hex form of 128 bits: clients number their actions by hand, and the reserved ids are no RFC 9562 UUIDs either. */
export const ActionId = z.guid().toLowerCase()
const OptionalActionId = ActionId.default(nilId)

/** With variables it is checked when it runs. */
const HttpUrl = OptionalHttpUrl.refine((text) => text !== '', 'is required')

const none = z.object({}).strict()
const durationMs = z.int().min(0).max(86_400_000)
const seconds = z.int().min(0).max(86_400).default(0)
const conditions = ['==', '!=', '>', '>=', '<', '<='] as const
const destinations = z.array(Address).min(1)
const language = z.string().max(16)
const anonymous = z.enum(['', 'yes', 'no', 'auto']).default('')
const mediaDirection = z.enum(['', 'both', 'in', 'out']).default('')
const assistance = {
  assistance_type: z.enum(['', 'ai', 'team']).default(''),
  assistance_id: OptionalId,
  /** The older way to name an assistant of the type `ai`. */
  ai_id: OptionalId,
}
const transcription = z
  .object({
    language: language.default('en-US'),
    on_end_flow_id: OptionalId,
    provider: z.enum(['', 'gcp', 'aws']).default(''),
    direction: z.enum(['both', 'in', 'out']).default('both'),
  })
  .strict()
const timeZone = z
  .string()
  .max(64)
  .default('UTC')
  .refine(isTimeZone, 'must be a time zone of the IANA database, like Africa/Kigali')

function isTimeZone(name: string): boolean {
  try {
    return Boolean(new Intl.DateTimeFormat('en', { timeZone: name }))
  } catch {
    return false
  }
}

/** One step of a flow as it is sent: the option is checked by `actionOptions[type]` when the flow is saved. */
export const ActionInput = z
  .object({
    /** Made up when absent. */
    id: ActionId.optional(),
    /** The step after this one; absent: the next in the list. */
    next_id: OptionalActionId,
    /** The step after this one when it fails; absent: the one after it in any case. */
    error_id: ActionId.optional(),
    type: z.string().max(64),
    option: z.record(z.string(), z.unknown()).default({}),
    tm_execute: Time.nullable().optional(),
  })
  .strict()
export type ActionInput = z.infer<typeof ActionInput>

/**
 * The options of each action type. Texts may hold `${variables}`; they are filled in when the action runs.
 * Durations are milliseconds unless the field says seconds.
 */
export const actionOptions = {
  /** Hands the outcome of one AI task to the flow; not during a call. */
  ai_task: z.object(assistance).strict(),
  /** Talks with an AI for `duration` seconds at most; 0 for as long as the call lasts. */
  ai_talk: z.object({ ...assistance, duration: seconds }).strict(),
  /** Sums up a call, conference, transcript or recording; not during a call. */
  ai_summary: z
    .object({
      on_end_flow_id: OptionalId,
      reference_type: z.enum(['', 'call', 'conference', 'transcribe', 'recording']).default(''),
      reference_id: OptionalId,
      language: language.default('en-US'),
    })
    .strict(),
  /**
   * Finds out whether a machine answered; `async` goes on meanwhile. With `wait_beep`, which VoIPBIN does not have, and
   * `continue` the flow goes on when the machine has beeped or fallen silent: what is said then is on its tape.
   */
  amd: z
    .object({
      machine_handle: z.enum(['hangup', 'continue']).default('hangup'),
      async: z.boolean().default(false),
      wait_beep: z.boolean().default(false),
    })
    .strict(),
  answer: none,
  beep: none,
  /** Waits until the activeflow is continued; not during a call. */
  block: none,
  /** Jumps by the value of a variable, which is cleared. */
  branch: z
    .object({
      variable: z.string().max(255).default('voipbin.call.digits'),
      default_target_id: OptionalActionId,
      target_ids: z.record(z.string(), ActionId).default({}),
    })
    .strict(),
  /** Makes calls with a flow of their own; `chained` ones end with this call. */
  call: z
    .object({
      source: Address.default(emptyAddress),
      destinations: destinations.max(100),
      flow_id: OptionalId,
      /** Used when `flow_id` is absent. */
      actions: z.array(ActionInput).max(100).default([]),
      chained: z.boolean().default(false),
      /** Their flow begins when they ring, not when they are answered. */
      early_execution: z.boolean().default(false),
      anonymous,
    })
    .strict(),
  /** Keeps a case of the contact manager for whom this is about. */
  case_create: z
    .object({
      name: z.string().max(255).default(''),
      detail: z.string().max(4096).default(''),
      note: z.string().max(4096).default(''),
      sync: z.boolean().default(false),
    })
    .strict(),
  /** Goes on when `length` digits or one of `key` have come, else to `false_target_id`. */
  condition_call_digits: z
    .object({
      length: z.int().min(0).max(100).default(0),
      key: z.string().max(16).default(''),
      false_target_id: OptionalActionId,
    })
    .strict(),
  /** Goes on when the call is in this state, else to `false_target_id`. */
  condition_call_status: z
    .object({
      status: z.enum(['dialing', 'ringing', 'progressing', 'terminating', 'canceling', 'hangup']),
      false_target_id: OptionalActionId,
    })
    .strict(),
  /**
   * Goes on when `now condition time` holds on one of the `weekdays` (0 is Sunday; none given: any), else to
   * `false_target_id`. The parts that are given are compared as one time, the largest first; -1 (or a month of 0) leaves a part out.
   */
  condition_datetime: z
    .object({
      condition: z.enum(conditions).default('=='),
      minute: z.int().min(-1).max(59).default(-1),
      hour: z.int().min(-1).max(23).default(-1),
      day: z.int().min(-1).max(31).default(-1),
      month: z.int().min(-1).max(12).default(0),
      weekdays: z.array(z.int().min(0).max(6)).max(7).default([]),
      timezone: timeZone,
      false_target_id: OptionalActionId,
    })
    .strict(),
  /** Goes on when `variable condition value` holds, else to `false_target_id`. Write the variable as `${name}`. */
  condition_variable: z
    .object({
      condition: z.enum(conditions),
      variable: z.string().max(4096),
      value_type: z.enum(['string', 'number', 'length']).default('string'),
      value_string: z.string().max(4096).default(''),
      value_number: z.number().default(0),
      value_length: z.int().min(0).default(0),
      false_target_id: OptionalActionId,
    })
    .strict(),
  /** Shares the audio of a bridge until the call leaves it. */
  confbridge_join: z.object({ confbridge_id: Id }).strict(),
  conference_join: z.object({ conference_id: Id }).strict(),
  /** Dials the destinations and joins the first that answers with this call. */
  connect: z
    .object({
      source: Address.default(emptyAddress),
      destinations: destinations.max(10),
      early_media: z.boolean().default(false),
      /** Ends this call for the reason for which the other one ended. */
      relay_reason: z.boolean().default(false),
      anonymous,
    })
    .strict(),
  conversation_send: z
    .object({ conversation_id: Id, text: z.string().min(1).max(10_000), sync: z.boolean().default(false) })
    .strict(),
  /** Collects digits into `voipbin.call.digits` until `length` of them, one of `key`, or `duration` has passed. */
  digits_receive: z
    .object({
      duration: durationMs.default(5_000),
      key: z.string().max(16).default(''),
      length: z.int().min(0).max(100).default(1),
    })
    .strict(),
  /** Sends digits, each for `duration`, with `interval` between them. */
  digits_send: z
    .object({
      digits: z
        .string()
        .max(100)
        .regex(/^[0-9ABCD#*]*$/, 'may hold 0 to 9, A to D, # and *'),
      duration: z.int().min(100).max(1_000).default(100),
      interval: z.int().min(0).max(5_000).default(100),
    })
    .strict(),
  echo: z.object({ duration: durationMs.default(180_000) }).strict(),
  email_send: z
    .object({
      destinations: destinations.max(100),
      subject: z.string().max(998),
      content: z.string().max(65_536),
      attachments: z
        .array(z.object({ reference_type: z.enum(['', 'recording']), reference_id: Id }).strict())
        .max(20)
        .default([]),
    })
    .strict(),
  /** Does nothing. */
  empty: none,
  /** Sends the audio of the call to a host and, with `direction_speak`, plays what comes back. */
  external_media_start: z
    .object({
      external_host: z.string().min(1).max(255),
      encapsulation: z.enum(['rtp', 'audiosocket', 'none']).default('rtp'),
      transport: z.enum(['udp', 'tcp', 'websocket']).default('udp'),
      transport_data: z.string().max(1_024).default(''),
      connection_type: z.enum(['client', 'server']).default('client'),
      format: z.string().max(16).default('ulaw'),
      direction_listen: mediaDirection,
      direction_speak: mediaDirection,
      /** The older form of `direction_listen`. */
      direction: mediaDirection,
      data: z.string().max(1_024).default(''),
    })
    .strict(),
  external_media_stop: none,
  /** Asks a URL for a list of actions and runs them before it goes on. */
  fetch: z
    .object({
      event_url: HttpUrl,
      event_method: z.enum(['', 'POST', 'GET', 'PUT', 'DELETE']).default('POST'),
    })
    .strict(),
  /** Runs the actions of another flow before it goes on. */
  fetch_flow: z.object({ flow_id: Id }).strict(),
  /** Jumps while `loop_count` lasts. */
  goto: z.object({ target_id: ActionId, loop_count: z.int().min(0).max(1_000_000).default(0) }).strict(),
  hangup: z.object({ reason: z.string().max(32).default(''), reference_id: OptionalId }).strict(),
  message_send: z
    .object({
      source: Address.default(emptyAddress),
      destinations: destinations.max(100),
      text: z.string().min(1).max(10_000),
    })
    .strict(),
  /** Takes the audio of one direction or both away; an empty direction gives it back. */
  mute: z.object({ direction: z.enum(['', 'both', 'in', 'out']).default('both') }).strict(),
  play: z.object({ stream_urls: z.array(HttpUrl).min(1).max(20) }).strict(),
  queue_join: z.object({ queue_id: Id }).strict(),
  recording_start: z
    .object({
      format: z.enum(['wav']).default('wav'),
      /** Seconds of silence that end it; 0 for never. */
      end_of_silence: seconds,
      end_of_key: z.enum(['', 'none', 'any', '*', '#']).default(''),
      /** Seconds at most; 0 for no limit of its own. */
      duration: seconds,
      beep_start: z.boolean().default(false),
      on_end_flow_id: OptionalId,
      /** 2, which VoIPBIN does not have, puts what the phone says on the left and what it hears on the right. */
      channels: z.union([z.literal(1), z.literal(2)]).default(1),
    })
    .strict(),
  recording_stop: none,
  sleep: z.object({ duration: durationMs }).strict(),
  stop: none,
  /** Sends every RTP packet back as it came, digits included. */
  stream_echo: z.object({ duration: durationMs.default(180_000) }).strict(),
  /** Speaks a text; plain, or SSML whose tags are honoured as far as the voice can. */
  talk: z
    .object({
      text: z.string().min(1).max(5_000),
      language: language.default('en-US'),
      provider: z.string().max(32).default(''),
      voice_id: z.string().max(128).default(''),
      gender: z.string().max(16).default(''),
      /** `next`: a digit ends the speech and goes on. */
      digits_handle: z.enum(['', 'next']).default(''),
      async: z.boolean().default(false),
    })
    .strict(),
  /** Writes down every recording of the call. */
  transcribe_recording: transcription,
  transcribe_start: transcription,
  transcribe_stop: none,
  variable_set: z.object({ key: z.string().min(1).max(255), value: z.string().max(32_768).default('') }).strict(),
  /** One signed request to a URL of its own. `sync` waits for the answer, and fails without a good one. */
  webhook_send: z
    .object({
      sync: z.boolean().default(false),
      uri: z.string().min(1).max(2048),
      method: z.enum(['POST', 'GET', 'PUT', 'DELETE']).default('POST'),
      data_type: z.string().max(128).default('application/json'),
      data: z.string().max(65_536).default(''),
    })
    .strict(),
} as const
export type ActionType = keyof typeof actionOptions
export type ActionOption<T extends ActionType> = z.infer<(typeof actionOptions)[T]>

/** What the call manager executes, by `activeflow.next`; the flow manager runs everything else. */
export const callActionTypes = [
  'amd',
  'answer',
  'beep',
  'confbridge_join',
  'connect',
  'digits_receive',
  'digits_send',
  'echo',
  'external_media_start',
  'external_media_stop',
  'hangup',
  'mute',
  'play',
  'recording_start',
  'recording_stop',
  'sleep',
  'stream_echo',
  'talk',
] as const satisfies ActionType[]
export type CallActionType = (typeof callActionTypes)[number]

/** One step of a flow. */
export const Action = z
  .object({
    id: ActionId,
    next_id: ActionId,
    error_id: ActionId.optional(),
    type: z.string(),
    option: z.record(z.string(), z.unknown()),
    tm_execute: Time.nullable(),
  })
  .meta({ id: 'Action' })
export type Action = z.infer<typeof Action>

/** Ids with a meaning, as in VoIPBIN. */
export const reservedActionIds = {
  empty: nilId,
  start: '00000000-0000-0000-0000-000000000001',
  finish: '00000000-0000-0000-0000-000000000002',
  next: '00000000-0000-0000-0000-000000000003',
} as const

export const emptyAction: Action = { id: nilId, next_id: nilId, type: '', option: {}, tm_execute: null }
