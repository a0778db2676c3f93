import {
  type Actor,
  type Contract,
  type EventData,
  type EventEnvelope,
  type EventName,
  nilId,
} from '@sidetone/contract'
import { type RawBuilder, sql } from 'kysely'
import { newId } from './clock.ts'
import { compiledQueries } from './compiled.ts'
import type { Tx } from './store.ts'

/** Announces an event of a contract in the transaction that makes it true: `emit(tx, 'tag', 'created', tag)`. */
export type Emitter<C extends Contract> = <R extends Extract<keyof C['resources'], string>, E extends EventName<C, R>>(
  tx: Tx,
  resource: R,
  event: E,
  data: EventData<C, R, E>,
) => Promise<void>

/** What `tx.signal` says when events have been committed. */
export const outboxSignal = 'bus_outbox'

const compiled = compiledQueries()

/** Makes the emitter of a contract; `currentActor` says who is behind what is going on. */
export function createEmitter<C extends Contract>(
  contract: C,
  currentActor: () => Actor | undefined = () => undefined,
): Emitter<C> {
  return async (tx, resource, event, data) => {
    const type = `${resource}_${event}`
    const definition = contract.resources[resource]?.events[event]
    if (!definition) throw new Error(`${contract.name} has no event ${type}`)
    const parsed = definition.data.safeParse(data)
    if (!parsed.success) throw new Error(`${type} does not fit its schema: ${parsed.error.message}`)
    const { id, customer_id = nilId, owner_id = nilId } = parsed.data as Record<string, string | undefined>
    if (!id) throw new Error(`${type} has no id, so it belongs to no resource`)
    const sequence = await nextSequence(tx, resource, id)
    const envelope: EventEnvelope = {
      id: newId(),
      type,
      publisher: contract.name,
      customer_id,
      owner_id,
      resource,
      resource_id: id,
      sequence,
      time: tx.now(),
      actor: currentActor(),
      data: parsed.data,
    }
    const row = { publisher: contract.name, event: JSON.stringify(envelope) }
    const insert = () => tx.kysely.insertInto('bus_outbox').values(row)
    await tx.run(compiled(tx, 'outbox', [row.publisher, row.event], insert))
    tx.signal(outboxSignal)
  }
}

/** Counts per resource. The row stays locked until the transaction ends: numbers are committed in order and without gaps. */
async function nextSequence(tx: Tx, resource: string, resourceId: string): Promise<number> {
  const parameters = [resource, resourceId]
  if (tx.dialect === 'sqlite') {
    const upsert = () =>
      compilable(
        sql`insert into bus_sequence (resource, resource_id, sequence) values (${resource}, ${resourceId}, 1)
          on conflict (resource, resource_id) do update set sequence = sequence + 1 returning sequence`,
        tx,
      )
    const { rows } = await tx.run(compiled(tx, 'sequence', parameters, upsert))
    return rows[0]!.sequence as number
  }
  // The number comes back as the statement's insert id, which saves a query; a first row has none.
  const upsert = () =>
    compilable(
      sql`insert into bus_sequence (resource, resource_id, sequence) values (${resource}, ${resourceId}, 1)
        on duplicate key update sequence = last_insert_id(sequence + 1)`,
      tx,
    )
  const { insertId } = await tx.run(compiled(tx, 'sequence', parameters, upsert))
  return Number(insertId ?? 1)
}

const compilable = (query: RawBuilder<unknown>, { kysely }: Tx) => ({ compile: () => query.compile(kysely) })
