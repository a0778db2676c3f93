import type { RateLimiterAbstract } from 'rate-limiter-flexible'

/** What memory and Redis must both do; everything above it is written once. */
export interface Adapter {
  /** The text under the key, and the key's generation, which every `write` and `remove` from anywhere changes. */
  read(key: string): Promise<{ text: string | undefined; generation: string }>
  write(key: string, text: string, ttlMs: number): Promise<void>
  /** Writes only when the key still has this generation. */
  writeIfCurrent(key: string, text: string, ttlMs: number, generation: string): Promise<void>
  remove(key: string): Promise<void>
  /** A fencing token, or undefined while another owner holds the lock. */
  acquire(key: string, owner: string, ttlMs: number): Promise<number | undefined>
  extend(key: string, owner: string, ttlMs: number): Promise<boolean>
  release(key: string, owner: string): Promise<boolean>
  counter(options: { keyPrefix: string; points: number; duration: number }): RateLimiterAbstract
  ping(): Promise<void>
  close(): Promise<void>
}
