export { type Cache, type CacheOptions, openCache } from './cache.ts'
export { type Lock, LockBusy, type LockOptions } from './lock.ts'
export type { RateLimit, RateLimiter, RateLimitOptions } from './rate-limiter.ts'
