/** Counts running work so that a drain can wait for it. */
export interface WorkInFlight {
  begin(): void
  end(): void
  /** Resolves when nothing runs or the time is up, with what is still running. */
  idle(timeoutMs: number): Promise<number>
}

/** Counts, and lets `whole` count too. */
export function workInFlight(whole?: WorkInFlight): WorkInFlight {
  let running = 0
  const waiting = new Set<() => void>()
  return {
    begin: () => {
      running++
      whole?.begin()
    },
    end: () => {
      running--
      if (running === 0) for (const wake of waiting) wake()
      whole?.end()
    },
    idle: (timeoutMs) =>
      new Promise((resolve) => {
        if (running === 0) return resolve(0)
        const wake = () => {
          clearTimeout(timer)
          waiting.delete(wake)
          resolve(running)
        }
        const timer = setTimeout(wake, timeoutMs)
        waiting.add(wake)
      }),
  }
}
