import type { Handlers } from '@sidetone/contract'
import { everyCustomer } from '@sidetone/contract'
import { crud, takeRoom } from '@sidetone/manager'
import { billingContract } from '@sidetone/proto-schemas/billing'
import type { Accesskey, customerContract } from '@sidetone/proto-schemas/customer'
import { planLimit } from '@sidetone/proto-schemas/plan-limit'
import { randomToken, sha256Hex } from '@sidetone/secrets'
import { now, type Tx, timeAfter } from '@sidetone/store'
import type { Core } from './tables.ts'

const shownPrefix = 11
/** The last use is noted this often at most: a busy key must not become a write per request. */
const noteUseEveryMs = 60_000

/** Makes a key; its token is in the answer alone. */
export async function insertAccesskey(
  { emit, accesskeys }: Pick<Core, 'emit' | 'accesskeys'>,
  tx: Tx,
  { expire, ...fields }: { customer_id: string; name: string; detail: string; expire: number },
): Promise<Accesskey> {
  const token = randomToken(24, 'st_')
  const key = await accesskeys.insert(tx, {
    ...fields,
    token_prefix: token.slice(0, shownPrefix),
    token_hash: sha256Hex(token),
    tm_expire: timeAfter(expire * 1_000),
    tm_last_use: null,
  })
  await emit(tx, 'accesskey', 'created', key)
  return { ...key, token }
}

export function accesskeyHandlers(core: Core): Handlers<typeof customerContract>['accesskey'] {
  const { store, emit, accesskeys, client } = core
  return {
    ...crud({
      store,
      table: accesskeys,
      notFound: 'ACCESSKEY_NOT_FOUND',
      announce: (tx, event, key) => emit(tx, 'accesskey', event, key),
    }),

    async create(fields, { customer_id, fail }) {
      const limit = await planLimit(client(billingContract), customer_id, 'accesskey')
      return store.transaction(async (tx) => {
        await takeRoom(tx, accesskeys, { customer_id, limit, fail })
        return insertAccesskey(core, tx, { ...fields, customer_id })
      })
    },

    async verify({ token_hash }, { fail }) {
      const key = await accesskeys.findBy(store, everyCustomer, { token_hash })
      const time = now()
      if (!key || (key.tm_expire !== null && key.tm_expire <= time)) throw fail('ACCESSKEY_NOT_FOUND')
      const noted = key.tm_last_use !== null && Date.parse(time) - Date.parse(key.tm_last_use) < noteUseEveryMs
      // Not through the table's update: being used is no change of the key, so its tm_update stays.
      if (!noted)
        await store.kysely.updateTable(accesskeys.name).set({ tm_last_use: time }).where('id', '=', key.id).execute()
      return key
    },
  }
}
