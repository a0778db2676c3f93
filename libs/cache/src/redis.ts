import { randomUUID } from 'node:crypto'
import { Redis } from 'ioredis'
import { RateLimiterRedis } from 'rate-limiter-flexible'
import type { Adapter } from './adapter.ts'

// A cache that answers later than this is worse than none.
const commandTimeoutMs = 1000
// Longer than any load, so that a load that began before an invalidation still meets the generation it left.
const generationTtlMs = 300_000

const scripts = {
  writeIfCurrent: `if (redis.call('get', KEYS[2]) or '') ~= ARGV[3] then return 0 end
    redis.call('set', KEYS[1], ARGV[1], 'px', ARGV[2]) return 1`,
  // Fencing tokens follow the server's clock in microseconds, so that they also rise after Redis lost its data.
  acquire: `if not redis.call('set', KEYS[1], ARGV[1], 'px', ARGV[2], 'nx') then return false end
    local now = redis.call('time')
    local token = math.max(tonumber(redis.call('get', KEYS[2]) or 0) + 1, now[1] * 1000000 + now[2])
    local text = string.format('%.0f', token)
    redis.call('set', KEYS[2], text) return text`,
  extend: `if redis.call('get', KEYS[1]) ~= ARGV[1] then return 0 end return redis.call('pexpire', KEYS[1], ARGV[2])`,
  release: `if redis.call('get', KEYS[1]) ~= ARGV[1] then return 0 end return redis.call('del', KEYS[1])`,
}

export function redisAdapter(url: string, prefix: string, onError: (error: Error) => void): Adapter {
  const redis = new Redis(url, {
    commandTimeout: commandTimeoutMs,
    connectTimeout: 2000,
    maxRetriesPerRequest: 1,
    retryStrategy: (attempt) => Math.min(attempt * 100, 2000),
  })
  redis.on('error', onError)

  const value = (key: string) => `${prefix}value:${key}`
  const generation = (key: string) => `${prefix}generation:${key}`
  const lock = (key: string) => `${prefix}lock:${key}`

  const transact = async (changes: [string, ...(string | number)[]], key: string) => {
    const results = await redis.multi([changes, ['set', generation(key), randomUUID(), 'px', generationTtlMs]]).exec()
    const failure = results?.find(([error]) => error)?.[0]
    if (failure) throw failure
  }

  return {
    async read(key) {
      const [text, current] = await redis.mget(value(key), generation(key))
      return { text: text ?? undefined, generation: current ?? '' }
    },
    write: (key, text, ttlMs) => transact(['set', value(key), text, 'px', ttlMs], key),
    async writeIfCurrent(key, text, ttlMs, readAt) {
      await redis.eval(scripts.writeIfCurrent, 2, value(key), generation(key), text, ttlMs, readAt)
    },
    remove: (key) => transact(['del', value(key)], key),
    async acquire(key, owner, ttlMs) {
      const token = await redis.eval(scripts.acquire, 2, lock(key), `${prefix}fencing`, owner, ttlMs)
      return token === null ? undefined : Number(token)
    },
    extend: async (key, owner, ttlMs) => (await redis.eval(scripts.extend, 1, lock(key), owner, ttlMs)) === 1,
    release: async (key, owner) => (await redis.eval(scripts.release, 1, lock(key), owner)) === 1,
    counter: (options) =>
      new RateLimiterRedis({
        ...options,
        keyPrefix: `${prefix}rate:${options.keyPrefix}`,
        storeClient: redis,
        rejectIfRedisNotReady: true,
      }),
    async ping() {
      await redis.ping()
    },
    async close() {
      if (redis.status === 'ready') await redis.quit().catch(onError)
      redis.disconnect()
    },
  }
}
