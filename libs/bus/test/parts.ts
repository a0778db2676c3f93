import { setTimeout as sleep } from 'node:timers/promises'
import { type EventEnvelope, nilId, type ReplyEnvelope } from '@sidetone/contract'
import { pino } from 'pino'
import { afterEach } from 'vitest'
import type { IdempotencyStore, Transport } from '../src/index.ts'

export const silent = pino({ level: 'silent' })
export const retryDelaysMs = [5, 10]

/** A logger whose lines can be read. */
export function readableLog() {
  const lines: string[] = []
  return { log: pino({}, { write: (line: string) => void lines.push(line) }), lines }
}

/** What the database does in production. */
export function memoryIdempotency(): IdempotencyStore & { forgetOwner: () => void } {
  const rows = new Map<string, { requestHash: string; reply?: ReplyEnvelope; lost?: boolean }>()
  return {
    async begin(key, requestHash) {
      const row = rows.get(key)
      if (!row) {
        rows.set(key, { requestHash })
        return { state: 'new' }
      }
      if (row.requestHash !== requestHash) return { state: 'mismatch' }
      if (row.reply) return { state: 'done', reply: row.reply }
      return { state: row.lost ? 'lost' : 'running' }
    },
    async finish(key, reply) {
      rows.set(key, { ...rows.get(key)!, reply })
    },
    async abandon(key) {
      rows.delete(key)
    },
    forgetOwner: () => {
      for (const row of rows.values()) row.lost = true
    },
  }
}

let lastId = 0
/** Event number `sequence` of a resource. */
export const eventOf = (resource_id: string, sequence: number, type = 'example_created'): EventEnvelope => ({
  id: `event-${++lastId}`,
  type,
  publisher: 'example',
  customer_id: nilId,
  owner_id: nilId,
  resource: 'example',
  resource_id,
  sequence,
  time: '2026-08-22T10:00:00.123456Z',
  data: { number: sequence },
})

export async function until(what: () => boolean, timeoutMs = 5_000): Promise<void> {
  const end = Date.now() + timeoutMs
  while (!what()) {
    if (Date.now() > end) throw new Error('what the test waits for did not happen')
    await sleep(5)
  }
}

/** Opens transports and closes them after each test. `start` makes one of its own; all that one test starts reach each other. */
export function opener(start: () => Promise<Transport>): () => Promise<Transport> {
  const opened: Transport[] = []
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((transport) => transport.close({ drainMs: 1_000 })))
  })
  return async () => {
    const transport = await start()
    opened.push(transport)
    return transport
  }
}
