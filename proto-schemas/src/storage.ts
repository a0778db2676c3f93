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
import { ownerFields } from './common.ts'

/** A file that the platform keeps for a customer. */
export const StorageFile = z
  .object({
    ...resourceFields,
    ...ownerFields,
    reference_type: z.enum(['', 'normal', 'recording']),
    reference_id: Id,
    type: z.enum(['', 'rag', 'talk', 'recording']),
    name: z.string(),
    detail: z.string(),
    filename: z.string(),
    filesize: z.int(),
    /** A signed address; made anew whenever the file is read. */
    uri_download: z.string(),
    tm_download_expire: Time.nullable(),
    content_type: internal(z.string()),
    sha256: internal(z.string()),
    /** Where the bytes are in `libs/files`. */
    key: internal(z.string()),
  })
  .meta({ id: 'File' })
export type StorageFile = z.infer<typeof StorageFile>

const errors = ['FILE_NOT_FOUND'] as const

export const storageContract = defineContract({
  name: 'storage',
  errors: { FILE_NOT_FOUND: { status: 'NOT_FOUND', message: 'The file was not found.' } },
  resources: {
    storage_file: {
      operations: {
        list: operation({
          http: 'GET /storage_files',
          summary: 'List files',
          allow: managers,
          input: PageQuery,
          output: Page(StorageFile),
        }),
        get: operation({
          http: 'GET /storage_files/{id}',
          summary: 'Get a file',
          allow: managers,
          input: ById,
          output: StorageFile,
          errors,
        }),
        delete: operation({
          http: 'DELETE /storage_files/{id}',
          summary: 'Delete a file',
          allow: managers,
          input: ById,
          output: StorageFile,
          errors,
        }),
        file: operation({
          http: 'GET /storage_files/{id}/file',
          summary: 'Get the bytes of a file (307 to a signed address)',
          allow: managers,
          input: ById,
          output: z.object({ location: z.string() }),
          redirect: true,
          errors,
        }),
        register: operation({
          http: 'POST /storage_files/register',
          summary: 'Take note of bytes that another manager has stored. Repeating it with the same id changes nothing.',
          idempotent: true,
          input: z.object({
            id: Id,
            reference_type: StorageFile.shape.reference_type,
            reference_id: OptionalId,
            type: StorageFile.shape.type,
            name: z.string().default(''),
            filename: z.string(),
            filesize: z.int(),
            content_type: z.string(),
            sha256: z.string(),
            key: z.string(),
          }),
          output: StorageFile,
        }),
      },
      events: {
        created: event(StorageFile, 'A file was stored'),
        deleted: event(StorageFile, 'A file was deleted'),
      },
    },
  },
})
