import type { Account, Lookup, Who } from './sip/authenticate.ts'

const TIMEOUT_MS = 3000
/** Short, so that a changed password works soon; long enough for a REGISTER and the calls around it. */
const CACHE_MS = 5000
const CACHE_LIMIT = 10_000

/** Asks the parent for accounts; those found are remembered for a moment. */
export function createLookup(ask: (id: number, who: Who) => void) {
  const pending = new Map<number, { resolve(account: Account | null): void; reject(error: Error): void }>()
  const cache = new Map<string, { account: Account; until: number }>()
  let lastId = 0
  let changes = 0

  const lookup: Lookup = async (who) => {
    const key = JSON.stringify(who)
    const known = cache.get(key)
    if (known && known.until > Date.now()) return known.account
    cache.delete(key)
    const id = ++lastId
    const asOf = changes
    const { promise, resolve, reject } = Promise.withResolvers<Account | null>()
    pending.set(id, { resolve, reject })
    const timer = setTimeout(() => reject(new Error(`no account lookup answer within ${TIMEOUT_MS} ms`)), TIMEOUT_MS)
    ask(id, who)
    try {
      const account = await promise
      if (account && asOf === changes) cache.set(key, { account, until: Date.now() + CACHE_MS })
      if (cache.size > CACHE_LIMIT) cache.delete(cache.keys().next().value!)
      return account
    } finally {
      clearTimeout(timer)
      pending.delete(id)
    }
  }

  return {
    lookup,
    /** Accounts have changed: what is remembered counts no more, nor what is being asked now. */
    forget() {
      changes++
      cache.clear()
    },
    answered({ id, account, error }: { id: number; account: Account | null; error?: string }) {
      const waiting = pending.get(id)
      if (error === undefined) waiting?.resolve(account)
      else waiting?.reject(new Error(error))
    },
  }
}
