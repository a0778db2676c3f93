import { setTimeout as sleep } from 'node:timers/promises'
import { timeAfter } from '@sidetone/store'
import { testDatabases } from '@sidetone/store/testing'
import { describe, expect, test } from 'vitest'
import { gate, type Handler, openLab } from '../test/lab.ts'
import { JobAbandoned } from './index.ts'

const databases = await testDatabases('jobs with keys')

describe.each(databases)('jobs with keys on $name', (database) => {
  const lab = openLab(database)
  const { enqueue, noneLeft, rows, until, worker, working } = lab

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
    working(handler, { on: lab.other })
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
    working(handler, { on: lab.other })
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
    const cancel = (key: string) => lab.store.transaction((tx) => jobs.cancel(tx, key))
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
})
