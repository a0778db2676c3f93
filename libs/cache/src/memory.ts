import { LRUCache } from 'lru-cache'
import { RateLimiterMemory } from 'rate-limiter-flexible'
import type { Adapter } from './adapter.ts'

const maxEntries = 50_000
const maxCharacters = 64_000_000

export function memoryAdapter(): Adapter {
  const entries = new LRUCache<string, string>({
    max: maxEntries,
    maxSize: maxCharacters,
    sizeCalculation: (text, key) => text.length + key.length,
  })
  // Held far longer than any load takes.
  const generations = new LRUCache<string, string>({ max: maxEntries, ttl: 300_000 })
  const locks = new Map<string, { owner: string; expiry: NodeJS.Timeout }>()
  let changes = 0
  let lastToken = 0

  const expire = (key: string, ttlMs: number) => setTimeout(() => locks.delete(key), ttlMs).unref()
  const held = (key: string, owner: string) => {
    const lock = locks.get(key)
    return lock?.owner === owner ? lock : undefined
  }
  const generation = (key: string) => generations.get(key) ?? ''
  const change = (key: string) => generations.set(key, String(++changes))

  return {
    read: async (key) => ({ text: entries.get(key), generation: generation(key) }),
    async write(key, text, ttlMs) {
      change(key)
      entries.set(key, text, { ttl: ttlMs })
    },
    async writeIfCurrent(key, text, ttlMs, readAt) {
      if (readAt === generation(key)) entries.set(key, text, { ttl: ttlMs })
    },
    async remove(key) {
      change(key)
      entries.delete(key)
    },
    async acquire(key, owner, ttlMs) {
      if (locks.has(key)) return undefined
      locks.set(key, { owner, expiry: expire(key, ttlMs) })
      // Counting from the clock keeps tokens rising over restarts, as the rows they fence outlive this process.
      lastToken = Math.max(lastToken + 1, Date.now() * 1000)
      return lastToken
    },
    async extend(key, owner, ttlMs) {
      const lock = held(key, owner)
      if (!lock) return false
      clearTimeout(lock.expiry)
      lock.expiry = expire(key, ttlMs)
      return true
    },
    async release(key, owner) {
      clearTimeout(held(key, owner)?.expiry)
      return held(key, owner) ? locks.delete(key) : false
    },
    counter: (options) => new RateLimiterMemory(options),
    async ping() {},
    async close() {
      for (const { expiry } of locks.values()) clearTimeout(expiry)
      locks.clear()
      entries.clear()
      generations.clear()
    },
  }
}
