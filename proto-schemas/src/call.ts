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
import { Action, ActionInput, actionOptions } from './action.ts'
import { Address, emptyAddress, ownerFields } from './common.ts'

export const CallStatus = z.enum(['dialing', 'ringing', 'progressing', 'terminating', 'canceling', 'hangup'])
export const HangupReason = z.enum(['', 'normal', 'failed', 'busy', 'cancel', 'timeout', 'noanswer', 'dialout', 'amd'])

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
    tm_ringing: Time.nullable(),
    tm_progressing: Time.nullable(),
    tm_hangup: Time.nullable(),
    /** The RTC node that carries it (empty until one dials), and its channel there. */
    asterisk_id: internal(z.string()),
    channel_id: internal(z.string()),
  })
  .meta({ id: 'Call' })
export type Call = z.infer<typeof Call>

/** The audio of a call, or of what two or more calls share, as a file. */
export const Recording = z
  .object({
    ...resourceFields,
    ...ownerFields,
    activeflow_id: Id,
    reference_type: z.enum(['call', 'confbridge']),
    reference_id: Id,
    status: z.enum(['initiating', 'recording', 'stopping', 'ended']),
    format: z.enum(['wav']),
    on_end_flow_id: Id,
    tm_start: Time.nullable(),
    tm_end: Time.nullable(),
    /** Known once it has ended: where to get it, how large it is, and its SHA-256. */
    uri_download: z.string(),
    filesize: z.int(),
    sha256: z.string(),
    file_id: internal(Id),
    asterisk_id: internal(z.string()),
    channel_id: internal(z.string()),
  })
  .meta({ id: 'Recording' })
export type Recording = z.infer<typeof Recording>

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
const recordingErrors = ['RECORDING_NOT_FOUND'] as const

export const callContract = defineContract({
  name: 'call',
  errors: {
    CALL_NOT_FOUND: { status: 'NOT_FOUND', message: 'The call was not found.' },
    CALL_STATE_INVALID: { status: 'FAILED_PRECONDITION', message: 'The call is not in a state for that.' },
    CALL_ALREADY_HANGUP: { status: 'FAILED_PRECONDITION', message: 'The call has ended already.' },
    DESTINATION_INVALID: { status: 'INVALID_ARGUMENT', message: 'destinations: none of them can be called.' },
    SOURCE_INVALID: { status: 'INVALID_ARGUMENT', message: 'source: must be one of your own numbers or extensions.' },
    FLOW_NOT_FOUND: { status: 'INVALID_ARGUMENT', message: 'flow_id: the flow was not found.' },
    INVALID_ACTION: { status: 'INVALID_ARGUMENT', message: 'An action is not valid.' },
    INVALID_ACTION_TYPE: { status: 'INVALID_ARGUMENT', message: 'There is no such action type.' },
    INVALID_VARIABLES: { status: 'INVALID_ARGUMENT', message: 'variables: at most 100, 64 KB together.' },
    RECORDING_NOT_FOUND: { status: 'NOT_FOUND', message: 'The recording was not found.' },
    RECORDING_ALREADY_ACTIVE: { status: 'FAILED_PRECONDITION', message: 'The call is being recorded already.' },
    RECORDING_NOT_ACTIVE: { status: 'FAILED_PRECONDITION', message: 'The call is not being recorded.' },
    RECORDING_NOT_READY: { status: 'FAILED_PRECONDITION', message: 'The recording has not ended yet.' },
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
          input: z.object({
            flow_id: OptionalId,
            /** Used when `flow_id` is absent. */
            actions: z.array(ActionInput).min(1).max(1_000).optional(),
            source: Address.default(emptyAddress),
            destinations: z.array(Address).min(1).max(100),
            anonymous: z.enum(['yes', 'no', 'auto']).default('no'),
            variables: z.record(z.string().max(255), z.string().max(32_768)).default({}),
          }),
          output: z.object({ calls: z.array(Call), groupcalls: z.array(z.object({ id: Id })) }),
          errors: [
            'DESTINATION_INVALID',
            'SOURCE_INVALID',
            'FLOW_NOT_FOUND',
            'INVALID_ACTION',
            'INVALID_ACTION_TYPE',
            'INVALID_VARIABLES',
          ],
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
          errors: ['CALL_NOT_FOUND', 'CALL_STATE_INVALID', 'RECORDING_ALREADY_ACTIVE'],
        }),
        recording_stop: operation({
          http: 'POST /calls/{id}/recording_stop',
          summary: 'Stop recording',
          allow: managers,
          input: ById,
          output: Call,
          errors: ['CALL_NOT_FOUND', 'RECORDING_NOT_ACTIVE'],
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
    recording: {
      operations: {
        list: operation({
          http: 'GET /recordings',
          summary: 'List recordings',
          allow: managers,
          input: PageQuery,
          output: Page(Recording),
        }),
        get: operation({
          http: 'GET /recordings/{id}',
          summary: 'Get a recording',
          allow: managers,
          input: ById,
          output: Recording,
          errors: recordingErrors,
        }),
        delete: operation({
          http: 'DELETE /recordings/{id}',
          summary: 'Delete a recording and its file',
          allow: managers,
          input: ById,
          output: Recording,
          errors: recordingErrors,
        }),
        file: operation({
          http: 'GET /recordingfiles/{id}',
          summary: 'Get the audio of a recording (307 to a signed address)',
          allow: managers,
          input: ById,
          output: z.object({ location: z.string() }),
          redirect: true,
          errors: ['RECORDING_NOT_FOUND', 'RECORDING_NOT_READY'],
        }),
      },
      events: {
        started: event(Recording, 'A recording began'),
        finished: event(Recording, 'A recording has ended and its file can be downloaded'),
        deleted: event(Recording, 'A recording was deleted'),
      },
    },
    dtmf: {
      operations: {},
      events: { received: event(Dtmf, 'A digit was pressed', { internal: true }) },
    },
  },
})
