import { SecretUnreadable } from '@sidetone/secrets'
import { now } from '@sidetone/store'
import type { Platform } from './platform.ts'
import { SettingsError } from './settings.ts'

const table = 'bus_keys'
const context = `${table}.sealed`
const id = 1

/**
 * Throws when the database was filled with other keys: what is in it could not be read, and what this process writes by nobody else. The
 * first process seals a text with its keys, all others have to open it.
 */
export async function checkKeys({ store: { kysely }, secrets }: Pick<Platform, 'store' | 'secrets'>): Promise<void> {
  const seal = () => secrets.encrypt(now(), context)
  await kysely.insertInto(table).orIgnore().values({ id, sealed: seal() }).execute()
  const row = await kysely.selectFrom(table).select('sealed').where('id', '=', id).executeTakeFirstOrThrow()
  const sealed = row.sealed as string
  try {
    secrets.decrypt(sealed, context)
  } catch (cause) {
    if (!(cause instanceof SecretUnreadable)) throw cause
    throw new SettingsError(
      'ENCRYPTION_KEYS: the database (DATABASE_URL) was filled with other keys. Give this process those, or an empty database. An embedded platform has them in its data folder: set SIDETONE_DATA_DIR to the one that filled the database.',
      { cause },
    )
  }
  // An old key may go once everything is written with the new one.
  if (secrets.needsRotation(sealed)) {
    await kysely.updateTable(table).set({ sealed: seal() }).where('id', '=', id).execute()
  }
}
