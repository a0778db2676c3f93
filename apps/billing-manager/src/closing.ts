import type { Resources } from '@sidetone/manager'
import type { billingContract } from '@sidetone/proto-schemas/billing'
import { type Store, type Tx, timeAfter } from '@sidetone/store'
import { invoiceRest } from './invoices.ts'
import type { LedgerBooks } from './ledger.ts'
import { type AccountRow, tables } from './tables.ts'

const { accounts, billings } = tables

const batchSize = 500
/** Nothing goes on for so long without being heard of: a running call asks for more every few minutes. */
const forgottenMs = 24 * 3_600_000

/** What becomes of an account with its customer. */
export function createClosing({
  emit,
  ledger,
}: Pick<Resources<typeof billingContract>, 'emit'> & { ledger: LedgerBooks }) {
  /** The account is for nobody any more. What goes on is still charged when it ends; then the books are closed. */
  async function close(tx: Tx, customer_id: string): Promise<AccountRow | undefined> {
    const account = await ledger.open(tx, customer_id)
    if (!account) return undefined
    const closing = await ledger.change(tx, account, { status: 'deleted' })
    await finish(tx, closing)
    return closing
  }

  /** Closes the books for good unless something goes on. */
  async function finish(tx: Tx, closing: AccountRow): Promise<void> {
    const { customer_id, id } = closing
    const before = timeAfter(-forgottenMs)
    let account = closing
    for (;;) {
      const running = await billings.list(tx, customer_id, { where: { status: 'progressing' }, limit: batchSize })
      if (running.some(({ tm_create, tm_update }) => (tm_update ?? tm_create) >= before)) return
      for (const billing of running) account = await ledger.release(tx, account, billing)
      if (running.length < batchSize) break
    }
    await invoiceRest(tx, emit, account)
    const closed = await accounts.softDelete(tx, customer_id, id)
    await emit(tx, 'billing_account', 'deleted', closed!)
  }

  /** Closes the books of those whose last call has ended. */
  async function finishDue(store: Store): Promise<void> {
    let after = ''
    for (;;) {
      const due = await accounts
        .select(store, '*')
        .select('id')
        .where('status', '=', 'deleted')
        .where('id', '>', after)
        .orderBy('id')
        .limit(batchSize)
        .execute()
      for (const row of due) {
        after = row.id as string
        await store.transaction(async (tx) => {
          const account = await accounts.findLocked(tx, '*', after)
          if (account?.status === 'deleted') await finish(tx, account)
        })
      }
      if (due.length < batchSize) return
    }
  }

  return { close, finishDue }
}
