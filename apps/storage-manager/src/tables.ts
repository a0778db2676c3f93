import { resourceFields } from '@sidetone/contract'
import { StorageAccount, StorageFile } from '@sidetone/proto-schemas/storage'
import { resourceTable } from '@sidetone/store'
import { z } from 'zod'

/** The address is made whenever a file is read; it is not stored. */
const FileRow = StorageFile.omit({ uri_download: true, tm_download_expire: true })
export type FileRow = z.infer<typeof FileRow>

/** Its id is that of its customer, who so cannot have two. */
const AccountRow = StorageAccount.omit({ quota_file_count: true, quota_file_size: true })
export type AccountRow = z.infer<typeof AccountRow>

/** Bytes that may be there without a file that says so. */
const UploadRow = z.object({ ...resourceFields, key: z.string() })

export const tables = {
  files: resourceTable(FileRow, 'storage_file'),
  accounts: resourceTable(AccountRow, 'storage_account'),
  uploads: resourceTable(UploadRow, 'storage_upload'),
}
