import {
  ById,
  defineContract,
  event,
  Id,
  internal,
  managers,
  OptionalId,
  operation,
  Page,
  PageQuery,
  resourceFields,
  Time,
} from '@sidetone/contract'
import { z } from 'zod'
import { Action, actionOptions } from './action.ts'
import { Address, ownerFields } from './common.ts'
import { DialInput, dialErrorDefinitions, dialErrors } from './dial.ts'
import { Groupcall, groupcallErrors, groupcallResource } from './groupcall.ts'
import { outboundConfigErrors, outboundConfigResource } from './outbound-config.ts'
import { recordingErrors, recordingResource } from './recording.ts'

export const CallStatus = z.enum(['dialing', 'ringing', 'progressing', 'terminating', 'canceling', 'hangup'])
export const HangupReason = z.enum(['', 'normal', 'failed', 'busy', 'cancel', 'timeout', 'noanswer', 'dialout', 'amd'])

/** How well one direction of a call's audio came through. */
const StreamQuality = z.object({
  /** How people would rate it, from 1 (bad) to 4.4 (as good as a phone can be): ITU-T G.107, from loss, jitter and delay. */
  mos: z.number().min(1).max(4.5),
  packets: z.int(),
  packets_lost: z.int(),
  jitter_ms: z.number(),
})

/** How well a call was heard, by RTP and its reports. */
const CallQuality = z
  .object({
    /** What we heard of the phone. */
    received: StreamQuality,
    /** What the phone heard of us, as it reported; null: it sends no reports. */
    sent: StreamQuality.nullable(),
    round_trip_ms: z.number().nullable(),
  })
  .meta({ id: 'CallQuality' })
export type CallQuality = z.infer<typeof CallQuality>

/** One leg: one phone that calls us or is called. */
export const Call = z
  .object({
    ...resourceFields,
    ...ownerFields,
    flow_id: Id,
    activeflow_id: Id,
    type: z.enum(['', 'flow', 'conference', 'sip-service']),
    /** The call that dialled this one; this one ends with it. */
    master_call_id: Id,
    chained_call_ids: z.array(Id),
    recording_id: Id,
    recording_ids: z.array(Id),
    groupcall_id: Id,
    source: Address,
    destination: Address,
    status: CallStatus,
    action: Action,
    direction: z.enum(['incoming', 'outgoing']),
    mute_direction: z.enum(['', 'both', 'out', 'in']),
    hangup_by: z.enum(['', 'remote', 'local']),
    hangup_reason: HangupReason,
    metadata: z.record(z.string(), z.unknown()),
    /** Known when it has ended; null before, and for a call in which nothing was said. */
    quality: CallQuality.nullable(),
    tm_ringing: Time.nullable(),
    tm_progressing: Time.nullable(),
    tm_hangup: Time.nullable(),
    /** The RTC node that carries it (empty until one dials), and its channel there. */
    asterisk_id: internal(z.string()),
    channel_id: internal(z.string()),
  })
  .meta({ id: 'Call' })
export type Call = z.infer<typeof Call>

/** A digit that was pressed. */
export const Dtmf = z.object({
  id: Id,
  customer_id: Id,
  call_id: Id,
  digit: z.string(),
  duration: z.int(),
  tm_create: Time,
})

const callErrors = ['CALL_NOT_FOUND'] as const
const controlErrors = ['CALL_NOT_FOUND', 'CALL_STATE_INVALID'] as const
const Dialled = z.object({ calls: z.array(Call), groupcalls: z.array(Groupcall) })
/** As VoIPBIN: a 200 that says nothing. */
const Nothing = z.object({})
const MuteInput = ById.extend({ direction: z.enum(['', 'both', 'out', 'in']).default('') })

/** Something that is switched on by POST and off by DELETE while a call is answered. */
const control = (method: 'POST' | 'DELETE', name: string, summary: string) =>
  operation({
    http: `${method} /calls/{id}/${name}`,
    summary,
    allow: managers,
    idempotent: true,
    input: ById,
    output: Nothing,
    errors: controlErrors,
    timeoutMs: 10_000,
  })

