/** Counts failures per key within a window; beyond the limit the key is blocked until the window has passed. */
export interface FailureThrottle {
  /** Seconds until the key may try again; 0 when it may now. */
  blockedSeconds(key: string): number
  failed(key: string): void
  succeeded(key: string): void
}

const KEY_LIMIT = 100_000

export function createFailureThrottle(limit = 5, windowMs = 60_000, now: () => number = Date.now): FailureThrottle {
  const failures = new Map<string, number[]>()
  const recent = (key: string) => (failures.get(key) ?? []).filter((at) => now() - at < windowMs)
  return {
    blockedSeconds(key) {
      const times = recent(key)
      return times.length < limit ? 0 : Math.max(1, Math.ceil((times[times.length - limit]! + windowMs - now()) / 1000))
    },
    failed(key) {
      const times = [...recent(key), now()]
      failures.delete(key)
      failures.set(key, times)
      if (failures.size > KEY_LIMIT) failures.delete(failures.keys().next().value!)
    },
    succeeded: (key) => void failures.delete(key),
  }
}

/** A token bucket per source address, asked before a packet is parsed. */
export function createPacketLimiter(perSecond: number, burst: number, now: () => number = Date.now) {
  const buckets = new Map<string, { tokens: number; at: number }>()
  return (source: string): boolean => {
    const time = now()
    let bucket = buckets.get(source)
    if (!bucket) {
      // A full bucket carries no information, so any may be forgotten.
      if (buckets.size >= KEY_LIMIT) buckets.delete(buckets.keys().next().value!)
      bucket = { tokens: burst, at: time }
      buckets.set(source, bucket)
    }
    bucket.tokens = Math.min(burst, bucket.tokens + ((time - bucket.at) * perSecond) / 1000)
    bucket.at = time
    if (bucket.tokens < 1) return false
    bucket.tokens -= 1
    return true
  }
}
