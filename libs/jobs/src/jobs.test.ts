import { setTimeout as sleep } from 'node:timers/promises'
import { type Store, timeAfter } from '@sidetone/store'
import { testDatabases } from '@sidetone/store/testing'
import { describe, expect, test } from 'vitest'
import { gate, openLab, usual } from '../test/lab.ts'
import { JobAbandoned, NotYet, RetryAt } from './index.ts'

const databases = await testDatabases('jobs')

describe.each(databases)('jobs on $name', (database) => {
  const lab = openLab(database)
  const { enqueue, noneLeft, open, rows, until, worker, working } = lab

  test('a job runs once its transaction has committed, and is gone when it is done', async () => {
    const ran: unknown[] = []
    const jobs = working(async (payload, { attempt, job }) => ran.push([payload, attempt, job.type]))
    const rolledBack = lab.store.transaction(async (tx) => {
      await jobs.enqueue(tx, 'work', 'never')
      throw new Error('no')
    })
    await expect(rolledBack).rejects.toThrow('no')
    await enqueue(jobs, { a: ['é'] })
    await noneLeft()
    expect(ran).toEqual([[{ a: ['é'] }, 1, 'work']])
  })

  test('a failing job is tried again after its backoff, and is kept with its reason when it has used its attempts', async () => {
    const attempts: number[] = []
    const asked: number[] = []
    const dead: unknown[] = []
    const jobs = working(
      async (_, { attempt }) => {
        attempts.push(attempt)
        throw new Error(`failed ${attempt}`)
      },
      {
        backoff: (attempt) => {
          asked.push(attempt)
          return 2
        },
        onDead: async (payload, reason, tx) => {
          dead.push([payload, reason])
          await jobs.enqueue(tx, 'work', 'told in the same transaction', { runAt: timeAfter(3_600_000) })
        },
      },
    )
    await enqueue(jobs, 'p')
    await until(() => dead.length > 0)
    await until(async () => (await rows()).length === 2)
    expect(attempts).toEqual([1, 2, 3])
    expect(asked).toEqual([1, 2])
    expect(dead).toEqual([['p', 'failed 3']])
    expect(await rows()).toMatchObject([
      { state: 'dead', reason: 'failed 3', attempt: 3, due_ms: null },
      { payload: '"told in the same transaction"', state: 'pending' },
    ])
  })

  test('a handler can give a job up, or set the time of the next attempt', async () => {
    const times: number[] = []
    const jobs = working(
      async (payload, { attempt }) => {
        if (payload === 'hopeless') throw new JobAbandoned('410 Gone')
        times.push(Date.now())
        if (attempt === 1) throw new RetryAt(new Date(Date.now() + 60))
      },
      { backoff: () => 60_000 },
    )
    await enqueue(jobs, 'later')
    await enqueue(jobs, 'hopeless')
    await until(() => times.length === 2)
    await until(async () => (await rows()).length === 1)
    expect(times[1]! - times[0]!).toBeGreaterThanOrEqual(60)
    expect(await rows()).toMatchObject([{ state: 'dead', reason: '410 Gone', attempt: 1 }])
  })

  test('an attempt that was none does not count', async () => {
    const attempts: number[] = []
    const jobs = working(
      async (_, { attempt }) => {
        attempts.push(attempt)
        if (attempts.length < 4) throw new NotYet(new Date())
      },
      { maxAttempts: 1 },
    )
    await enqueue(jobs, null)
    await until(async () => attempts.length === 4 && (await rows()).length === 0)
    expect(attempts).toEqual([1, 1, 1, 1])
  })

  test('a job waits for its time', async () => {
    const ran: number[] = []
    const jobs = working(async () => ran.push(Date.now()))
    const runAt = timeAfter(80)
    await enqueue(jobs, null, { runAt })
    await enqueue(jobs, null, { runAt: timeAfter(3_600_000) })
    await until(() => ran.length === 1)
    expect(ran[0]).toBeGreaterThanOrEqual(Math.floor(Date.parse(runAt)))
    await until(async () => (await rows()).length === 1)
    await expect(enqueue(jobs, null, { runAt: 'tomorrow' })).rejects.toThrow(
      'runAt of job work is not a time: tomorrow',
    )
  })

  test('one that takes too long is told so by its signal, and tried again', async () => {
    const reasons: string[] = []
    const jobs = working(
      (_, { signal, attempt }) =>
        attempt > 1
          ? Promise.resolve()
          : new Promise((_, reject) => {
              signal.addEventListener('abort', () => {
                reasons.push((signal.reason as Error).message)
                reject(signal.reason)
              })
            }),
      { timeoutMs: 20 },
    )
    await enqueue(jobs, null)
    await noneLeft()
    expect(reasons).toEqual(['timed out after 20 ms'])
  })

  test('no more run at a time than the definition says', async () => {
    let [now, most] = [0, 0]
    const jobs = working(
      async () => {
        most = Math.max(most, ++now)
        await sleep(2)
        now--
      },
      { concurrency: 3 },
    )
    await lab.store.transaction(async (tx) => {
      for (let index = 0; index < 20; index++) await jobs.enqueue(tx, 'work', index)
    })
    await noneLeft()
    expect(most).toBe(3)
  })

  test('several workers share the jobs, and each runs once', async () => {
    const ran: unknown[] = []
    const workers = [lab.store, lab.other, lab.other].map((on) =>
      worker(
        async (payload) => {
          ran.push(payload)
          await sleep(1)
        },
        { on, concurrency: 5 },
      ),
    )
    await lab.store.transaction(async (tx) => {
      for (let index = 0; index < 120; index++) await workers[0]!.enqueue(tx, 'work', index)
    })
    for (const jobs of workers) jobs.start()
    await noneLeft()
    expect(ran.toSorted()).toEqual(Array.from({ length: 120 }, (_, index) => index).toSorted())
  })

  test('a repeated job runs again and again, failed or not, in one worker at a time', async () => {
    let runs = 0
    let [now, most] = [0, 0]
    const begun = gate()
    const repeat = (on: Store) => {
      const jobs = open({ on })
      jobs.every('tick', {
        everyMs: 5,
        timeoutMs: 1_000,
        handler: async () => {
          begun.resolve()
          most = Math.max(most, ++now)
          await sleep(runs === 0 ? 60 : 2)
          now--
          if (++runs % 2) throw new Error('no')
        },
      })
      jobs.start()
    }
    repeat(lab.store)
    await begun.promise
    repeat(lab.other)
    await until(() => runs >= 5)
    expect(most).toBe(1)
    expect(await rows()).toHaveLength(1)
  })

  test('a type is defined once, before the start, and before it is used', async () => {
    const jobs = worker(async () => {})
    const undefinedJob = lab.store.transaction((tx) => jobs.enqueue(tx, 'wrok', null))
    await expect(undefinedJob).rejects.toThrow('nobody has defined the job wrok')
    expect(() => jobs.define('work', { ...usual, handler: async () => {} })).toThrow('job work is defined twice')
    jobs.start()
    expect(() => jobs.define('late', { ...usual, handler: async () => {} })).toThrow(
      'job late is defined after the start',
    )
  })
})
