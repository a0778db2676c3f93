import { performance } from 'node:perf_hooks'
import { frameMs } from './frame.ts'
import type { ClockListener, MediaClock } from './types.ts'

// Sending late frames in a burst would only overflow the peer's jitter buffer, so after a stall the rest is skipped.
const maxBurst = 2
// Beyond this the machine was asleep, and making up for it would only make it later.
const maxCatchUp = 250

/** The one 20 ms clock of all sessions: absolute times, so it does not drift; no timer while nobody listens. */
export function createClock(
  onError: (error: unknown) => void,
): MediaClock & { counters: { ticks: number; skipped: number } } {
  const listeners = new Set<ClockListener>()
  const counters = { ticks: 0, skipped: 0 }
  let timer: NodeJS.Timeout | undefined
  let nextAt = 0

  const wait = () => {
    timer = setTimeout(wake, Math.max(0, Math.ceil(nextAt - performance.now())))
  }

  function wake() {
    // When late, packets wait in the sockets: they are read first, so that a stall of ours does not look like one of the network.
    if (performance.now() - nextAt >= frameMs) setImmediate(run)
    else run()
  }

  function run() {
    const now = performance.now()
    let due = Math.floor((now - nextAt) / frameMs) + 1
    if (due > maxCatchUp) {
      nextAt += (due - maxCatchUp) * frameMs
      due = maxCatchUp
    }
    for (; due > 0 && listeners.size > 0; due--) {
      nextAt += frameMs
      tick(due > maxBurst)
    }
    if (listeners.size > 0) wait()
    else timer = undefined
  }

  function tick(skip: boolean) {
    counters.ticks++
    if (skip) counters.skipped++
    each((listener) => listener.hear?.())
    each((listener) => listener.mix?.())
    each((listener) => listener.speak?.(skip))
  }

  // What one call runs into must not end the others; it leaves the clock, or it would fail again each tick.
  function each(run: (listener: ClockListener) => void) {
    for (const listener of listeners) {
      try {
        run(listener)
      } catch (error) {
        listeners.delete(listener)
        onError(error)
      }
    }
  }

  return {
    counters,
    add(listener) {
      listeners.add(listener)
      if (timer) return
      nextAt = performance.now() + frameMs
      wait()
    },
    remove(listener) {
      listeners.delete(listener)
      if (listeners.size > 0) return
      clearTimeout(timer)
      timer = undefined
    },
  }
}
