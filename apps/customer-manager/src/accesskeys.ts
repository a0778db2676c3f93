import type { Handlers } from '@sidetone/contract'
import { everyCustomer } from '@sidetone/contract'
import { crud, type Resources } from '@sidetone/manager'
import type { Accesskey, customerContract } from '@sidetone/proto-schemas/customer'
import { randomToken, sha256Hex } from '@sidetone/secrets'
import { now, type ResourceTable, timeAfter } from '@sidetone/store'

interface Dependencies extends Pick<Resources<typeof customerContract>, 'store' | 'emit'> {
  accesskeys: ResourceTable<Omit<Accesskey, 'token'>>
}

const shownPrefix = 11
/** The last use is noted this often at most: a busy key must not become a write per request. */
const noteUseEveryMs = 60_000

export function accesskeyHandlers({
  store,
  emit,
  accesskeys,
}: Dependencies): Handlers<typeof customerContract>['accesskey'] {
  return {
    ...crud({
      store,
      table: accesskeys,
      notFound: 'ACCESSKEY_NOT_FOUND',
      announce: (tx, event, key) => emit(tx, 'accesskey', event, key),
    }),

    create: ({ expire, ...fields }, { customer_id }) =>
      store.transaction(async (tx) => {
        const token = randomToken(24, 'st_')
        const key = await accesskeys.insert(tx, {
          ...fields,
          customer_id,
          token_prefix: token.slice(0, shownPrefix),
          token_hash: sha256Hex(token),
          tm_expire: timeAfter(expire * 1_000),
          tm_last_use: null,
        })
        await emit(tx, 'accesskey', 'created', key)
        return { ...key, token }
      }),

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
