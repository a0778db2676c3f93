import type { storageContract } from '@sidetone/proto-schemas/storage'
import { DuplicateError, type Emitter, type Tx } from '@sidetone/store'
import { type AccountRow, tables } from './tables.ts'

/** How much a customer may upload. */
export interface Quota {
  fileCount: number
  /** Bytes. */
  fileSize: number
}

const { accounts, files } = tables

/** Counts what customers keep. Whoever adds or removes a file holds the account's row until the file is committed, so no two count at once. */
export function createUsage({ emit, quota }: { emit: Emitter<typeof storageContract>; quota: Quota }) {
  const shown = (account: AccountRow) => ({
    ...account,
    quota_file_count: quota.fileCount,
    quota_file_size: quota.fileSize,
  })

  /** The account, locked; made for a customer who never had one. Undefined when it was deleted. */
  async function open(tx: Tx, customer_id: string): Promise<AccountRow | undefined> {
    const account = await accounts.findLocked(tx, customer_id, customer_id)
    if (account) return account
    try {
      const opened = await accounts.insert(tx, { id: customer_id, customer_id, ...(await count(tx, customer_id)) })
      await emit(tx, 'storage_account', 'created', shown(opened))
      return opened
    } catch (error) {
      if (!(error instanceof DuplicateError)) throw error
      // Somebody else has just opened it, or it was deleted.
      return accounts.findLocked(tx, customer_id, customer_id)
    }
  }

  /** What was there before there were accounts. */
  async function count(tx: Tx, customer_id: string): Promise<Pick<AccountRow, 'total_file_count' | 'total_file_size'>> {
    const row = await files
      .select(tx, customer_id)
      .select(({ fn }) => [fn.countAll().as('count'), fn.sum('filesize').as('size')])
      .executeTakeFirst()
    return { total_file_count: Number(row?.count), total_file_size: Number(row?.size ?? 0) }
  }

  async function change(tx: Tx, account: AccountRow, fileCount: number, fileSize: number): Promise<void> {
    await accounts.update(tx, account.customer_id, account.id, {
      total_file_count: account.total_file_count + fileCount,
      total_file_size: account.total_file_size + fileSize,
    })
  }

  return {
    shown,
    open,
    fits: (account: AccountRow, filesize: number): boolean =>
      account.total_file_count < quota.fileCount && account.total_file_size + filesize <= quota.fileSize,
    add: (tx: Tx, account: AccountRow, filesize: number) => change(tx, account, 1, filesize),
    remove: (tx: Tx, account: AccountRow, filesize: number) => change(tx, account, -1, -filesize),
  }
}
export type Usage = ReturnType<typeof createUsage>
