import { type Handlers, type Identity, nilId } from '@sidetone/contract'
import { crud, type Resources } from '@sidetone/manager'
import type { StorageFile, storageContract } from '@sidetone/proto-schemas/storage'
import { DuplicateError, type NewRow, newId, timeAfter } from '@sidetone/store'
import { type FileRow, tables } from './tables.ts'
import type { Usage } from './usage.ts'

type Core = Pick<Resources<typeof storageContract>, 'store' | 'emit' | 'jobs' | 'files' | 'fileSigner'> & {
  usage: Usage
}

const expiresSeconds = 3_600
const { uploads } = tables

const ownerOf = ({ type, agent_id }: Identity): Pick<FileRow, 'owner_type' | 'owner_id'> =>
  type === 'agent' && agent_id !== nilId
    ? { owner_type: 'agent', owner_id: agent_id }
    : { owner_type: '', owner_id: nilId }

export function fileHandlers(core: Core): Handlers<typeof storageContract>['storage_file'] {
  const { store, emit, jobs, files, fileSigner, usage } = core
  const table = tables.files

  const withAddress = async (row: FileRow): Promise<StorageFile> => ({
    ...row,
    uri_download:
      (await files.signedUrl(row.key, { expiresSeconds, filename: row.filename })) ??
      fileSigner.url(row.key, { expiresSeconds, filename: row.filename }),
    tm_download_expire: timeAfter(expiresSeconds * 1_000),
  })
  const kept = crud({ store, table, notFound: 'FILE_NOT_FOUND', announce: async () => {} })

  /** Also one that has been deleted since: a late repetition must not fail, nor bring it back. */
  async function registered(id: string, customer_id: string): Promise<FileRow | undefined> {
    const rows = store.kysely.selectFrom(table.name).selectAll().where('id', '=', id)
    const row = await rows.where('customer_id', '=', customer_id).executeTakeFirst()
    return row && table.decode(row)
  }

  /** Bytes that the platform made are kept whatever the quota says; of a customer without an account they go. */
  const register = (fields: NewRow<FileRow>): Promise<StorageFile> =>
    store.transaction(async (tx) => {
      const account = await usage.open(tx, fields.customer_id)
      const row = await table.insert(tx, fields)
      if (!account) {
        await jobs.enqueue(tx, 'storage.remove', { key: row.key }, {})
        return withAddress((await table.softDelete(tx, row.customer_id, row.id))!)
      }
      await usage.add(tx, account, row.filesize)
      const file = await withAddress(row)
      await emit(tx, 'storage_file', 'created', file)
      return file
    })

  return {
    list: async (query, context) => {
      const { result, next_page_token } = await kept.list(query, context)
      return { result: await Promise.all(result.map(withAddress)), next_page_token }
    },
    get: async (input, context) => withAddress(await kept.get(input, context)),

    async reserve(_, { customer_id, fail }) {
      const id = newId()
      const key = `uploads/${customer_id}/${id}`
      await store.transaction(async (tx) => {
        const account = await usage.open(tx, customer_id)
        if (!account) throw fail('STORAGE_ACCOUNT_NOT_FOUND')
        if (!usage.fits(account, 1)) throw fail('STORAGE_QUOTA_EXCEEDED')
        await uploads.insert(tx, { id, customer_id, key })
      })
      return { id, key }
    },

    // Whatever becomes of it, it is settled here: a file, or bytes that a job removes.
    async create({ type, file: { id, ...about } }, { identity, customer_id, fail }) {
      const outcome = await store.transaction(async (tx) => {
        const account = await usage.open(tx, customer_id)
        const upload = await uploads.softDelete(tx, customer_id, id)
        if (!upload) return 'UPLOAD_EXPIRED'
        if (!account || !usage.fits(account, about.filesize)) {
          await jobs.enqueue(tx, 'storage.remove', { key: upload.key }, {})
          return account ? 'STORAGE_QUOTA_EXCEEDED' : 'STORAGE_ACCOUNT_NOT_FOUND'
        }
        const row = await table.insert(tx, {
          ...about,
          id,
          customer_id,
          ...ownerOf(identity),
          key: upload.key,
          reference_type: 'normal',
          reference_id: nilId,
          type,
          name: '',
          detail: '',
        })
        await usage.add(tx, account, row.filesize)
        const file = await withAddress(row)
        await emit(tx, 'storage_file', 'created', file)
        return file
      })
      if (typeof outcome === 'string') throw fail(outcome)
      return outcome
    },

    // The bytes go by a job: the row and the promise to remove them commit together.
    delete: ({ id }, { scope, fail }) =>
      store.transaction(async (tx) => {
        const found = await table.find(tx, scope, id)
        const account = found && (await usage.open(tx, found.customer_id))
        const row = await table.softDelete(tx, scope, id)
        if (!row) throw fail('FILE_NOT_FOUND')
        if (account) await usage.remove(tx, account, row.filesize)
        const file = await withAddress(row)
        await jobs.enqueue(tx, 'storage.remove', { key: row.key }, {})
        await emit(tx, 'storage_file', 'deleted', file)
        return file
      }),

    file: async (input, context) => ({ location: (await withAddress(await kept.get(input, context))).uri_download }),

    register: (fields, { customer_id }) =>
      register({ ...fields, customer_id, owner_type: '', owner_id: nilId, detail: '' }).catch(
        async (error: unknown) => {
          const known = error instanceof DuplicateError ? await registered(fields.id, customer_id) : undefined
          if (!known) throw error
          return withAddress(known)
        },
      ),
  }
}
