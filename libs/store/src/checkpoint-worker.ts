import { once } from 'node:events'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as sleep } from 'node:timers/promises'
import { parentPort, workerData } from 'node:worker_threads'

const everyMs = 250
/** Pages that SQLite itself would move inside a commit: 4 MB. */
const worthwhile = 1_000
/** A writer that never rests lets the log grow. At 16 MB it is asked to rest. */
const longest = 4_000
/** As long as more than that is left to move, it would have to rest too long. */
const soonMoved = 100
const mostPasses = 5

const port = parentPort!
const database = new DatabaseSync(workerData as string)
database.exec('PRAGMA synchronous=NORMAL')

/** PASSIVE waits for nobody, and nobody for it. When it leaves nothing, the next commit begins the log anew. */
const move = () => void database.prepare('PRAGMA wal_checkpoint(PASSIVE)').get()

function look(): { pages: number; left: number } {
  const { log, checkpointed } = database.prepare('PRAGMA wal_checkpoint(NOOP)').get() as Record<string, number>
  return { pages: log!, left: log! - checkpointed! }
}

for (;;) {
  await sleep(everyMs)
  if (look().left >= worthwhile) move()
  const { pages, left } = look()
  if (pages < longest || left === 0) continue
  for (let passes = 1; passes < mostPasses && look().left > soonMoved; passes++) move()
  port.postMessage('rest')
  await once(port, 'message')
  move()
  port.postMessage('done')
}
