import { DatabaseSync } from 'node:sqlite'
import { parentPort, workerData } from 'node:worker_threads'

/** PASSIVE waits for nobody; TRUNCATE holds writers back until the log is empty. */
export type CheckpointMode = 'PASSIVE' | 'TRUNCATE'

const database = new DatabaseSync(workerData as string, { timeout: 100 })
database.exec('PRAGMA synchronous=NORMAL')

parentPort!.on('message', (mode: CheckpointMode) => {
  // Each says in its row when somebody was in the way; the next time is soon.
  database.prepare('PRAGMA wal_checkpoint(PASSIVE)').get()
  // The less is left to move, the shorter writers are held back.
  if (mode === 'TRUNCATE') database.prepare('PRAGMA wal_checkpoint(TRUNCATE)').get()
  parentPort!.postMessage('done')
})
