import { stat } from 'node:fs/promises'
import { Worker } from 'node:worker_threads'
import type { Logger } from 'pino'

const everyMs = 250
/** From this size on the log has to be moved. */
const worthwhileBytes = 4 * 1024 * 1024

/**
 * Moves the write-ahead log into the database file from a thread of its own; inside a commit, where SQLite does it
 * by itself, everybody would wait for the disk. `whileResting` runs something while nothing is written. Returns how to stop.
 */
export function checkpointBeside(
  file: string,
  whileResting: (work: () => Promise<void>) => Promise<void>,
  log?: Pick<Logger, 'error'>,
): () => Promise<void> {
  let worker: Worker | undefined
  let stopped = false

  function start(): Worker {
    const started = new Worker(new URL('./checkpoint-worker.ts', import.meta.url), { workerData: file })
    // One that has died meanwhile must not keep everybody from writing.
    const ended = new Promise<void>((resolve) => started.once('exit', () => resolve()))
    let done = () => {}
    function letItMove(): Promise<void> {
      const moved = new Promise<void>((resolve) => {
        done = resolve
      })
      started.postMessage('go')
      return Promise.race([moved, ended])
    }
    started.unref()
    started.on('message', (message: 'rest' | 'done') => (message === 'rest' ? whileResting(letItMove) : done()))
    started.on('error', (err) => {
      log?.error({ err }, 'the write-ahead log could not be moved into the database file; trying again')
      worker = undefined
    })
    return started
  }

  // Most databases are so small that they never need the thread.
  const timer = setInterval(async () => {
    const { size } = await stat(`${file}-wal`).catch(() => ({ size: 0 }))
    if (size >= worthwhileBytes && !stopped) worker ??= start()
  }, everyMs).unref()

  return async () => {
    clearInterval(timer)
    stopped = true
    await worker?.terminate()
  }
}
