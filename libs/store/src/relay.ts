import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'
import type { EventEnvelope } from '@sidetone/contract'
import type { Logger } from 'pino'
import { outboxSignal } from './emitter.ts'
import type { Store } from './store.ts'

export interface RelayOptions {
  store: Store
  /** Resolves when the event can no longer be lost. */
  publish: (event: EventEnvelope) => Promise<void>
  /** Whose events; absent: everybody's. */
  publisher?: string | undefined
  log: Pick<Logger, 'error' | 'warn'>
  /** How many events may be on their way at a time. */
  window?: number | undefined
}

export interface Relay {
  /** Resolves when nothing committed is left to publish. */
  idle: () => Promise<void>
  /** Publishes what is committed, for at most `drainMs`, and stops. What is left goes out after the next start. */
  close: (options?: { drainMs?: number }) => Promise<void>
}

interface Row {
  position: number
  event: EventEnvelope
}

const pollMs = 1_000
/** Rows are deleted together, that many milliseconds' worth: a commit for each would cost as much as all the rest. */
const deleteEveryMs = 10
const idlePollMs = 5
const longestBackoffMs = 10_000

/**
 * Publishes what is in the outbox: at least once, in order per resource, one process at a time. Rows are found by being
 * there and forgotten by being deleted; a cursor would miss those that commit late.
 */
export function startRelay({ store, publish, publisher, log, window = 512 }: RelayOptions): Relay {
  const closing = new AbortController()
  let leading = false

  const rowsFirst = (limit: number) => {
    const rows = store.kysely.selectFrom('bus_outbox').orderBy('position').limit(limit)
    return publisher === undefined ? rows : rows.where('publisher', '=', publisher)
  }

  async function run(): Promise<void> {
    while (!closing.signal.aborted) {
      const lock = await store.lock(`relay:${publisher ?? '*'}`, closing.signal)
      if (!lock) return
      leading = true
      await relayUntil(AbortSignal.any([closing.signal, lock.lost]))
      leading = false
      await lock.release()
    }
  }

  async function relayUntil(stop: AbortSignal): Promise<void> {
    /** The rows on their way, by resource, in order; only the first of each is being published. */
    const chains = new Map<string, Row[]>()
    const known = new Set<number>()
    const published: number[] = []
    /** Pending while published rows wait for others to be deleted with. */
    let deletion: NodeJS.Timeout | undefined
    /** There may be rows that are not known yet. */
    let unread = true
    let wake = Promise.withResolvers<void>()
    const wakeUp = () => wake.resolve()
    const lookAgain = () => {
      unread = true
      wakeUp()
    }
    const unlisten = store.onSignal(outboxSignal, lookAgain)
    stop.addEventListener('abort', wakeUp)

    async function load(): Promise<void> {
      if (!unread || known.size >= window) return
      unread = false
      const rows = await rowsFirst(window).select(['position', 'event']).execute()
      // Others may wait behind these.
      if (rows.length === window) unread = true
      for (const row of rows) {
        const position = Number(row.position)
        if (known.has(position)) continue
        known.add(position)
        const event = JSON.parse(row.event as string) as EventEnvelope
        const key = `${event.resource}:${event.resource_id}`
        const chain = chains.get(key)
        chain?.push({ position, event })
        if (!chain) void publishAll(key, [{ position, event }])
      }
    }

    async function publishAll(key: string, chain: Row[]): Promise<void> {
      chains.set(key, chain)
      for (let row = chain[0]; row && (await publishOne(row.event)); row = chain[0]) {
        published.push(row.position)
        chain.shift()
        deletion ??= setTimeout(deleteNow, deleteEveryMs)
      }
      // Left behind at a stop: the rows are still in the table.
      chains.delete(key)
    }

    /** Tries for as long as it takes: were it left out, later events of its resource would overtake it. */
    async function publishOne(event: EventEnvelope): Promise<boolean> {
      for (let failures = 0; !stop.aborted; ) {
        try {
          await publish(event)
          return true
        } catch (err) {
          failures++
          log.warn({ event_id: event.id, type: event.type, failures, err }, 'event could not be published')
        }
        const backoffMs = Math.min(2 ** failures * 50, longestBackoffMs) * (0.5 + Math.random() / 2)
        await sleep(backoffMs, undefined, { signal: stop }).catch(() => undefined)
      }
      return false
    }

    function deleteNow(): void {
      deletion = undefined
      wakeUp()
    }

    async function deletePublished(): Promise<void> {
      while (published.length > 0) {
        // Lists of few different lengths, for which few statements have to be prepared.
        const positions = published.slice(0, 2 ** Math.floor(Math.log2(published.length)))
        await store.kysely.deleteFrom('bus_outbox').where('position', 'in', positions).execute()
        published.splice(0, positions.length)
        for (const position of positions) known.delete(position)
      }
    }

    while (!stop.aborted) {
      wake = Promise.withResolvers()
      // What is committed in the same turn of the event loop is read together.
      await nextTurn()
      try {
        if (!deletion) await deletePublished()
        await load()
      } catch (err) {
        log.error({ err }, 'the outbox could not be read')
        await sleep(pollMs, undefined, { signal: stop }).catch(() => undefined)
        lookAgain()
      }
      const poll = setTimeout(lookAgain, pollMs)
      await wake.promise
      clearTimeout(poll)
    }
    unlisten()
    clearTimeout(deletion)
    await deletePublished().catch((err) => log.error({ err }, 'published events stay in the outbox and go out again'))
  }

  const running = run()

  async function idle(endMs = Number.POSITIVE_INFINITY): Promise<void> {
    while (Date.now() < endMs && (await rowsFirst(1).select('position').execute()).length > 0) await sleep(idlePollMs)
  }

  return {
    idle: () => idle(),
    async close({ drainMs = 5_000 } = {}) {
      // Without the lock it is another process that publishes.
      if (leading) {
        await idle(Date.now() + drainMs).catch((err) => log.error({ err }, 'the outbox could not be drained'))
      }
      closing.abort()
      await running
    },
  }
}
