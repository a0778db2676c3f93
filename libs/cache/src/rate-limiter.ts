import { BurstyRateLimiter, RateLimiterRes } from 'rate-limiter-flexible'
import type { Adapter } from './adapter.ts'

/** `points` per window of `durationSeconds`, and a second allowance that is spent only when the first is used up. */
export interface RateLimitOptions {
  name: string
  points: number
  durationSeconds: number
  burst?: { points: number; durationSeconds: number } | undefined
}

/** The outcome for the `RateLimit-*` and `Retry-After` headers. */
export interface RateLimit {
  allowed: boolean
  limit: number
  remaining: number
  resetSeconds: number
  retryAfterSeconds: number
}

/** Takes `cost` points (default 1) from the key's allowance. */
export type RateLimiter = (key: string, cost?: number) => Promise<RateLimit>

// Timers hold no more than 2^31 - 1 ms: a longer window would end at once in memory.
const maxDurationSeconds = 2_000_000

export function createRateLimiter(
  adapter: Adapter,
  { name, points, durationSeconds, burst }: RateLimitOptions,
  onError: (error: Error) => void,
): RateLimiter {
  for (const seconds of [durationSeconds, burst?.durationSeconds ?? 1]) {
    if (!Number.isInteger(seconds) || seconds < 1 || seconds > maxDurationSeconds) {
      throw new RangeError(`rate limit '${name}': durationSeconds must be an integer from 1 to ${maxDurationSeconds}`)
    }
  }
  const steady = adapter.counter({ keyPrefix: name, points, duration: durationSeconds })
  const limiter = burst
    ? new BurstyRateLimiter(
        steady,
        adapter.counter({ keyPrefix: `${name}-burst`, points: burst.points, duration: burst.durationSeconds }),
      )
    : steady

  return async (key, cost = 1) => {
    if (!Number.isInteger(cost) || cost < 1)
      throw new RangeError(`rate limit '${name}': cost must be a positive integer`)
    const outcome = (allowed: boolean, { remainingPoints, msBeforeNext }: RateLimiterRes): RateLimit => {
      const resetSeconds = Math.ceil(Math.max(0, msBeforeNext) / 1000)
      return {
        allowed,
        limit: points,
        remaining: remainingPoints,
        resetSeconds,
        retryAfterSeconds: allowed ? 0 : resetSeconds,
      }
    }
    try {
      return outcome(true, await limiter.consume(key, cost))
    } catch (refusal) {
      if (refusal instanceof RateLimiterRes) return outcome(false, refusal)
      // Availability comes first: without its counter the limit lets through, and says so.
      onError(refusal as Error)
      return { allowed: true, limit: points, remaining: points, resetSeconds: 0, retryAfterSeconds: 0 }
    }
  }
}
