import { everyCustomer } from '@sidetone/contract'
import { type Store, type Tx, timeAfter } from '@sidetone/store'
import type { LedgerBooks } from './ledger.ts'
import { type AccountRow, tables } from './tables.ts'

const { accounts, billings } = tables

const batchSize = 100
const dayMs = 86_400_000

/** Gives tokens to every account whose month has begun. */
export async function renewDue(store: Store, ledger: LedgerBooks, now: string): Promise<void> {
  const due = () =>
    accounts
      .select(store, everyCustomer)
      .select(['id', 'tm_next_topup'])
      .where('tm_next_topup', '<=', now)
      .limit(batchSize)
      .execute()
  await inBatches(due, ({ id }) =>
    withAccount(store, id, async (tx, account) => {
      // Another process was faster.
      if (account.tm_next_topup! <= now) await ledger.renewTokens(tx, account)
    }),
  )
}

/** Ends what nothing has been heard of for a day: whoever asked for it died before it began. */
export async function endForgotten(store: Store, ledger: LedgerBooks): Promise<void> {
  const before = timeAfter(-dayMs)
  const forgotten = () =>
    billings
      .select(store, everyCustomer)
      .select(['id', 'account_id'])
      .where('status', '=', 'progressing')
      .where('tm_update', '<', before)
      .limit(batchSize)
      .execute()
  await inBatches(forgotten, (found) =>
    withAccount(store, found.account_id, async (tx, account) => {
      const billing = await billings.find(tx, account.customer_id, found.id as string)
      if (billing?.status !== 'progressing' || billing.tm_update! >= before) return
      await ledger.forget(tx, account, billing)
    }),
  )
}

const withAccount = (store: Store, id: unknown, work: (tx: Tx, account: AccountRow) => Promise<void>): Promise<void> =>
  store.transaction(async (tx) => {
    const account = await accounts.findLocked(tx, everyCustomer, id as string)
    if (account) await work(tx, account)
  })

type Row = Record<string, unknown>

async function inBatches(next: () => Promise<Row[]>, work: (row: Row) => Promise<void>): Promise<void> {
  for (;;) {
    const rows = await next()
    for (const row of rows) await work(row)
    if (rows.length < batchSize) return
  }
}
