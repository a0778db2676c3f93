import { ApiError, everyCustomer, type Handlers, internalIdentity } from '@sidetone/contract'
import type { Resources } from '@sidetone/manager'
import { customerContract } from '@sidetone/proto-schemas/customer'
import type { storageContract } from '@sidetone/proto-schemas/storage'
import type { Tx } from '@sidetone/store'
import { tables } from './tables.ts'
import type { Usage } from './usage.ts'

type Core = Pick<Resources<typeof storageContract>, 'store' | 'emit' | 'jobs' | 'client'> & { usage: Usage }

const { accounts, files } = tables
const batchSize = 500

/** Nothing is kept for the customer from now on; the files go by a job. Undefined when there is no account. */
export async function closeAccount({ jobs }: Pick<Core, 'jobs'>, tx: Tx, customer_id: string) {
  const account = await accounts.softDelete(tx, customer_id, customer_id)
  if (account) await jobs.enqueue(tx, 'storage.empty', { customer_id }, {})
  return account
}

export function defineEmptying({ store, jobs }: Pick<Core, 'store' | 'jobs'>): void {
  const removeSome = (customer_id: string) =>
    store.transaction(async (tx) => {
      // It was opened again, when this had been done before.
      if (await accounts.findLocked(tx, customer_id, customer_id)) return 0
      const some = await files.list(tx, customer_id, { limit: batchSize })
      for (const { id, key } of some) {
        await files.softDelete(tx, customer_id, id)
        await jobs.enqueue(tx, 'storage.remove', { key }, {})
      }
      return some.length
    })

  jobs.define<{ customer_id: string }>('storage.empty', {
    maxAttempts: 20,
    backoff: (attempt) => 2 ** attempt * 1_000,
    concurrency: 1,
    timeoutMs: 600_000,
    async handler({ customer_id }, { signal }) {
      while (!signal.aborted && (await removeSome(customer_id)) > 0);
    },
  })
}

export function accountHandlers(core: Core): Handlers<typeof storageContract>['storage_account'] {
  const { store, emit, usage } = core
  const customers = core.client(customerContract).customer

  return {
    async own(_, { customer_id, fail }) {
      const account = await store.transaction((tx) => usage.open(tx, customer_id))
      if (!account) throw fail('STORAGE_ACCOUNT_NOT_FOUND')
      return usage.shown(account)
    },

    async list(query) {
      const { result, next_page_token } = await accounts.page(store, everyCustomer, query)
      return { result: result.map(usage.shown), next_page_token }
    },

    async create({ customer_id }, { fail }) {
      await customers.get({ id: customer_id }, { identity: internalIdentity() }).catch((cause: unknown) => {
        throw cause instanceof ApiError && cause.status === 'NOT_FOUND' ? fail('CUSTOMER_UNKNOWN', { cause }) : cause
      })
      return store.transaction(async (tx) => {
        if (await accounts.find(tx, customer_id, customer_id)) throw fail('STORAGE_ACCOUNT_EXISTS')
        const [left] = await files.list(tx, customer_id, { limit: 1 })
        if (left) throw fail('STORAGE_ACCOUNT_CLOSING')
        // What was deleted stands for "never again", until now.
        await tx.kysely.deleteFrom(accounts.name).where('customer_id', '=', customer_id).execute()
        return usage.shown((await usage.open(tx, customer_id))!)
      })
    },

    async get({ id }, { scope, fail }) {
      const account = await accounts.find(store, scope, id)
      if (!account) throw fail('STORAGE_ACCOUNT_NOT_FOUND')
      return usage.shown(account)
    },

    delete: ({ id }, { fail }) =>
      store.transaction(async (tx) => {
        const account = await closeAccount(core, tx, id)
        if (!account) throw fail('STORAGE_ACCOUNT_NOT_FOUND')
        await emit(tx, 'storage_account', 'deleted', usage.shown(account))
        return usage.shown(account)
      }),
  }
}
