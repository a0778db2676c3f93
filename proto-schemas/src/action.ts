import { nilId, OptionalId, Time } from '@sidetone/contract'
import { z } from 'zod'
import { Address, emptyAddress, OptionalHttpUrl } from './common.ts'

/** Any hex form of 128 bits: clients number their actions by hand, and the reserved ids are no RFC 9562 UUIDs either. */
export const ActionId = z.guid().toLowerCase()
const OptionalActionId = ActionId.default(nilId)

const none = z.object({}).strict()
const durationMs = z.int().min(0).max(86_400_000)
const conditions = ['==', '!=', '>', '>=', '<', '<='] as const

/**
 * The options of each action type. Texts may hold `${variables}`; they are filled in when the action runs.
 * Durations are milliseconds unless the field says seconds.
 */
export const actionOptions = {
  answer: none,
  beep: none,
  /** Jumps by the value of a variable, which is cleared. */
  branch: z
    .object({
      variable: z.string().max(255).default('voipbin.call.digits'),
      default_target_id: OptionalActionId,
      target_ids: z.record(z.string(), ActionId).default({}),
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
  /** Dials the destinations and joins the first that answers with this call. */
  connect: z
    .object({
      source: Address.default(emptyAddress),
      destinations: z.array(Address).min(1).max(10),
      early_media: z.boolean().default(false),
      /** Ends this call for the reason for which the other one ended. */
      relay_reason: z.boolean().default(false),
      anonymous: z.enum(['', 'yes', 'no', 'auto']).default(''),
    })
    .strict(),
  /** Collects digits into `voipbin.call.digits` until `length` of them, one of `key`, or `duration` has passed. */
  digits_receive: z
    .object({
      duration: durationMs.default(5_000),
      key: z.string().max(16).default(''),
      length: z.int().min(0).max(100).default(1),
    })
    .strict(),
  echo: z.object({ duration: durationMs.default(180_000) }).strict(),
  /** Jumps while `loop_count` lasts. */
  goto: z.object({ target_id: ActionId, loop_count: z.int().min(0).max(1_000_000).default(0) }).strict(),
  hangup: z.object({ reason: z.string().max(32).default(''), reference_id: OptionalId }).strict(),
  play: z.object({ stream_urls: z.array(OptionalHttpUrl).min(1).max(20) }).strict(),
  recording_start: z
    .object({
      format: z.enum(['wav']).default('wav'),
      /** Seconds of silence that end it; 0 for never. */
      end_of_silence: z.int().min(0).max(86_400).default(0),
      end_of_key: z.enum(['', 'none', 'any', '*', '#']).default(''),
      /** Seconds at most; 0 for no limit of its own. */
      duration: z.int().min(0).max(86_400).default(0),
      beep_start: z.boolean().default(false),
      on_end_flow_id: OptionalId,
    })
    .strict(),
  recording_stop: none,
  sleep: z.object({ duration: durationMs }).strict(),
  stop: none,
  /** Speaks a text; plain, or SSML whose tags are honoured as far as the voice can. */
  talk: z
    .object({
      text: z.string().min(1).max(5_000),
      language: z.string().max(16).default('en-US'),
      provider: z.string().max(32).default(''),
      voice_id: z.string().max(128).default(''),
      gender: z.string().max(16).default(''),
      /** `next`: a digit ends the speech and goes on. */
      digits_handle: z.enum(['', 'next']).default(''),
      async: z.boolean().default(false),
    })
    .strict(),
  variable_set: z.object({ key: z.string().min(1).max(255), value: z.string().max(32_768).default('') }).strict(),
  /** One signed request to a URL of its own. */
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

/** One step of a flow as it is sent: the option is checked by `actionOptions[type]` when the flow is saved. */
export const ActionInput = z
  .object({
    /** Made up when absent. */
    id: ActionId.optional(),
    /** The step after this one; absent: the next in the list. */
    next_id: OptionalActionId,
    type: z.string().max(64),
    option: z.record(z.string(), z.unknown()).default({}),
    tm_execute: Time.nullable().optional(),
  })
  .strict()
export type ActionInput = z.infer<typeof ActionInput>

/** One step of a flow. */
export const Action = z
  .object({
    id: ActionId,
    next_id: ActionId,
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
