import { stat } from 'node:fs/promises'
import { Worker } from 'node:worker_threads'
import type { Logger } from 'pino'
import type { CheckpointMode } from './checkpoint-worker.ts'

const everyMs = 250
/** What SQLite would move inside a commit. */
const worthwhileBytes = 4 * 1024 * 1024
/** A writer that never rests lets the log grow: then it has to wait for a moment, and the log begins anew. */
const longestBytes = 16 * 1024 * 1024

/**
 * Moves the write-ahead log into the database file from a thread of its own; inside a commit, where SQLite does it
 * by itself, everybody would wait for the disk. Returns how to stop.
 */
export function checkpointBeside(file: string, log?: Pick<Logger, 'error'>): () => Promise<void> {
  let worker: Worker | undefined
  let waiting = false

  function start(): Worker {
    const started = new Worker(new URL('./checkpoint-worker.ts', import.meta.url), { workerData: file })
    started.unref()
    started.on('message', () => {
      waiting = false
    })
    started.on('error', (err) => {
      log?.error({ err }, 'the write-ahead log could not be moved into the database file; trying again')
      worker = undefined
      waiting = false
    })
    return started
  }

  const timer = setInterval(async () => {
    if (waiting) return
    waiting = true
    const { size } = await stat(`${file}-wal`).catch(() => ({ size: 0 }))
    if (size < worthwhileBytes) {
      waiting = false
      return
    }
    worker ??= start()
    worker.postMessage((size > longestBytes ? 'TRUNCATE' : 'PASSIVE') satisfies CheckpointMode)
  }, everyMs).unref()

  return async () => {
    clearInterval(timer)
    waiting = true
    await worker?.terminate()
  }
}
