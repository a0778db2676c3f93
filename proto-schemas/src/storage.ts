import {
  ById,
  defineContract,
  event,
  Id,
  internal,
  managers,
  OptionalId,
  operation,
  operators,
  Page,
  PageQuery,
  resourceFields,
  Time,
  UploadedFile,
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

/** How much a customer keeps. */
export const StorageAccount = z
  .object({
    ...resourceFields,
    total_file_count: z.int(),
    /** Bytes. */
    total_file_size: z.int(),
    /** So much may be uploaded; what the platform records is kept and counted beyond it. */
    quota_file_count: z.int(),
    quota_file_size: z.int(),
  })
  .meta({ id: 'StorageAccount' })
export type StorageAccount = z.infer<typeof StorageAccount>

const errors = ['FILE_NOT_FOUND'] as const
const accountErrors = ['STORAGE_ACCOUNT_NOT_FOUND'] as const
const uploadErrors = ['STORAGE_ACCOUNT_NOT_FOUND', 'STORAGE_QUOTA_EXCEEDED'] as const

export const storageContract = defineContract({
  name: 'storage',
  errors: {
    FILE_NOT_FOUND: { status: 'NOT_FOUND', message: 'The file was not found.' },
    STORAGE_ACCOUNT_NOT_FOUND: { status: 'NOT_FOUND', message: 'The storage account was not found.' },
    STORAGE_ACCOUNT_EXISTS: { status: 'ALREADY_EXISTS', message: 'The customer has a storage account.' },
    STORAGE_ACCOUNT_CLOSING: {
      status: 'FAILED_PRECONDITION',
      message: 'The files of the deleted account are still being removed; try again in a minute.',
    },
    STORAGE_QUOTA_EXCEEDED: {
      status: 'FAILED_PRECONDITION',
      message: 'The storage is full; delete files, or ask for a larger quota.',
    },
    UPLOAD_EXPIRED: { status: 'FAILED_PRECONDITION', message: 'The upload took too long; send the file again.' },
    CUSTOMER_UNKNOWN: { status: 'NOT_FOUND', message: 'The customer was not found.' },
  },
  resources: {
    storage_account: {
      operations: {
        own: operation({
          http: 'GET /storage_account',
          summary: 'Get your own storage account',
          allow: managers,
          input: z.object({}),
          output: StorageAccount,
          errors: accountErrors,
        }),
        list: operation({
          http: 'GET /storage_accounts',
          summary: 'List the storage accounts of all customers',
          allow: operators,
          input: PageQuery,
          output: Page(StorageAccount),
        }),
        create: operation({
          http: 'POST /storage_accounts',
          summary: 'Open a storage account for a customer whose account was deleted',
          allow: operators,
          input: z.object({ customer_id: Id }),
          output: StorageAccount,
          errors: ['STORAGE_ACCOUNT_EXISTS', 'STORAGE_ACCOUNT_CLOSING', 'CUSTOMER_UNKNOWN'],
        }),
        get: operation({
          http: 'GET /storage_accounts/{id}',
          summary: 'Get a storage account',
          allow: managers,
          input: ById,
          output: StorageAccount,
          errors: accountErrors,
        }),
        delete: operation({
          http: 'DELETE /storage_accounts/{id}',
          summary: 'Delete a storage account and every file in it',
          allow: operators,
          input: ById,
          output: StorageAccount,
          errors: accountErrors,
        }),
      },
      events: {
        created: event(StorageAccount, 'A storage account was opened', { internal: true }),
        deleted: event(StorageAccount, 'A storage account was deleted with every file in it', { internal: true }),
      },
    },
    storage_file: {
      operations: {
        list: operation({
          http: 'GET /storage_files',
          summary: 'List files',
          allow: managers,
          input: PageQuery,
          output: Page(StorageFile),
        }),
        create: operation({
          http: 'POST /storage_files',
          summary: 'Upload a file',
          allow: managers,
          upload: true,
          input: z.object({ type: StorageFile.shape.type.extract(['rag']), file: UploadedFile }),
          output: StorageFile,
          errors: [...uploadErrors, 'UPLOAD_EXPIRED'],
        }),
        reserve: operation({
          http: 'POST /storage_files/reserve',
          summary: 'Reserve a key for bytes that are about to be stored. What no upload follows is removed.',
          input: z.object({}),
          output: z.object({ id: Id, key: z.string() }),
          errors: uploadErrors,
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
