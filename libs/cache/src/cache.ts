import { acquireLock, type Lock, type LockOptions, runLocked } from './lock.ts'
import { memoryAdapter } from './memory.ts'
import { createRateLimiter, type RateLimiter, type RateLimitOptions } from './rate-limiter.ts'
import { redisAdapter } from './redis.ts'

/** `onError` hears, at most once a second, of faults that are survived: a lost connection, a load past a dead cache, a limit let through. */
export interface CacheOptions {
  prefix?: string | undefined
  onError?: ((error: Error) => void) | undefined
}

/** Values are JSON: what comes back is a copy, and `undefined` is not a value. */
export interface Cache {
  get<T>(key: string): Promise<T | undefined>
  set(key: string, value: unknown, options: { ttlSeconds: number }): Promise<void>
  /** After it no reader on any process gets what was loaded before it. */
  delete(key: string): Promise<void>
  /** Read-through with one load at a time per key in this process; works past a cache that is down. */
  getOrLoad<T>(key: string, options: { ttlSeconds: number }, load: () => Promise<T>): Promise<T>
  /** The lock, or undefined when another owner kept it for `waitMs`. */
  lock(key: string, options: LockOptions): Promise<Lock | undefined>
  /** Runs `fn` under a lock that is renewed meanwhile; throws `LockBusy`. The signal aborts when the lock is lost. */
  withLock<T>(key: string, options: LockOptions, fn: (lock: Lock, signal: AbortSignal) => Promise<T>): Promise<T>
  /** A limit that lets everything through while its store is down, and tells `onError`. */
  rateLimiter(options: RateLimitOptions): RateLimiter
  /** Throws when the store does not answer. */
  ping(): Promise<void>
  close(): Promise<void>
}

/** Opens a cache on Redis, or in this process's memory when there is no URL. */
export function openCache(
  url?: string,
  { prefix = 'sidetone:', onError = (error) => process.emitWarning(error) }: CacheOptions = {},
): Cache {
  if (url && !/^rediss?:\/\//.test(url)) throw new TypeError('REDIS_URL must begin with redis:// or rediss://')
  const report = oncePerSecond(onError)
  const adapter = url ? redisAdapter(url, prefix, report) : memoryAdapter()
  const loads = new Map<string, Promise<string | undefined>>()

  const readThrough = async (key: string, ttlMs: number, load: () => Promise<unknown>) => {
    const found = await adapter.read(key).catch(report)
    if (found?.text !== undefined) return found.text
    const text = JSON.stringify(await load()) as string | undefined
    // A value whose key was written or deleted while it was loading may be old: it is returned, not kept.
    if (found && text !== undefined) await adapter.writeIfCurrent(key, text, ttlMs, found.generation).catch(report)
    return text
  }

  return {
    async get<T>(key: string) {
      return parse<T>((await adapter.read(key)).text)
    },
    async set(key, value, { ttlSeconds }) {
      const text = JSON.stringify(value) as string | undefined
      if (text === undefined) throw new TypeError(`cache key '${key}': undefined cannot be cached; use null or delete`)
      await adapter.write(key, text, toMs(key, ttlSeconds))
      loads.delete(key)
    },
    async delete(key) {
      await adapter.remove(key)
      // A load that began before is still returned to those who wait for it, but joined by nobody else.
      loads.delete(key)
    },
    async getOrLoad<T>(key: string, { ttlSeconds }: { ttlSeconds: number }, load: () => Promise<T>) {
      const ttlMs = toMs(key, ttlSeconds)
      const running = loads.get(key)
      if (running) return parse<T>(await running) as T
      const run = readThrough(key, ttlMs, load)
      loads.set(key, run)
      try {
        return parse<T>(await run) as T
      } finally {
        if (loads.get(key) === run) loads.delete(key)
      }
    },
    lock: (key, options) => acquireLock(adapter, key, options),
    withLock: (key, options, fn) => runLocked(adapter, key, options, report, fn),
    rateLimiter: (options) => createRateLimiter(adapter, options, report),
    ping: () => adapter.ping(),
    close: () => adapter.close(),
  }
}

const parse = <T>(text: string | undefined) => (text === undefined ? undefined : (JSON.parse(text) as T))

function toMs(key: string, ttlSeconds: number): number {
  if (ttlSeconds > 0 && Number.isFinite(ttlSeconds)) return Math.ceil(ttlSeconds * 1000)
  throw new RangeError(`cache key '${key}': ttlSeconds must be above 0, not ${ttlSeconds}`)
}

/** An outage fails every request: one report a second tells it, thousands would be an outage of the log. */
function oncePerSecond(onError: (error: Error) => void): (error: Error) => void {
  let quietUntil = 0
  return (error) => {
    if (performance.now() < quietUntil) return
    quietUntil = performance.now() + 1000
    onError(error)
  }
}
