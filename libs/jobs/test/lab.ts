import { setTimeout as sleep } from 'node:timers/promises'
import type { Store } from '@sidetone/store'
import type { TestDatabase } from '@sidetone/store/testing'
import { pino } from 'pino'
import { afterAll, afterEach, beforeAll } from 'vitest'
import {
  createJobs,
  type EnqueueOptions,
  type JobContext,
  type JobDefinition,
  type Jobs,
  jobMigrations,
} from '../src/index.ts'

export type Handler = (payload: never, context: JobContext) => Promise<unknown>

interface Process {
  leaseMs?: number | undefined
  on?: Store | undefined
}
interface Options extends Process, Partial<Omit<JobDefinition<never>, 'handler'>> {}

const quiet = pino({ level: 'silent' })

/** How a job is defined where a test says nothing else. */
export const usual = { maxAttempts: 3, backoff: () => 5, concurrency: 4, timeoutMs: 5_000 }

export const gate = () => Promise.withResolvers<void>()

/** A database of the suite that calls it, and workers on it that are closed after each test; none of its jobs is left then. */
export function openLab({ name, create }: { name: string; create: () => Promise<TestDatabase> }) {
  let database: TestDatabase
  let store: Store
  let other: Store
  let opened: Jobs[] = []
  beforeAll(async () => {
    database = await create()
    store = database.open()
    other = name === 'SQLite' ? store : database.open()
    await store.migrate('jobs', jobMigrations)
  })
  afterEach(async () => {
    await Promise.all(opened.map((jobs) => jobs.close({ drainMs: 0 })))
    opened = []
    await store.kysely.deleteFrom('jobs_job').execute()
  })
  afterAll(async () => {
    await store.close()
    if (other !== store) await other.close()
    await database.drop()
  })

  const open = ({ leaseMs, on = store }: Process): Jobs => {
    const jobs = createJobs({ store: on, log: quiet, name: 'tester', pollMs: 30, leaseMs })
    opened.push(jobs)
    return jobs
  }
  const worker = (handler: Handler, { leaseMs, on, ...options }: Options = {}): Jobs => {
    const jobs = open({ leaseMs, on })
    jobs.define('work', { ...usual, ...options, handler })
    return jobs
  }
  const working = (handler: Handler, options?: Options): Jobs => {
    const jobs = worker(handler, options)
    jobs.start()
    return jobs
  }
  const rows = () => store.kysely.selectFrom('jobs_job').selectAll().orderBy('id').execute()
  const until = async (holds: () => Promise<boolean> | boolean) => {
    for (let tries = 0; !(await holds()); tries++) {
      if (tries === 1_000) throw new Error('it never came true')
      await sleep(5)
    }
  }

  return {
    get store() {
      return store
    },
    /** Another process; an SQLite file has one. */
    get other() {
      return other
    },
    /** Defines nothing yet. */
    open,
    /** Has the job `work` and is not started. */
    worker,
    /** The same, started. */
    working,
    enqueue: (jobs: Jobs, payload: unknown, options?: EnqueueOptions) =>
      store.transaction((tx) => jobs.enqueue(tx, 'work', payload, options)),
    rows,
    until,
    noneLeft: () => until(async () => (await rows()).length === 0),
  }
}
