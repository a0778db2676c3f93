import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Adapter } from './adapter.ts'

/** How long a lock lives without `renew`, and how long to wait for it (default: not at all). */
export interface LockOptions {
  ttlMs: number
  waitMs?: number | undefined
}

/** A held lock. Give `token` to what the lock protects: it must refuse a token lower than one it has seen. */
export interface Lock {
  token: number
  /** False when the lock was lost meanwhile. */
  renew(): Promise<boolean>
  /** False when the lock was lost meanwhile; another owner's lock is never released. */
  release(): Promise<boolean>
}

/** `withLock` did not get the lock within `waitMs`. */
export class LockBusy extends Error {
  override name = 'LockBusy'
}

// Timers hold no more.
const maxTtlMs = 2 ** 31 - 1

export async function acquireLock(adapter: Adapter, key: string, options: LockOptions): Promise<Lock | undefined> {
  const { ttlMs, waitMs = 0 } = options
  if (!Number.isInteger(ttlMs) || ttlMs < 1 || ttlMs > maxTtlMs) {
    throw new RangeError(`lock '${key}': ttlMs must be an integer from 1 to ${maxTtlMs}, not ${ttlMs}`)
  }
  const owner = randomUUID()
  const until = performance.now() + waitMs
  for (;;) {
    const token = await adapter.acquire(key, owner, ttlMs)
    if (token !== undefined) {
      return {
        token,
        renew: () => adapter.extend(key, owner, ttlMs),
        release: () => adapter.release(key, owner),
      }
    }
    const leftMs = until - performance.now()
    if (leftMs <= 0) return undefined
    await sleep(Math.min(leftMs, 20 + Math.random() * 60))
  }
}

/** Runs `fn` under the lock and renews it meanwhile; the signal aborts when the lock was lost. */
export async function runLocked<T>(
  adapter: Adapter,
  key: string,
  options: LockOptions,
  onError: (error: Error) => void,
  fn: (lock: Lock, signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const acquired = performance.now()
  const lock = await acquireLock(adapter, key, options)
  if (!lock)
    throw new LockBusy(`lock '${key}' is held elsewhere (waited ${Math.round(performance.now() - acquired)} ms)`)
  const lost = new AbortController()
  let validUntil = performance.now() + options.ttlMs

  const renew = async () => {
    const asked = performance.now()
    try {
      if (!(await lock.renew())) return lost.abort(new Error(`lock '${key}' was lost`))
      validUntil = asked + options.ttlMs
    } catch (error) {
      onError(error as Error)
      if (performance.now() >= validUntil) lost.abort(new Error(`lock '${key}' could not be renewed`, { cause: error }))
    }
  }
  const renewal = setInterval(() => void renew(), Math.max(1, options.ttlMs / 3))
  try {
    return await fn(lock, lost.signal)
  } finally {
    clearInterval(renewal)
    // The work is done either way; a lock that cannot be released runs out by itself.
    await lock.release().catch(onError)
  }
}
