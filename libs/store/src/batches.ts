import { setImmediate as nextTurn } from 'node:timers/promises'

interface Waiting<T> {
  item: T
  resolve: () => void
  reject: (error: unknown) => void
}

/** Collects what arrives while the batch before is being worked on: `add` resolves when its item has been. */
export function batches<T>(work: (items: T[]) => Promise<void>, maxItems: number): (item: T) => Promise<void> {
  let waiting: Waiting<T>[] = []
  let running = false

  async function run(): Promise<void> {
    running = true
    // One turn of the event loop later, so that what arrives together is worked on together.
    await nextTurn()
    while (waiting.length > 0) {
      const batch = waiting.slice(0, maxItems)
      waiting = waiting.slice(maxItems)
      await settle(batch)
    }
    running = false
  }

  /** What fails together is tried one by one: an item that cannot be worked on must not spoil the others. */
  async function settle(batch: Waiting<T>[]): Promise<void> {
    try {
      await work(batch.map(({ item }) => item))
      for (const { resolve } of batch) resolve()
    } catch (error) {
      if (batch.length === 1) return batch[0]!.reject(error)
      for (const one of batch) await settle([one])
    }
  }

  return (item) =>
    new Promise((resolve, reject) => {
      waiting.push({ item, resolve, reject })
      if (!running) void run()
    })
}
