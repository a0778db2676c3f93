import { monitorEventLoopDelay, performance } from 'node:perf_hooks'

/** Long enough that one collection of garbage is no overload. */
const WINDOW_MS = 500
/** A thread that was late by that much has missed frames of every call. */
const MAX_LAG_MS = 200
const WINDOWS = 2
/** Once full, it stays so until this share of the limit: else each quiet moment would let too many in. */
const RELEASE = 0.9

export interface Overload {
  /** Whether a call more would be at the expense of those that there are. */
  now(): boolean
  /** Of the last window: how much of the time the thread worked, 0 to 1. */
  readonly utilization: number
  close(): void
}

/** Watches the thread that it runs in. */
export function watchOverload(maxUtilization: number): Overload {
  const delay = monitorEventLoopDelay({ resolution: 10 })
  delay.enable()
  let before = performance.eventLoopUtilization()
  let utilization = 0
  let late = 0
  let isFull = false
  const timer = setInterval(() => {
    const current = performance.eventLoopUtilization()
    utilization = performance.eventLoopUtilization(current, before).utilization
    before = current
    const lagMs = delay.percentile(90) / 1e6
    delay.reset()
    late = utilization > maxUtilization || lagMs > MAX_LAG_MS ? late + 1 : 0
    isFull = late >= WINDOWS || (isFull && utilization > RELEASE * maxUtilization)
  }, WINDOW_MS)
  return {
    now: () => isFull,
    get utilization() {
      return utilization
    },
    close() {
      clearInterval(timer)
      delay.disable()
    },
  }
}
