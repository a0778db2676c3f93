import { performance } from 'node:perf_hooks'
import { frameMs } from './frame.ts'
import type { ClockListener, MediaClock } from './types.ts'

// Sending late frames in a burst would only overflow the peer's jitter buffer, so after a stall the rest is skipped.
const maxBurst = 2
// What is sent at a tick is made that much earlier: how long that takes varies more than a timer does.
const leadMs = 5
// Beyond this the machine was asleep, and making up for it would only make it later.
const maxCatchUp = 250

/** The one 20 ms clock of all sessions: absolute times, so it does not drift; no timer while nobody listens. */
export function createClock(
  onError: (error: unknown) => void,
): MediaClock & { counters: { ticks: number; skipped: number } } {
  const listeners = new Set<ClockListener>()
  const counters = { ticks: 0, skipped: 0 }
  let timer: NodeJS.Timeout | undefined
  /** When what is made next is to be sent. */
  let nextAt = 0

  const at = (time: number, then: () => void) => {
    timer = setTimeout(then, Math.max(0, Math.ceil(time - performance.now())))
  }
  const wait = () => at(nextAt - leadMs, wake)

  function wake() {
    // When late, packets wait in the sockets: they are read first, so that a stall of ours does not look like one of the network.
    const late = performance.now() - nextAt + leadMs
    if (late < 0)
      wait() // timers may be early by a part of a millisecond
    else if (late >= frameMs) setImmediate(run)
    else run()
  }

  function run() {
    let due = Math.floor((performance.now() - nextAt + leadMs) / frameMs) + 1
    if (due > maxCatchUp) {
      nextAt += (due - maxCatchUp) * frameMs
      due = maxCatchUp
    }
    for (; due > 0 && listeners.size > 0; due--) {
      tick(due > maxBurst)
      if (due > 1) send()
      nextAt += frameMs
    }
    at(nextAt - frameMs, sendAndWait)
  }

  function tick(skip: boolean) {
    counters.ticks++
    if (skip) counters.skipped++
    each((listener) => listener.hear?.())
    each((listener) => listener.mix?.())
    each((listener) => listener.speak?.(skip))
  }

  const send = () => each((listener) => listener.send?.())

  function sendAndWait() {
    send()
    if (listeners.size > 0) wait()
    else timer = undefined
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
      nextAt = performance.now() + frameMs + leadMs
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
