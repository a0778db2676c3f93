import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { testDatabases } from '@sidetone/store/testing'
import { describe, expect, test } from 'vitest'
import { gate, openLab } from '../test/lab.ts'

const databases = await testDatabases('jobs that are cut off')

describe.each(databases)('jobs that are cut off on $name', (database) => {
  const lab = openLab(database)
  const { enqueue, noneLeft, rows, until, worker, working } = lab

  test('a job whose worker died runs again after its lease', async () => {
    const ran: unknown[] = []
    const jobs = worker(async (payload, { attempt }) => ran.push([payload, attempt, Date.now() >= leaseEndMs]))
    await enqueue(jobs, 'orphan')
    // What a killed process leaves: a claim that nobody renews.
    const leaseEndMs = Date.now() + 100
    await lab.store.kysely
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
    await lab.store.kysely
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
    await lab.store.kysely
      .updateTable('jobs_job')
      .set({ claim, due_ms: Date.now() + 60_000 })
      .execute()
    expect(await told.promise).toMatchObject({ message: 'the lease was lost' })
    await jobs.close({ drainMs: 1_000 })
    expect(await rows()).toMatchObject([{ claim, state: 'running' }])
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
})
