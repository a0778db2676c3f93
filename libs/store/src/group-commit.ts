import type { DatabaseSync } from 'node:sqlite'
import { RetryableError } from './errors.ts'

/** The longest that those who are done wait for others. */
const longestMs = 5

interface Group {
  begunAt: number
  /** Transactions that are done in it. */
  done: number
  committed: PromiseWithResolvers<void>
}

export interface GroupCommit {
  /** Waits for its turn, runs `work` and commits; takes back what it did if it throws. */
  transaction: <T>(work: () => Promise<T>) => Promise<T>
  /** Runs `work` when what came before it is committed; what comes after it waits. */
  alone: (work: () => Promise<void>) => Promise<void>
}

/**
 * SQLite has one writer, and to commit costs more than most of what is committed. So transactions take turns, each in a savepoint,
 * and those of the same turn of the event loop are committed together. None resolves before what it did is committed.
 */
export function createGroupCommit(raw: DatabaseSync): GroupCommit {
  // A transaction that reads first and writes later could not wait for a writer of another process: it would fail.
  const begin = raw.prepare('begin immediate')
  const [commit, rollback] = [raw.prepare('commit'), raw.prepare('rollback')]
  const [savepoint, release] = [raw.prepare('savepoint one'), raw.prepare('release one')]
  const rollbackToSavepoint = raw.prepare('rollback to one')
  const waiting: (() => void)[] = []
  let taken = false
  let group: Group | undefined

  async function turn(): Promise<void> {
    if (taken) await new Promise<void>((resolve) => waiting.push(resolve))
    taken = true
  }

  function leave(): void {
    if (group && performance.now() - group.begunAt > longestMs) flush()
    const next = waiting.shift()
    if (next) next()
    else {
      taken = false
      if (group) setImmediate(flushUnlessTaken, group)
    }
  }

  function flushUnlessTaken(of: Group): void {
    if (group === of && !taken) flush()
  }

  function flush(): void {
    if (!group) return
    const { committed } = group
    group = undefined
    try {
      commit.run()
      committed.resolve()
    } catch (error) {
      rollbackAll()
      committed.reject(error)
    }
  }

  /** Some errors (a full disk) have rolled back already. */
  function rollbackAll(): void {
    if (raw.isTransaction) rollback.run()
  }

  function join(): Group {
    if (group) {
      savepoint.run()
      return group
    }
    begin.run()
    group = { begunAt: performance.now(), done: 0, committed: Promise.withResolvers() }
    // Those who are done wait for it; while there are none, nobody may have to hear of a failure.
    group.committed.promise.catch(() => {})
    return group
  }

  async function attempt<T>(mine: Group, work: () => Promise<T>): Promise<T> {
    const first = mine.done === 0
    try {
      const result = await work()
      if (!raw.isTransaction) throw new Error('the database took the transaction back while it was running')
      if (!first) release.run()
      mine.done++
      return result
    } catch (error) {
      if (first || !raw.isTransaction) giveUp(mine)
      else {
        rollbackToSavepoint.run()
        release.run()
      }
      throw error
    }
  }

  function giveUp({ committed }: Group): void {
    group = undefined
    rollbackAll()
    committed.reject(new RetryableError('the database took back what was to be committed together'))
  }

  return {
    async alone(work) {
      await turn()
      try {
        flush()
        await work()
      } finally {
        leave()
      }
    },
    async transaction(work) {
      await turn()
      let mine: Group
      let result: Awaited<ReturnType<typeof work>>
      try {
        mine = join()
        result = await attempt(mine, work)
      } finally {
        leave()
      }
      await mine.committed.promise
      return result
    },
  }
}
