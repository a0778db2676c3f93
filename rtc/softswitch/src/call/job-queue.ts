/** Playing and recording on one target happen one after the other, as they were asked for. */
export interface JobQueue {
  add(run: () => Promise<void>): void
  /** Calls back when nothing runs or waits: at once, if that is so now. */
  whenIdle(run: () => void): void
}

export function createJobQueue(): JobQueue {
  const waiting: (() => Promise<void>)[] = []
  const whenIdle: (() => void)[] = []
  let running = false
  async function work() {
    for (let run = waiting.shift(); run; run = waiting.shift()) await run()
    running = false
    for (const run of whenIdle.splice(0)) run()
  }
  return {
    add(run) {
      waiting.push(run)
      if (running) return
      running = true
      queueMicrotask(work) // who asked is answered first
    },
    whenIdle(run) {
      if (running) whenIdle.push(run)
      else run()
    },
  }
}
