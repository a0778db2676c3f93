import { setTimeout as sleep } from 'node:timers/promises'
import type { Store, Tx } from '@sidetone/store'
import type { Logger } from 'pino'
import { JobAbandoned, NotYet, RetryAt } from './errors.ts'
import { type ClaimedJob, jobTable } from './job-table.ts'

/** What a handler knows beside the payload. */
export interface JobContext {
  /** Counts from 1. */
  attempt: number
  /** Aborts at the time-out, when the lease is lost and when the process stops; the handler should end then. */
  signal: AbortSignal
  /** Aborts when the process begins to stop: a handler that would go on to something new ends instead. */
  closing: AbortSignal
  job: { id: number; type: string; key: string | null; tm_create: string }
}

/** How jobs of a type are done. */
export interface JobDefinition<Payload> {
  /** May run again after a crash or failure. Throws `JobAbandoned` to give up, `RetryAt` to set the time of the next attempt, `NotYet` when this was none. */
  handler: (payload: Payload, context: JobContext) => Promise<unknown>
  maxAttempts: number
  /** How long to wait after that attempt; up to a tenth is added, so that failures of one moment spread. */
  backoff: (attempt: number) => number
  /** How many at a time in this process. */
  concurrency: number
  timeoutMs: number
  /** Told of a job that is given up, in the transaction that says so. */
  onDead?: (payload: Payload, reason: string, tx: Tx) => unknown
}

export interface EnqueueOptions {
  /** RFC 3339; absent: now. */
  runAt?: string | undefined
  /** A job with the same key that has not begun is kept instead of this one, and runs at the earlier of their times. */
  key?: string | undefined
  /** Jobs with the same one run one at a time in order of creation; one that is to be tried again holds the later ones back. */
  serialKey?: string | undefined
}

/** The jobs of one worker: rows that are done once committed, whatever dies in between. */
export interface Jobs {
  define: <Payload>(type: string, definition: JobDefinition<Payload>) => void
  /** Runs again and again, in one process at a time; a failure waits for the next time. */
  every: (
    type: string,
    options: { everyMs: number; timeoutMs: number; handler: (context: JobContext) => Promise<unknown> },
  ) => void
  enqueue: (tx: Tx, type: string, payload: unknown, options?: EnqueueOptions) => Promise<void>
  /** Takes back jobs that have not begun; one that runs is not tried again. */
  cancel: (tx: Tx, key: string) => Promise<void>
  /** Removes jobs that were given up, of those made before that time. */
  removeDead: (before: string) => Promise<void>
  start: () => void
  /** Takes nothing new, waits at most `drainMs`, and leaves what is unfinished to the next who starts. */
  close: (options: { drainMs: number }) => Promise<void>
}

interface JobsOptions {
  store: Store
  log: Pick<Logger, 'error' | 'warn'>
  /** Whose jobs. Workers of one name share them. */
  name: string
  leaseMs?: number | undefined
  pollMs?: number | undefined
}

interface Definition extends JobDefinition<unknown> {
  everyMs?: number
}

const stopping = new Error('the process stops')
/** What a handler has to end in, once its signal has aborted. */
const graceMs = 1_000
const contendedMs = 20

