import { nilId } from '@sidetone/contract'
import { crud, defineManager, react } from '@sidetone/manager'
import { customerContract } from '@sidetone/proto-schemas/customer'
import { StorageFile, storageContract } from '@sidetone/proto-schemas/storage'
import { DuplicateError, resourceTable, timeAfter } from '@sidetone/store'
import { z } from 'zod'
import { migrations } from './migrations.ts'

/** The address is made whenever a file is read; it is not stored. */
const FileRow = StorageFile.omit({ uri_download: true, tm_download_expire: true })
type FileRow = z.infer<typeof FileRow>

const expiresSeconds = 3_600

export const storageManager = defineManager({
  contract: storageContract,
  settings: z.object({}),
  migrations,
  build({ store, emit, files, fileSigner, jobs, log }) {
    const table = resourceTable(FileRow, 'storage_file')
    const withAddress = async (row: FileRow): Promise<StorageFile> => ({
      ...row,
      uri_download:
        (await files.signedUrl(row.key, { expiresSeconds, filename: row.filename })) ??
        fileSigner.url(row.key, { expiresSeconds, filename: row.filename }),
      tm_download_expire: timeAfter(expiresSeconds * 1_000),
    })
    const kept = crud({
      store,
      table,
      notFound: 'FILE_NOT_FOUND',
      announce: async (tx, event, row) => {
        if (event !== 'updated') await emit(tx, 'storage_file', event, await withAddress(row))
      },
    })

    /** Also one that has been deleted since: a late repetition must not fail, nor bring it back. */
    async function registered(id: string, customer_id: string): Promise<FileRow | undefined> {
      const rows = store.kysely.selectFrom(table.name).selectAll().where('id', '=', id)
      const row = await rows.where('customer_id', '=', customer_id).executeTakeFirst()
      return row && table.decode(row)
    }

    jobs.define<{ key: string }>('storage.remove', {
      maxAttempts: 10,
      backoff: (attempt) => 2 ** attempt * 1_000,
      concurrency: 4,
      timeoutMs: 60_000,
      handler: ({ key }) => files.delete(key),
      onDead: ({ key }, reason) => log.error({ key, reason }, 'the bytes of a deleted file could not be removed'),
    })

    return {
      handlers: {
        storage_file: {
          list: async (query, context) => {
            const { result, next_page_token } = await kept.list(query, context)
            return { result: await Promise.all(result.map(withAddress)), next_page_token }
          },
          get: async (input, context) => withAddress(await kept.get(input, context)),

          // The bytes go by a job: the row and the promise to remove them commit together.
          delete: ({ id }, { scope, fail }) =>
            store.transaction(async (tx) => {
              const row = await table.softDelete(tx, scope, id)
              if (!row) throw fail('FILE_NOT_FOUND')
              const file = await withAddress(row)
              await jobs.enqueue(tx, 'storage.remove', { key: row.key }, {})
              await emit(tx, 'storage_file', 'deleted', file)
              return file
            }),

          file: async (input, context) => ({
            location: (await withAddress(await kept.get(input, context))).uri_download,
          }),

          register: (fields, { customer_id }) =>
            store
              .transaction(async (tx) => {
                const row = await table.insert(tx, {
                  ...fields,
                  customer_id,
                  owner_type: '',
                  owner_id: nilId,
                  detail: '',
                })
                const file = await withAddress(row)
                await emit(tx, 'storage_file', 'created', file)
                return file
              })
              .catch(async (error: unknown) => {
                const known = error instanceof DuplicateError ? await registered(fields.id, customer_id) : undefined
                if (!known) throw error
                return withAddress(known)
              }),
        },
      },
      reactions: [
        react(customerContract, 'customer', 'deleted', async (tx, customer) => {
          for (
            let page = await table.list(tx, customer.id, { limit: 500 });
            page.length > 0;
            page = await table.list(tx, customer.id, { limit: 500 })
          ) {
            for (const row of page) {
              await jobs.enqueue(tx, 'storage.remove', { key: row.key }, {})
              await table.softDelete(tx, customer.id, row.id)
            }
          }
        }),
      ],
    }
  },
})
