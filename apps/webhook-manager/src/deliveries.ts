import type { Page, PageQuery } from '@sidetone/contract'
import type { WebhookDelivery } from '@sidetone/proto-schemas/webhook'
import { readNumberToken, type Store, type Tx, timeAfter } from '@sidetone/store'

/** An event that an endpoint shall get; with a reason it is given up at once, and only kept for a replay. */
export interface NewDelivery {
  endpoint_id: string
  customer_id: string
  event_id: string
  event_type: string
  resource_id: string
  body: string
  givenUp: string | undefined
}

/** What may be sent now: the first of its line, which is an endpoint and a resource. */
export interface DueDelivery {
  position: number
  line: string
  event_id: string
  attempts: number
  body: string
}

/** How an attempt ended; with `tm_due` there will be another. */
export interface Outcome extends Pick<DueDelivery, 'position' | 'line'> {
  status: WebhookDelivery['status']
  status_code: number
  error: string
  tm_due: string | null
}

const table = 'webhook_delivery'
const batchSize = 200
const lineOf = (endpoint_id: string, resource_id: string) => `${endpoint_id}|${resource_id}`

/** The queue of each endpoint, and its log: one row per event and endpoint. */
export type Deliveries = ReturnType<typeof openDeliveries>

export function openDeliveries(store: Store) {
  /** Adds what is not there yet; those of a line wait for each other. Returns the endpoints for which something is due now. */
  async function add(tx: Tx, given: NewDelivery[]): Promise<Set<string>> {
    const fresh = await unknown(tx, given)
    const busy = await busyLines(
      tx,
      fresh.map(({ endpoint_id, resource_id }) => lineOf(endpoint_id, resource_id)),
    )
    const now = tx.now()
    const rows = fresh.map(({ givenUp, ...delivery }) => {
      const line = givenUp === undefined ? lineOf(delivery.endpoint_id, delivery.resource_id) : null
      const first = line !== null && !busy.has(line)
      if (first) busy.add(line)
      return {
        ...delivery,
        status: line === null ? 'failed' : 'pending',
        line,
        tm_due: first ? now : null,
        attempts: 0,
        status_code: 0,
        error: givenUp ?? '',
        tm_create: now,
      }
    })
    for (const some of chunks(rows)) await tx.kysely.insertInto(table).values(some).execute()
    return new Set(rows.filter(({ tm_due }) => tm_due !== null).map(({ endpoint_id }) => endpoint_id))
  }

  async function unknown(tx: Tx, given: NewDelivery[]): Promise<NewDelivery[]> {
    const known = new Set<string>()
    for (const ids of chunks([...new Set(given.map(({ event_id }) => event_id))])) {
      const rows = await tx.kysely
        .selectFrom(table)
        .select(['event_id', 'endpoint_id'])
        .where('event_id', 'in', ids)
        .execute()
      for (const { event_id, endpoint_id } of rows) known.add(`${event_id} ${endpoint_id}`)
    }
    return given.filter(({ event_id, endpoint_id }) => {
      const key = `${event_id} ${endpoint_id}`
      return !known.has(key) && known.add(key)
    })
  }

  /** The lines in which something is left to be sent. Whoever ends one of them waits until this transaction is over, or this for that. */
  async function busyLines(tx: Tx, lines: string[]): Promise<Set<string>> {
    const busy = new Set<string>()
    for (const some of chunks([...new Set(lines)])) {
      const left = tx.kysely.selectFrom(table).select('line').where('line', 'in', some)
      for (const { line } of await (tx.dialect === 'mysql' ? left.forUpdate() : left).execute())
        busy.add(line as string)
    }
    return busy
  }

  /** Lets the first of each line come that has none on its way. */
  async function promote(tx: Tx, lines: string[]): Promise<void> {
    for (const some of chunks([...new Set(lines)])) {
      const heads = await tx.kysely
        .selectFrom(table)
        .select(({ fn }) => [fn.min('position').as('first'), fn.max('tm_due').as('tm_due')])
        .where('line', 'in', some)
        .groupBy('line')
        .execute()
      const positions = heads.filter(({ tm_due }) => tm_due === null).map(({ first }) => first)
      if (positions.length === 0) continue
      await tx.kysely.updateTable(table).set({ tm_due: tx.now() }).where('position', 'in', positions).execute()
    }
  }

  /** The endpoint's next ones, those left out that are on their way. */
  async function due(endpoint_id: string, limit: number, sending: number[]): Promise<DueDelivery[]> {
    const rows = await store.kysely
      .selectFrom(table)
      .select(['position', 'line', 'event_id', 'attempts', 'body'])
      .where('endpoint_id', '=', endpoint_id)
      .where('tm_due', '<=', timeAfter(0))
      .$if(sending.length > 0, (query) => query.where('position', 'not in', sending))
      .orderBy('tm_due')
      .orderBy('position')
      .limit(limit)
      .execute()
    return rows.map((row) => ({ ...(row as unknown as DueDelivery), position: Number(row.position) }))
  }

  async function nextDue(endpoint_id: string): Promise<string | undefined> {
    const row = await store.kysely
      .selectFrom(table)
      .select('tm_due')
      .where('endpoint_id', '=', endpoint_id)
      .where('tm_due', 'is not', null)
      .orderBy('tm_due')
      .limit(1)
      .executeTakeFirst()
    return row?.tm_due as string | undefined
  }

  /** Keeps how attempts ended; what was given up meanwhile stays so. */
  async function settle(tx: Tx, outcomes: Outcome[]): Promise<void> {
    const alike = Map.groupBy(outcomes, ({ status, status_code, error, tm_due }) =>
      [status, status_code, tm_due, error].join(' '),
    )
    for (const same of alike.values()) {
      const { status, status_code, error, tm_due } = same[0]!
      await tx.kysely
        .updateTable(table)
        .set(({ eb, ref }) => ({
          ...{ status, status_code, error, tm_due, tm_update: tx.now() },
          ...(tm_due === null && { line: null }),
          attempts: eb(ref('attempts'), '+', 1),
        }))
        .where(
          'position',
          'in',
          same.map(({ position }) => position),
        )
        .where('status', '=', 'pending')
        .execute()
    }
    await promote(
      tx,
      outcomes.filter(({ tm_due }) => tm_due === null).map(({ line }) => line),
    )
  }

  /** Everything of an endpoint that is still to be sent. */
  const unsent = (tx: Tx, endpoint_id: string) =>
    tx.kysely.updateTable(table).where('line', '>', `${endpoint_id}|`).where('line', '<', `${endpoint_id}}`)

  async function giveUpAll(tx: Tx, endpoint_id: string, error: string): Promise<void> {
    const values = { status: 'failed', line: null, tm_due: null, error, tm_update: tx.now() }
    await unsent(tx, endpoint_id).set(values).execute()
  }

  /** What waits for its next attempt need not. */
  async function hurry(tx: Tx, endpoint_id: string): Promise<void> {
    await unsent(tx, endpoint_id).set({ tm_due: tx.now() }).where('tm_due', 'is not', null).execute()
  }

  /** Lets what has ended be sent anew, in its old place. */
  async function restore(tx: Tx, rows: Record<string, unknown>[]): Promise<void> {
    const lines: string[] = []
    for (const { position, endpoint_id, resource_id } of rows) {
      const line = lineOf(endpoint_id as string, resource_id as string)
      lines.push(line)
      const values = { status: 'pending', line, attempts: 0, error: '', status_code: 0 }
      await tx.kysely.updateTable(table).set(values).where('position', '=', position).execute()
    }
    await promote(tx, lines)
  }

  async function find(tx: Tx, endpoint_id: string, event_id: string): Promise<Record<string, unknown> | undefined> {
    return tx.kysely
      .selectFrom(table)
      .selectAll()
      .where('event_id', '=', event_id)
      .where('endpoint_id', '=', endpoint_id)
      .executeTakeFirst()
  }

  return {
    add,
    due,
    nextDue,
    settle,
    giveUpAll,
    hurry,

    /** Undefined when there is no such delivery. */
    async replay(tx: Tx, endpoint_id: string, event_id: string): Promise<WebhookDelivery | undefined> {
      const row = await find(tx, endpoint_id, event_id)
      if (!row) return undefined
      if (row.status !== 'pending') await restore(tx, [row])
      return decode((await find(tx, endpoint_id, event_id))!)
    },

    /** Restores a batch of what was given up since, in order; those after `after`. */
    async replayFailed(tx: Tx, endpoint_id: string, { since, after }: { since: string; after: number }) {
      const rows = await tx.kysely
        .selectFrom(table)
        .select(['position', 'endpoint_id', 'resource_id'])
        .where('endpoint_id', '=', endpoint_id)
        .where('position', '>', after)
        .where('status', '=', 'failed')
        .where('tm_create', '>=', since)
        .orderBy('position')
        .limit(batchSize)
        .execute()
      await restore(tx, rows)
      return { count: rows.length, last: rows.length < batchSize ? undefined : Number(rows.at(-1)!.position) }
    },

    /** Newest first. */
    async page(
      endpoint_id: string,
      { page_size, page_token, status }: PageQuery & { status: WebhookDelivery['status'] | '' },
    ): Promise<Page<WebhookDelivery>> {
      const rows = await store.kysely
        .selectFrom(table)
        .selectAll()
        .where('endpoint_id', '=', endpoint_id)
        .where('position', '<', readNumberToken(page_token))
        .$if(status !== '', (query) => query.where('status', '=', status))
        .orderBy('position', 'desc')
        .limit(page_size + 1)
        .execute()
      const shown = rows.slice(0, page_size)
      return {
        result: shown.map(decode),
        next_page_token: rows.length > page_size ? String(shown.at(-1)!.position) : '',
      }
    },

    /** Forgets what was made before that time and has ended. */
    async purge(before: string): Promise<void> {
      for (let after = 0; ; ) {
        const rows = await store.kysely
          .selectFrom(table)
          .select(['position', 'status', 'tm_create'])
          .where('position', '>', after)
          .orderBy('position')
          .limit(batchSize)
          .execute()
        const old = rows.filter(({ tm_create }) => (tm_create as string) < before)
        const ended = old.filter(({ status }) => status !== 'pending').map(({ position }) => position)
        if (ended.length > 0) await store.kysely.deleteFrom(table).where('position', 'in', ended).execute()
        if (old.length < batchSize) return
        after = Number(rows.at(-1)!.position)
      }
    },
  }
}

function* chunks<T>(items: T[]): Generator<T[]> {
  for (let start = 0; start < items.length; start += batchSize) yield items.slice(start, start + batchSize)
}

const decode = ({ endpoint_id, event_id, tm_due, line: _l, body: _b, position: _p, ...row }: Record<string, unknown>) =>
  ({ ...row, id: event_id, webhook_endpoint_id: endpoint_id, tm_next_attempt: tm_due }) as WebhookDelivery