/** Makes the jobs of a worker. */
export function createJobs({ store, log, name, leaseMs = 30_000, pollMs = 1_000 }: JobsOptions): Jobs {
  const table = jobTable(store, name)
  const definitions = new Map<string, Definition>()
  const closing = new AbortController()
  const running = new Map<Promise<void>, AbortController>()
  let loops: Promise<void>[] = []

  function define(type: string, definition: Definition): void {
    if (definitions.has(type)) throw new Error(`job ${type} is defined twice`)
    if (loops.length > 0) throw new Error(`job ${type} is defined after the start`)
    definitions.set(type, definition)
  }

  async function workOn(type: string, definition: Definition): Promise<void> {
    let wake = Promise.withResolvers<void>()
    const wakeUp = () => wake.resolve()
    const unlisten = store.onSignal(table.signalOf(type), wakeUp)
    closing.signal.addEventListener('abort', wakeUp)
    let busy = 0

    async function takeDue(): Promise<number> {
      const free = definition.concurrency - busy
      // Woken by whoever ends.
      if (free <= 0) return pollMs
      const dueMs = await table.nextDueMs(type)
      const waitMs = dueMs === undefined ? pollMs : dueMs - Date.now()
      if (waitMs > 0) return Math.min(waitMs, pollMs)
      const jobs = await table.claim({ type, limit: free, leaseMs, keepKey: definition.everyMs !== undefined })
      for (const job of jobs) {
        busy++
        begin(job, definition, () => {
          busy--
          wakeUp()
        })
      }
      return jobs.length > 0 ? 0 : contendedMs
    }

    while (!closing.signal.aborted) {
      wake = Promise.withResolvers()
      const waitMs = await takeDue().catch((err) => {
        log.error({ type, err }, 'jobs could not be taken')
        return pollMs
      })
      if (waitMs <= 0) continue
      const timer = setTimeout(wakeUp, waitMs)
      await wake.promise
      clearTimeout(timer)
    }
    unlisten()
  }

  function begin(job: ClaimedJob, definition: Definition, ended: () => void): void {
    const stop = new AbortController()
    const done = perform(job, definition, stop)
      .catch((err) =>
        log.error({ job_id: job.id, type: job.type, err }, 'the outcome of a job could not be kept; it will run again'),
      )
      .finally(() => {
        running.delete(done)
        ended()
      })
    running.set(done, stop)
  }

  async function perform(job: ClaimedJob, definition: Definition, stop: AbortController): Promise<void> {
    const { id, type, attempt, tm_create, job_key: key } = job
    const payload: unknown = JSON.parse(job.payload)
    const timeout = setTimeout(
      () => stop.abort(new Error(`timed out after ${definition.timeoutMs} ms`)),
      definition.timeoutMs,
    )
    const renewal = setInterval(async () => {
      const held = await table.renew(job, leaseMs).catch(() => true)
      if (!held) stop.abort(new Error('the lease was lost'))
    }, leaseMs / 3)
    let failure: unknown
    try {
      if (attempt > definition.maxAttempts) throw new JobAbandoned('its worker died')
      await Promise.race([
        definition.handler(payload, {
          attempt,
          signal: stop.signal,
          closing: closing.signal,
          job: { id, type, key, tm_create },
        }),
        overdue(stop.signal),
      ])
    } catch (error) {
      failure = error ?? new Error('failed without a reason')
    } finally {
      clearTimeout(timeout)
      clearInterval(renewal)
    }
    const stopped = stop.signal.reason === stopping
    // Still at work in spite of the signal: nobody else may have it before the lease ends.
    if (failure instanceof StillAtWork && stopped) return
    if (failure instanceof StillAtWork) failure = failure.cause
    const kept = await store.transaction((tx) => keep(tx, { job, definition, payload, failure, stopped }))
    if (!kept) log.warn({ job_id: id, type }, 'a job ended after its lease; somebody else has run it again')
  }

  async function keep(
    tx: Tx,
    {
      job,
      definition,
      payload,
      failure,
      stopped,
    }: { job: ClaimedJob; definition: Definition; payload: unknown; failure: unknown; stopped: boolean },
  ): Promise<boolean> {
    const { id, type, attempt } = job
    const { everyMs, maxAttempts, backoff, onDead } = definition
    if (failure !== undefined && stopped) return table.retry(tx, job, Date.now(), { attempt: attempt - 1 })
    if (failure instanceof NotYet) return table.retry(tx, job, failure.date.getTime(), { attempt: attempt - 1 })
    if (failure !== undefined) log.warn({ job_id: id, type, attempt, err: failure }, 'job failed')
    if (everyMs !== undefined) return table.retry(tx, job, Date.now() + everyMs, { attempt: 0 })
    if (failure === undefined) return table.remove(tx, job)
    const reason = failure instanceof Error ? failure.message : String(failure)
    if (attempt < maxAttempts && !(failure instanceof JobAbandoned)) {
      const dueMs =
        failure instanceof RetryAt ? failure.date.getTime() : Date.now() + backoff(attempt) * (1 + Math.random() / 10)
      return table.retry(tx, job, Math.round(dueMs), { reason })
    }
    const buried = await table.bury(tx, job, reason)
    if (buried) await onDead?.(payload, reason, tx)
    return buried
  }

  return {
    define: (type, definition) => define(type, definition as Definition),

    every: (type, { everyMs, timeoutMs, handler }) =>
      define(type, {
        everyMs,
        timeoutMs,
        handler: (_, context) => handler(context),
        maxAttempts: Number.POSITIVE_INFINITY,
        backoff: () => everyMs,
        concurrency: 1,
      }),

    async enqueue(tx, type, payload, { runAt, key, serialKey } = {}) {
      if (!definitions.has(type)) throw new Error(`nobody has defined the job ${type}, so it would never run`)
      const runAtMs = runAt === undefined ? Date.now() : Date.parse(runAt)
      if (Number.isNaN(runAtMs)) throw new Error(`runAt of job ${type} is not a time: ${runAt}`)
      if (key !== undefined) await table.bringForward(tx, key, runAtMs)
      await table.add(tx, { type, payload, runAtMs, key, serialKey })
    },

    cancel: table.cancel,
    removeDead: table.removeDead,

    start() {
      if (loops.length > 0) throw new Error('these jobs have been started')
      loops = Array.from(definitions, async ([type, definition]) => {
        if (definition.everyMs !== undefined) await plan(type)
        await workOn(type, definition)
      })
    },

    async close({ drainMs }) {
      closing.abort()
      await Promise.all(loops)
      await settled(drainMs)
      for (const stop of running.values()) stop.abort(stopping)
      await settled(graceMs * 2)
      if (running.size > 0) log.warn({ left: running.size }, 'jobs were still running; their leases have to run out')
    },
  }

  /** There is one row of a repeated job, which keeps its key for good. */
  async function plan(type: string): Promise<void> {
    const add = () =>
      store.transaction((tx) => table.add(tx, { type, payload: null, runAtMs: Date.now(), key: `every:${type}` }))
    while (!closing.signal.aborted) {
      try {
        return await add()
      } catch (err) {
        log.error({ type, err }, 'a repeated job could not be planned')
        await sleep(pollMs, undefined, { signal: closing.signal }).catch(() => undefined)
      }
    }
  }

  async function settled(withinMs: number): Promise<void> {
    const enough = new AbortController()
    await Promise.race([
      Promise.all(running.keys()),
      sleep(withinMs, undefined, { signal: enough.signal }).catch(() => undefined),
    ])
    enough.abort()
  }
}

/** A handler has not ended although it was told to. */
class StillAtWork extends Error {}

/** Rejects when the signal has aborted and the grace is over. */
function overdue(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => {
      setTimeout(() => reject(new StillAtWork('', { cause: signal.reason })), graceMs)
    })
  })
}
