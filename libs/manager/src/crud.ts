import type { ApiError, Page, PageQuery, Scope } from '@sidetone/contract'
import type { NewRow, ResourceTable, Store, Tx } from '@sidetone/store'

interface Row {
  id: string
  customer_id: string
}

/** The part of a request's context that these handlers look at. */
interface Context<Reason extends string> {
  scope: Scope
  fail: (reason: Reason) => ApiError
}

interface CrudOptions<T extends Row, Reason extends string> {
  store: Store
  table: ResourceTable<T>
  /** The declared error for an id that is not the customer's. */
  notFound: Reason
  /** Announces the change in the same transaction. */
  announce: (tx: Tx, event: 'created' | 'updated' | 'deleted', row: T) => Promise<void>
}

/** The handlers of a resource that is only kept: row and event commit together. A special case is a key written after the spread. */
export function crud<T extends Row, Reason extends string>({
  store,
  table,
  notFound,
  announce,
}: CrudOptions<T, Reason>) {
  const change = (
    event: 'updated' | 'deleted',
    { fail }: Context<Reason>,
    write: (tx: Tx) => Promise<T | undefined>,
  ): Promise<T> =>
    store.transaction(async (tx) => {
      const row = await write(tx)
      if (!row) throw fail(notFound)
      await announce(tx, event, row)
      return row
    })

  return {
    list: (query: PageQuery, { customer_id }: { customer_id: string }): Promise<Page<T>> =>
      table.page(store, customer_id, query),

    async get({ id }: { id: string }, { scope, fail }: Context<Reason>): Promise<T> {
      const row = await table.find(store, scope, id)
      if (!row) throw fail(notFound)
      return row
    },

    /** `check` comes first, in the same transaction. */
    create: (
      fields: Omit<NewRow<T>, 'customer_id'>,
      { customer_id }: { customer_id: string },
      check?: (tx: Tx) => Promise<void>,
    ): Promise<T> =>
      store.transaction(async (tx) => {
        await check?.(tx)
        const row = await table.insert(tx, { ...fields, customer_id } as unknown as NewRow<T>)
        await announce(tx, 'created', row)
        return row
      }),

    update: ({ id, ...patch }: { id: string } & Partial<T>, context: Context<Reason>): Promise<T> =>
      change('updated', context, (tx) => table.update(tx, context.scope, id, patch as unknown as Partial<T>)),

    delete: ({ id }: { id: string }, context: Context<Reason>): Promise<T> =>
      change('deleted', context, (tx) => table.softDelete(tx, context.scope, id)),
  }
}
