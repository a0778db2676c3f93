import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Store, timeAfter } from '@sidetone/store'
import { type TestDatabase, testDatabases } from '@sidetone/store/testing'
import { pino } from 'pino'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import {
  createJobs,
  type EnqueueOptions,
  JobAbandoned,
  type JobContext,
  type JobDefinition,
  type Jobs,
  jobMigrations,
  NotYet,
  RetryAt,
} from './index.ts'

const databases = await testDatabases('jobs')
const quiet = pino({ level: 'silent' })
const gate = () => Promise.withResolvers<void>()

describe.each(databases)('jobs on $name', ({ name, create }) => {
  let database: TestDatabase
  let store: Store
  /** Another process; an SQLite file has one. */
  let other: Store
  let started: Jobs[] = []
  beforeAll(async () => {
    database = await create()
    store = database.open()
    other = name === 'SQLite' ? store : database.open()
    await store.migrate('jobs', jobMigrations)
  })
  afterEach(async () => {
    await Promise.all(started.map((jobs) => jobs.close({ drainMs: 0 })))
    started = []
    await store.kysely.deleteFrom('jobs_job').execute()
  })
  afterAll(async () => {
    await store.close()
    if (other !== store) await other.close()
    await database.drop()
  })

  type Handler = (payload: never, context: JobContext) => Promise<unknown>
  interface Options extends Partial<Omit<JobDefinition<never>, 'handler'>> {
    leaseMs?: number
    on?: Store
  }
  const usual = { maxAttempts: 3, backoff: () => 5, concurrency: 4, timeoutMs: 5_000 }
  const worker = (handler: Handler, { leaseMs, on = store, ...options }: Options = {}): Jobs => {
    const jobs = createJobs({ store: on, log: quiet, name: 'tester', pollMs: 30, leaseMs })
    jobs.define('work', { ...usual, ...options, handler })
    started.push(jobs)
    return jobs
  }
  const working = (handler: Handler, options?: Options): Jobs => {
    const jobs = worker(handler, options)
    jobs.start()
    return jobs
  }
  const enqueue = (jobs: Jobs, payload: unknown, options?: EnqueueOptions) =>
    store.transaction((tx) => jobs.enqueue(tx, 'work', payload, options))
  const rows = () => store.kysely.selectFrom('jobs_job').selectAll().orderBy('id').execute()
  const until = async (holds: () => Promise<boolean> | boolean) => {
    for (let tries = 0; !(await holds()); tries++) {
      if (tries === 1_000) throw new Error('it never came true')
      await sleep(5)
    }
  }
  const noneLeft = () => until(async () => (await rows()).length === 0)

  test('a job runs once its transaction has committed, and is gone when it is done', async () => {
    const ran: unknown[] = []
    const jobs = working(async (payload, { attempt, job }) => ran.push([payload, attempt, job.type]))
    const rolledBack = store.transaction(async (tx) => {
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

  test('a job whose worker died runs again after its lease', async () => {
    const ran: unknown[] = []
    const jobs = worker(async (payload, { attempt }) => ran.push([payload, attempt, Date.now() >= leaseEndMs]))
    await enqueue(jobs, 'orphan')
    // What a killed process leaves: a claim that nobody renews.
    const leaseEndMs = Date.now() + 100
    await store.kysely
      .updateTable('jobs_job')
      .set({ state: 'running', claim: randomUUID(), attempt: 1, due_ms: leaseEndMs })
      .execute()
    jobs.start()
    await noneLeft()
    expect(ran).toEqual([['orphan', 2, true]])
  })

  test('a worker that lives keeps its lease', async () => {
    const goOn = gate()
    const attempts: number[] = []
    const jobs = working(
      async (_, { attempt }) => {
        attempts.push(attempt)
        await goOn.promise
      },
      { leaseMs: 600, concurrency: 1 },
    )
    await enqueue(jobs, null)
    await until(() => attempts.length === 1)
    const leaseEnd = async () => Number((await rows())[0]!.due_ms)
    const first = await leaseEnd()
    await until(async () => (await leaseEnd()) > first)
    goOn.resolve()
    await noneLeft()
    expect(attempts).toEqual([1])
  })

  test('a job that kills its worker every time is given up', async () => {
    const jobs = worker(async () => {
      throw new Error('was run')
    })
    await enqueue(jobs, null)
    await store.kysely
      .updateTable('jobs_job')
      .set({ state: 'running', claim: randomUUID(), attempt: 3, due_ms: 1 })
      .execute()
    jobs.start()
    await until(async () => (await rows())[0]?.state === 'dead')
    expect(await rows()).toMatchObject([{ reason: 'its worker died' }])
  })

  test('an attempt that lost its lease is told so, and changes nothing any more', async () => {
    const begun = gate()
    const told = Promise.withResolvers<unknown>()
    const jobs = working(
      async (_, { signal }) => {
        signal.addEventListener('abort', () => told.resolve(signal.reason))
        begun.resolve()
        await told.promise
      },
      { leaseMs: 60 },
    )
    await enqueue(jobs, null)
    await begun.promise
    const claim = randomUUID()
    await store.kysely
      .updateTable('jobs_job')
      .set({ claim, due_ms: Date.now() + 60_000 })
      .execute()
    expect(await told.promise).toMatchObject({ message: 'the lease was lost' })
    await jobs.close({ drainMs: 1_000 })
    expect(await rows()).toMatchObject([{ claim, state: 'running' }])
  })

  test('a job that has not begun is not doubled by another with its key; one that runs makes room', async () => {
    const ran: unknown[] = []
    const [begun, goOn] = [gate(), gate()]
    const jobs = worker(async (payload) => {
      ran.push(payload)
      begun.resolve()
      if (payload === 'first') await goOn.promise
    })
    await enqueue(jobs, 'first', { key: 'k' })
    await Promise.all([enqueue(jobs, 'second', { key: 'k' }), enqueue(jobs, 'other', { key: 'x'.repeat(3_000) })])
    jobs.start()
    await begun.promise
    await Promise.all([1, 2, 3].map(() => enqueue(jobs, 'third', { key: 'k', runAt: timeAfter(30) })))
    goOn.resolve()
    await noneLeft()
    expect(ran.toSorted()).toEqual(['first', 'other', 'third'])
  })

  test('a planned job is brought forward by another with its key, and never put off', async () => {
    const ran: unknown[] = []
    const jobs = working(async (payload) => ran.push(payload))
    await enqueue(jobs, 'planned', { key: 'k', runAt: timeAfter(3_600_000) })
    await enqueue(jobs, 'later', { key: 'k', runAt: timeAfter(7_200_000) })
    const [row] = await rows()
    expect(Number(row!.due_ms)).toBeLessThanOrEqual(Date.now() + 3_600_000)
    await enqueue(jobs, 'now', { key: 'k' })
    await noneLeft()
    expect(ran).toEqual(['planned'])
  })

  test('a job that goes on for long learns at once that its process stops, and may still end well', async () => {
    const begun = gate()
    const jobs = working(async (_, { closing, signal }) => {
      begun.resolve()
      await new Promise((resolve) => closing.addEventListener('abort', resolve))
      signal.throwIfAborted()
    })
    await enqueue(jobs, null)
    await begun.promise
    await jobs.close({ drainMs: 5_000 })
    expect(await rows()).toEqual([])
  })

  test('a failed job does not come back beside a newer one with its key', async () => {
    const ran: unknown[] = []
    const [begun, goOn] = [gate(), gate()]
    const jobs = working(async (payload) => {
      ran.push(payload)
      if (payload === 'new') return
      begun.resolve()
      await goOn.promise
      throw new Error('no')
    })
    await enqueue(jobs, 'old', { key: 'k' })
    await begun.promise
    await enqueue(jobs, 'new', { key: 'k', runAt: timeAfter(50) })
    goOn.resolve()
    await noneLeft()
    expect(ran).toEqual(['old', 'new'])
  })

  test('jobs of one serial key run one at a time and in order, and one that fails holds the others back', async () => {
    const ran: unknown[] = []
    let [now, most] = [0, 0]
    const handler: Handler = async (payload, { attempt }) => {
      most = Math.max(most, ++now)
      await sleep(2)
      now--
      if (payload === 2 && attempt < 3) throw new Error('again')
      if (payload === 3) throw new JobAbandoned('never')
      ran.push(payload)
    }
    const jobs = working(handler)
    working(handler, { on: other })
    // The free one is due later, and still before those that wait.
    for (let index = 1; index <= 5; index++) await enqueue(jobs, index, { serialKey: 's' })
    await enqueue(jobs, 'free')
    await until(async () => (await rows()).every(({ state }) => state === 'dead'))
    expect(ran.filter((payload) => payload !== 'free')).toEqual([1, 2, 4, 5])
    expect(ran).toContain('free')
    expect(most).toBeLessThanOrEqual(2)
  })

  test('serial jobs that are added at once all run, one at a time', async () => {
    const ran: unknown[] = []
    let [now, most] = [0, 0]
    const handler: Handler = async (payload) => {
      most = Math.max(most, ++now)
      await sleep(1)
      now--
      ran.push(payload)
    }
    const jobs = working(handler)
    working(handler, { on: other })
    await Promise.all(Array.from({ length: 30 }, (_, index) => enqueue(jobs, index, { serialKey: 's' })))
    await noneLeft()
    expect(ran.toSorted()).toEqual(Array.from({ length: 30 }, (_, index) => index).toSorted())
    expect(most).toBe(1)
  })

  test('a cancelled job does not begin, one that runs is not tried again, and those behind it go on', async () => {
    const ran: unknown[] = []
    const [begun, goOn] = [gate(), gate()]
    const jobs = working(async (payload) => {
      ran.push(payload)
      if (payload !== 'running') return
      begun.resolve()
      await goOn.promise
      throw new Error('no')
    })
    const cancel = (key: string) => store.transaction((tx) => jobs.cancel(tx, key))
    await enqueue(jobs, 'running', { key: 'r' })
    await begun.promise
    await enqueue(jobs, 'future', { key: 'f', serialKey: 's', runAt: timeAfter(3_600_000) })
    await enqueue(jobs, 'behind', { serialKey: 's' })
    await cancel('f')
    await cancel('r')
    await cancel('unknown')
    goOn.resolve()
    await noneLeft()
    expect(ran).toEqual(['running', 'behind'])
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
    await store.transaction(async (tx) => {
      for (let index = 0; index < 20; index++) await jobs.enqueue(tx, 'work', index)
    })
    await noneLeft()
    expect(most).toBe(3)
  })

  test('several workers share the jobs, and each runs once', async () => {
    const ran: unknown[] = []
    const workers = [store, other, other].map((on) =>
      worker(
        async (payload) => {
          ran.push(payload)
          await sleep(1)
        },
        { on, concurrency: 5 },
      ),
    )
    await store.transaction(async (tx) => {
      for (let index = 0; index < 120; index++) await workers[0]!.enqueue(tx, 'work', index)
    })
    for (const jobs of workers) jobs.start()
    await noneLeft()
    expect(ran.toSorted()).toEqual(Array.from({ length: 120 }, (_, index) => index).toSorted())
  })

  test('close waits for what runs, and takes nothing new', async () => {
    const ran: unknown[] = []
    const begun = gate()
    const jobs = working(
      async (payload, { signal }) => {
        begun.resolve()
        await sleep(30, undefined, { signal })
        ran.push(payload)
      },
      { concurrency: 1 },
    )
    await enqueue(jobs, 1)
    await enqueue(jobs, 2)
    await begun.promise
    await jobs.close({ drainMs: 1_000 })
    expect(ran).toEqual([1])
    expect(await rows()).toMatchObject([{ payload: '2', state: 'pending' }])
  })

  test('what close cannot wait for is stopped, and is the next worker’s at once without a lost attempt', async () => {
    const begun = gate()
    const jobs = working((_, { signal }) => {
      begun.resolve()
      return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
    })
    await enqueue(jobs, null)
    await begun.promise
    await jobs.close({ drainMs: 10 })
    expect(await rows()).toMatchObject([{ state: 'pending', attempt: 0 }])
    const attempts: number[] = []
    working(async (_, { attempt }) => attempts.push(attempt))
    await noneLeft()
    expect(attempts).toEqual([1])
  })

  test('what does not heed the stop is left alone until its lease is over', async () => {
    const begun = gate()
    const jobs = working(() => {
      begun.resolve()
      return new Promise(() => {})
    })
    await enqueue(jobs, null)
    await begun.promise
    await jobs.close({ drainMs: 0 })
    expect(await rows()).toMatchObject([{ state: 'running', attempt: 1 }])
  })

  test('a repeated job runs again and again, failed or not, in one worker at a time', async () => {
    let runs = 0
    let [now, most] = [0, 0]
    const begun = gate()
    const repeat = (on: Store) => {
      const jobs = createJobs({ store: on, log: quiet, name: 'tester', pollMs: 30 })
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
      started.push(jobs)
      jobs.start()
    }
    repeat(store)
    await begun.promise
    repeat(other)
    await until(() => runs >= 5)
    expect(most).toBe(1)
    expect(await rows()).toHaveLength(1)
  })

  test('a type is defined once, before the start, and before it is used', async () => {
    const jobs = worker(async () => {})
    const undefinedJob = store.transaction((tx) => jobs.enqueue(tx, 'wrok', null))
    await expect(undefinedJob).rejects.toThrow('nobody has defined the job wrok')
    expect(() => jobs.define('work', { ...usual, handler: async () => {} })).toThrow('job work is defined twice')
    jobs.start()
    expect(() => jobs.define('late', { ...usual, handler: async () => {} })).toThrow(
      'job late is defined after the start',
    )
  })
})
