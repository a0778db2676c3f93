import {
  ById,
  event,
  Id,
  internal,
  managers,
  operation,
  Page,
  PageQuery,
  resourceFields,
  Time,
} from '@sidetone/contract'
import { z } from 'zod'
import { ownerFields } from './common.ts'

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

export const recordingErrors = {
  RECORDING_NOT_FOUND: { status: 'NOT_FOUND', message: 'The recording was not found.' },
  RECORDING_ALREADY_ACTIVE: { status: 'FAILED_PRECONDITION', message: 'The call is being recorded already.' },
  RECORDING_NOT_ACTIVE: { status: 'FAILED_PRECONDITION', message: 'The call is not being recorded.' },
  RECORDING_NOT_READY: { status: 'FAILED_PRECONDITION', message: 'The recording has not ended yet.' },
} as const

const notFound = ['RECORDING_NOT_FOUND'] as const

export const recordingResource = {
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
      errors: notFound,
    }),
    delete: operation({
      http: 'DELETE /recordings/{id}',
      summary: 'Delete a recording and its file',
      allow: managers,
      input: ById,
      output: Recording,
      errors: notFound,
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
}