export const callContract = defineContract({
  name: 'call',
  errors: {
    CALL_NOT_FOUND: { status: 'NOT_FOUND', message: 'The call was not found.' },
    CALL_STATE_INVALID: { status: 'FAILED_PRECONDITION', message: 'The call is not in a state for that.' },
    CALL_ALREADY_HANGUP: { status: 'FAILED_PRECONDITION', message: 'The call has ended already.' },
    ...dialErrorDefinitions,
    ...groupcallErrors,
    ...recordingErrors,
    ...outboundConfigErrors,
  },
  resources: {
    call: {
      operations: {
        list: operation({
          http: 'GET /calls',
          summary: 'List calls',
          allow: managers,
          input: PageQuery,
          output: Page(Call),
        }),
        create: operation({
          http: 'POST /calls',
          summary: 'Call the destinations and run a flow on each that answers',
          allow: managers,
          input: DialInput,
          output: Dialled,
          errors: dialErrors,
          timeoutMs: 15_000,
        }),
        dial: operation({
          http: 'POST /calls/dial',
          summary: 'As `create`, for other managers: with what customers may not say',
          input: DialInput.extend({
            /** The call that makes these; they end with it. */
            master_call_id: OptionalId,
            /** Their flow begins when they ring. */
            early_execution: z.boolean().default(false),
            /** Only these carriers, whatever the routes say. */
            route_provider_ids: z.array(Id).max(20).default([]),
          }),
          output: Dialled,
          errors: dialErrors,
          timeoutMs: 15_000,
        }),
        get: operation({
          http: 'GET /calls/{id}',
          summary: 'Get a call',
          allow: managers,
          input: ById,
          output: Call,
          errors: callErrors,
        }),
        delete: operation({
          http: 'DELETE /calls/{id}',
          summary: 'Hang up, if need be, and delete',
          allow: managers,
          input: ById,
          output: Call,
          errors: callErrors,
        }),
        hangup: operation({
          http: 'POST /calls/{id}/hangup',
          summary: 'Hang up',
          allow: managers,
          input: ById,
          output: Call,
          errors: ['CALL_NOT_FOUND', 'CALL_ALREADY_HANGUP'],
        }),
        recording_start: operation({
          http: 'POST /calls/{id}/recording_start',
          summary: 'Start recording',
          allow: managers,
          input: ById.extend(actionOptions.recording_start.shape),
          output: Call,
          errors: ['CALL_NOT_FOUND', 'CALL_STATE_INVALID', 'RECORDING_ALREADY_ACTIVE', 'BALANCE_INSUFFICIENT'],
        }),
        recording_pause: operation({
          http: 'POST /calls/{id}/recording_pause',
          summary: 'Leave out what is said until `recording_resume`',
          allow: managers,
          idempotent: true,
          input: ById,
          output: Call,
          errors: ['CALL_NOT_FOUND', 'RECORDING_NOT_ACTIVE'],
        }),
        recording_resume: operation({
          http: 'POST /calls/{id}/recording_resume',
          summary: 'Record on after `recording_pause`',
          allow: managers,
          idempotent: true,
          input: ById,
          output: Call,
          errors: ['CALL_NOT_FOUND', 'RECORDING_NOT_ACTIVE'],
        }),
        recording_stop: operation({
          http: 'POST /calls/{id}/recording_stop',
          summary: 'Stop recording',
          allow: managers,
          input: ById,
          output: Call,
          errors: ['CALL_NOT_FOUND', 'RECORDING_NOT_ACTIVE'],
        }),
        hold: control('POST', 'hold', 'Put on hold: the phone hears music'),
        unhold: control('DELETE', 'hold', 'Take off hold'),
        moh_start: control('POST', 'moh', 'Play music on hold'),
        moh_stop: control('DELETE', 'moh', 'Stop the music on hold'),
        silence_start: control(
          'POST',
          'silence',
          'Send silence, for phones that take the absence of sound for a fault',
        ),
        silence_stop: control('DELETE', 'silence', 'Send silence no more'),
        mute: operation({
          http: 'POST /calls/{id}/mute',
          summary: 'Mute what the phone says (`in`), what it hears (`out`), or both',
          allow: managers,
          idempotent: true,
          input: MuteInput,
          output: Nothing,
          errors: controlErrors,
          timeoutMs: 10_000,
        }),
        unmute: operation({
          http: 'DELETE /calls/{id}/mute',
          summary: 'Unmute what the phone says (`in`), what it hears (`out`), or both',
          allow: managers,
          input: MuteInput,
          output: Nothing,
          errors: controlErrors,
          timeoutMs: 10_000,
        }),
        talk: operation({
          http: 'POST /calls/{id}/talk',
          summary: 'Speak a text, beside what the flow does; an incoming call is answered first',
          allow: managers,
          input: ById.extend({
            text: actionOptions.talk.shape.text,
            language: actionOptions.talk.shape.language,
            provider: actionOptions.talk.shape.provider,
            voice_id: actionOptions.talk.shape.voice_id,
          }),
          output: Nothing,
          errors: controlErrors,
          timeoutMs: 15_000,
        }),
        external_media_start: operation({
          http: 'POST /calls/{id}/external-media',
          summary:
            'Give a host of the platform the audio of an answered call and, with `direction_speak`, let it speak',
          input: ById.extend(actionOptions.external_media_start.shape),
          output: z.object({ external_media_id: Id }),
          errors: controlErrors,
          timeoutMs: 10_000,
        }),
        external_media_stop: operation({
          http: 'DELETE /calls/{id}/external-media',
          summary: 'Take one external media away, or all',
          input: ById.extend({ external_media_id: OptionalId }),
          output: Nothing,
          errors: callErrors,
          timeoutMs: 10_000,
        }),
      },
      events: {
        created: event(Call, 'A leg came into being'),
        updated: event(Call, 'A field of a leg changed that has no event of its own'),
        deleted: event(Call, 'A leg was deleted'),
        dialing: event(Call, 'A leg is being dialled'),
        ringing: event(Call, 'The phone rings'),
        progressing: event(Call, 'The leg was answered'),
        terminating: event(Call, 'We are hanging up'),
        canceling: event(Call, 'We gave up before the answer'),
        hangup: event(Call, 'The leg has ended; exactly one per leg'),
      },
    },
    groupcall: groupcallResource,
    recording: recordingResource,
    outbound_config: outboundConfigResource,
    dtmf: {
      operations: {},
      events: { received: event(Dtmf, 'A digit was pressed', { internal: true }) },
    },
  },
})
