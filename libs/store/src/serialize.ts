import type { Tx } from './store.ts'

/** Until the transaction ends, nobody else comes past here with the same name: what is counted after it still holds at the commit. */
export async function serialize(tx: Tx, name: string): Promise<void> {
  // SQLite has one writer, and this transaction is it.
  if (tx.dialect === 'sqlite') return
  await tx.kysely.insertInto('bus_mutex').values({ name }).onDuplicateKeyUpdate({ name }).execute()
}
