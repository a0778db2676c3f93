import { hash } from 'node:crypto'
import { DuplicateError, newId, type Store, type Tx } from '@sidetone/store'
import { sql } from 'kysely'

/** A job that somebody has taken. */
export interface ClaimedJob {
  id: number
  type: string
  payload: string
  attempt: number
  claim: string
  job_key: string | null
  serial_key: string | null
  tm_create: string
}

export interface NewJob {
  type: string
  payload: unknown
  runAtMs: number
  key?: string | undefined
  serialKey?: string | undefined
}

const table = 'jobs_job'
const longestKey = 200
const slots = 1_024

/** The jobs of one worker in the database. */
export function jobTable(store: Store, worker: string) {
  /** A column holds so much of a key; longer ones are known by their hash. */
  const columnOf = (key: string | undefined): string | null =>
    key === undefined || key.length <= longestKey ? (key ?? null) : `sha256:${hash('sha256', key)}`

  /**
   * Holds off everyone else who adds, ends or takes away a job of the same serial key, until the transaction ends. Keys
   * share a fixed number of locks, so that nothing grows; SQLite has one writer anyhow.
   */
  async function lockSerial({ dialect, kysely }: Tx, key: string): Promise<void> {
    if (dialect === 'sqlite') return
    const slot = Number.parseInt(hash('sha256', `${worker}:${key}`).slice(0, 8), 16) % slots
    await sql`insert into jobs_slot (slot) values (${slot}) on duplicate key update slot = slot`.execute(kysely)
  }

  const living = ({ kysely }: Pick<Tx, 'kysely'>) =>
    kysely.selectFrom(table).where('worker', '=', worker).where('state', '!=', 'dead')

  /** Lets the next of a serial key come, once the first of it has gone. */
  async function promote(tx: Tx, serialKey: string): Promise<void> {
    const next = await living(tx)
      .select(['id', 'run_at_ms', 'type'])
      .where('serial_key', '=', serialKey)
      .orderBy('id')
      .executeTakeFirst()
    if (!next) return
    await tx.kysely
      .updateTable(table)
      .set({ state: 'pending', due_ms: next.run_at_ms })
      .where('id', '=', next.id)
      .where('state', '=', 'waiting')
      .execute()
    tx.signal(signalOf(next.type as string))
  }

  const signalOf = (type: string) => `jobs:${worker}:${type}`

  /** Changes a job as long as this claim holds it. */
  const held = ({ kysely }: Pick<Tx, 'kysely'>, { id, claim }: ClaimedJob) =>
    kysely.updateTable(table).where('id', '=', id).where('claim', '=', claim)

  /** False when the lease was lost. */
  async function change(db: Pick<Tx, 'kysely'>, job: ClaimedJob, values: Record<string, unknown>): Promise<boolean> {
    const { numUpdatedRows } = await held(db, job).set(values).executeTakeFirst()
    return numUpdatedRows > 0n
  }

  async function remove(tx: Tx, { id, claim, serial_key }: ClaimedJob): Promise<boolean> {
    if (serial_key) await lockSerial(tx, serial_key)
    const { numDeletedRows } = await tx.kysely
      .deleteFrom(table)
      .where('id', '=', id)
      .where('claim', '=', claim)
      .executeTakeFirst()
    if (serial_key && numDeletedRows > 0n) await promote(tx, serial_key)
    return numDeletedRows > 0n
  }

  return {
    signalOf,

    /** Adds a job, unless one with the same key has not begun yet. */
    async add(tx: Tx, { type, payload, runAtMs, key, serialKey }: NewJob): Promise<void> {
      const [job_key, serial_key] = [columnOf(key), columnOf(serialKey)]
      if (serial_key) await lockSerial(tx, serial_key)
      const before =
        serial_key && (await living(tx).select('id').where('serial_key', '=', serial_key).executeTakeFirst())
      const row = {
        worker,
        type,
        payload: JSON.stringify(payload ?? null),
        state: before ? 'waiting' : 'pending',
        run_at_ms: runAtMs,
        due_ms: before ? null : runAtMs,
        attempt: 0,
        cancelled: 0,
        job_key,
        pending_key: job_key,
        serial_key,
        tm_create: tx.now(),
      }
      try {
        await tx.kysely.insertInto(table).values(row).execute()
      } catch (error) {
        if (!(error instanceof DuplicateError)) throw error
      }
      tx.signal(signalOf(type))
    },

    /** Lets the job with this key that has not begun run at that time, unless it would earlier. */
    async bringForward(tx: Tx, key: string, runAtMs: number): Promise<void> {
      await tx.kysely
        .updateTable(table)
        .set({ run_at_ms: runAtMs, due_ms: sql`case when due_ms is null then null else ${runAtMs} end` })
        .where('worker', '=', worker)
        .where('pending_key', '=', columnOf(key))
        .where('state', '!=', 'running')
        .where(sql<boolean>`coalesce(due_ms, run_at_ms) > ${runAtMs}`)
        .execute()
    },

    /** Takes away what has not begun; what runs is not repeated when it fails. */
    async cancel(tx: Tx, key: string): Promise<void> {
      const rows = await living(tx).select(['id', 'serial_key']).where('job_key', '=', columnOf(key)).execute()
      for (const { id, serial_key } of rows) {
        if (serial_key) await lockSerial(tx, serial_key as string)
        const { numDeletedRows } = await tx.kysely
          .deleteFrom(table)
          .where('id', '=', id)
          .where('state', 'in', ['pending', 'waiting'])
          .executeTakeFirst()
        if (numDeletedRows > 0n && serial_key) await promote(tx, serial_key as string)
        if (numDeletedRows === 0n)
          await tx.kysely.updateTable(table).set({ cancelled: 1 }).where('id', '=', id).execute()
      }
    },

    /** When the next job of the type may be taken. */
    async nextDueMs(type: string): Promise<number | undefined> {
      const row = await store.kysely
        .selectFrom(table)
        .select('due_ms')
        .where('worker', '=', worker)
        .where('type', '=', type)
        .where('due_ms', 'is not', null)
        .orderBy('due_ms')
        .limit(1)
        .executeTakeFirst()
      return row && Number(row.due_ms)
    },

    /** Takes up to `limit` jobs that are due, for `leaseMs`. */
    claim: ({ type, limit, leaseMs, keepKey }: { type: string; limit: number; leaseMs: number; keepKey: boolean }) =>
      store.transaction(async ({ dialect, kysely }): Promise<ClaimedJob[]> => {
        const due = kysely
          .selectFrom(table)
          .select(['id', 'type', 'payload', 'attempt', 'job_key', 'serial_key', 'tm_create'])
          .where('worker', '=', worker)
          .where('type', '=', type)
          .where('due_ms', '<=', Date.now())
          .orderBy('due_ms')
          .orderBy('id')
          .limit(limit)
        const rows = await (dialect === 'mysql' ? due.forUpdate().skipLocked() : due).execute()
        if (rows.length === 0) return []
        const claim = newId()
        const ids = rows.map(({ id }) => id as number)
        await kysely
          .updateTable(table)
          .set({ state: 'running', claim, due_ms: Date.now() + leaseMs, attempt: sql`attempt + 1` })
          .$if(!keepKey, (update) => update.set({ pending_key: null }))
          .where('id', 'in', ids)
          .execute()
        return rows.map((row) => ({ ...(row as unknown as ClaimedJob), attempt: Number(row.attempt) + 1, claim }))
      }),

    renew: (job: ClaimedJob, leaseMs: number) => change(store, job, { due_ms: Date.now() + leaseMs }),

    remove,

    /** Lets it run again at that time; `attempt` when this one shall not count. */
    async retry(
      tx: Tx,
      job: ClaimedJob,
      dueMs: number,
      { reason = null as string | null, attempt = job.attempt } = {},
    ): Promise<boolean> {
      const values = { state: 'pending', claim: null, due_ms: dueMs, attempt, reason, pending_key: job.job_key }
      try {
        const { numUpdatedRows } = await held(tx, job).set(values).where('cancelled', '=', 0).executeTakeFirst()
        tx.signal(signalOf(job.type))
        if (numUpdatedRows > 0n) return true
      } catch (error) {
        // Another with the same key has been added meanwhile: that one will do.
        if (!(error instanceof DuplicateError)) throw error
      }
      return remove(tx, job)
    },

    /** Keeps it for inspection, never to run again. */
    async bury(tx: Tx, job: ClaimedJob, reason: string): Promise<boolean> {
      if (job.serial_key) await lockSerial(tx, job.serial_key)
      const buried = await change(tx, job, { state: 'dead', claim: null, due_ms: null, pending_key: null, reason })
      if (buried && job.serial_key) await promote(tx, job.serial_key)
      return buried
    },

    async removeDead(before: string): Promise<void> {
      const dead = store.kysely.deleteFrom(table).where('worker', '=', worker).where('state', '=', 'dead')
      await dead.where('tm_create', '<', before).execute()
    },
  }
}
