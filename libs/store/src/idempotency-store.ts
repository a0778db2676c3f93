import type { ReplyEnvelope } from '@sidetone/contract'
import { timeAfter } from './clock.ts'
import { DuplicateError } from './errors.ts'
import type { ColumnSecrets } from './row-codec.ts'
import type { Store } from './store.ts'

type Begun = { state: 'new' } | { state: 'done'; reply: ReplyEnvelope } | { state: 'running' | 'lost' | 'mismatch' }

/** Remembers the answers to requests that must not take effect twice; `libs/bus` says what each method means. */
export interface IdempotencyStore {
  begin: (key: string, requestHash: string) => Promise<Begun>
  finish: (key: string, reply: ReplyEnvelope) => Promise<void>
  abandon: (key: string) => Promise<void>
  /** Forgets what is older than `keepMs`. */
  prune: () => Promise<void>
}

interface Options {
  /** An attempt that has not finished by then is taken for dead. */
  leaseMs: number
  keepMs: number
  /** Answers may hold secrets that are shown once, so they are encrypted at rest. */
  secrets: ColumnSecrets
}

/** The memory of requests in the database, shared by all processes. */
export function createIdempotencyStore({ kysely }: Store, { leaseMs, keepMs, secrets }: Options): IdempotencyStore {
  const table = 'bus_idempotency'
  const contextOf = (key: string) => `${table}.reply.${key}`

  async function insert(key: string, request_hash: string): Promise<boolean> {
    const times = { lease_until: timeAfter(leaseMs), tm_create: timeAfter(0) }
    try {
      await kysely
        .insertInto(table)
        .values({ idempotency_key: key, request_hash, reply: null, ...times })
        .execute()
      return true
    } catch (error) {
      if (error instanceof DuplicateError) return false
      throw error
    }
  }

  return {
    async begin(key, requestHash) {
      for (;;) {
        if (await insert(key, requestHash)) return { state: 'new' }
        const row = await kysely.selectFrom(table).selectAll().where('idempotency_key', '=', key).executeTakeFirst()
        // Abandoned in between.
        if (!row) continue
        const { request_hash, reply, lease_until, tm_create } = row as Record<string, string>
        if (tm_create! < timeAfter(-keepMs)) {
          await kysely.deleteFrom(table).where('idempotency_key', '=', key).where('tm_create', '=', tm_create).execute()
          continue
        }
        if (request_hash !== requestHash) return { state: 'mismatch' }
        if (reply) return { state: 'done', reply: JSON.parse(secrets.decrypt(reply, contextOf(key))) as ReplyEnvelope }
        return { state: lease_until! > timeAfter(0) ? 'running' : 'lost' }
      }
    },
    async finish(key, reply) {
      await kysely
        .updateTable(table)
        .set({ reply: secrets.encrypt(JSON.stringify(reply), contextOf(key)) })
        .where('idempotency_key', '=', key)
        .execute()
    },
    async abandon(key) {
      await kysely.deleteFrom(table).where('idempotency_key', '=', key).where('reply', 'is', null).execute()
    },
    async prune() {
      await kysely.deleteFrom(table).where('tm_create', '<', timeAfter(-keepMs)).execute()
    },
  }
}
