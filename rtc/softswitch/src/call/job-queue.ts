/** Playing and recording on one target happen one after the other, as they were asked for. */
export interface JobQueue {
  add(run: () => Promise<void>): void
  readonly idle: boolean
}

export function createJobQueue(): JobQueue {
  const waiting: (() => Promise<void>)[] = []
  let running = false
  async function work() {
    for (let run = waiting.shift(); run; run = waiting.shift()) await run()
    running = false
  }
  return {
    add(run) {
      waiting.push(run)
      if (running) return
      running = true
      queueMicrotask(work) // who asked is answered first
    },
    get idle() {
      return !running
    },
  }
}
