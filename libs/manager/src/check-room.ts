import type { ApiError, ErrorOverrides } from '@sidetone/contract'
import { type Db, type ResourceTable, serialize, type Tx, type Where } from '@sidetone/store'

interface Row {
  id: string
  customer_id: string
}

interface Room<T> {
  customer_id: string
  /** Null: any number. */
  limit: number | null
  /** Which of the table's rows are counted; all without it. */
  where?: Where<T>
  fail: (reason: 'RESOURCE_LIMIT_EXCEEDED', overrides: ErrorOverrides) => ApiError
}

/** Throws when a customer has all it may have of a resource. Until the transaction ends nobody else adds one: it is exact. */
export async function takeRoom<T extends Row>(tx: Tx, table: ResourceTable<T>, room: Room<T>): Promise<void> {
  if (room.limit !== null) await serialize(tx, `room.${table.name}.${room.customer_id}`)
  await checkRoom(tx, table, room)
}

/** The same before anything is done for one more, when others may still take its place. */
export async function checkRoom<T extends Row>(
  db: Db,
  table: ResourceTable<T>,
  { customer_id, limit, where, fail }: Room<T>,
): Promise<void> {
  if (limit === null) return
  const have = await table.count(db, customer_id, where)
  if (have < limit) return
  throw fail('RESOURCE_LIMIT_EXCEEDED', {
    message: `Your plan allows ${limit} of these, and you have ${have}; delete one, or take a larger plan.`,
    details: [{ limit, have }],
  })
}
