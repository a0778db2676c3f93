import { nilId } from '@sidetone/contract'
import { DuplicateError, type Store, type Tx, timeAfter } from '@sidetone/store'
import { tables } from '../tables.ts'

const { earlyRefunds } = tables

/** Providers tell of what has happened again for some days, and never later. */
const keepMs = 90 * 24 * 3_600_000
const batchSize = 500

/** Keeps a refund until the payment is told of that it takes back. Once per refund. */
export async function addEarlyRefund(
  tx: Tx,
  refund: { id: string; payment_id: string; micros: number },
): Promise<void> {
  await earlyRefunds.insert(tx, { ...refund, customer_id: nilId }).catch((error: unknown) => {
    if (!(error instanceof DuplicateError)) throw error
  })
}

/** It takes nothing back, whether or not it was told of. */
export async function failEarlyRefund(tx: Tx, { id, payment_id }: { id: string; payment_id: string }): Promise<void> {
  if (!(await earlyRefunds.update(tx, nilId, id, { micros: 0 })))
    await addEarlyRefund(tx, { id, payment_id, micros: 0 })
}

export async function takeEarlyRefunds(tx: Tx, payment_id: string) {
  const refunds = await earlyRefunds.list(tx, nilId, { where: { payment_id }, limit: batchSize })
  for (const { id } of refunds) await earlyRefunds.softDelete(tx, nilId, id)
  return refunds
}

/** Forgets those that were of no purchase here: of subscriptions, and of what else the merchant sells. */
export async function forgetEarlyRefunds(store: Store): Promise<void> {
  await store.kysely.deleteFrom(earlyRefunds.name).where('tm_create', '<', timeAfter(-keepMs)).execute()
}
