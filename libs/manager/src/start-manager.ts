import { type Closable, createClient, currentRequest, serveContract, type Transport } from '@sidetone/bus'
import type { Client, Contract, EventEnvelope } from '@sidetone/contract'
import { createJobs } from '@sidetone/jobs'
import {
  createEmitter,
  createIdempotencyStore,
  forgetSequencesBefore,
  keepDeadLetter,
  once,
  pruneDeadLetters,
  pruneInbox,
  timeAfter,
} from '@sidetone/store'
import type { z } from 'zod'
import type { Manager, Reaction } from './manager.ts'
import type { Platform } from './platform.ts'

export interface RunningManager {
  close: (options: { drainMs: number }) => Promise<void>
}

const hourMs = 3_600_000
/** An event may come again as long as a broker may keep it. */
const keepInboxMs = 7 * 24 * hourMs
const keepIdempotencyMs = 24 * hourMs

/** Whoever asks another manager inside a transaction holds the database's lock for as long as that one takes; SQLite would even wait for itself. */
const outsideTransactions = ({ store, transport }: Platform): Transport => ({
  ...transport,
  request(queue, envelope) {
    if (store.inTransaction()) throw new Error(`${queue} was asked inside a transaction; ask before it, or after`)
    return transport.request(queue, envelope)
  },
})

/** Starts a manager on a platform: build, then jobs and reactions, and requests last. */
export async function startManager<C extends Contract, S extends z.ZodObject>(
  manager: Manager<C, S>,
  platform: Platform,
  settings: z.output<S>,
): Promise<RunningManager> {
  const { contract } = manager
  const { store, transport, cache, files, secrets, outbound } = platform
  const log = platform.log.child({ service: contract.name })
  const jobs = createJobs({ store, log, name: contract.name })
  const client = <T extends Contract>(other: T): Client<T> =>
    createClient(other, { transport: outsideTransactions(platform), publisher: contract.name })

  const behaviour = await manager.build({
    settings,
    log,
    store,
    emit: createEmitter(contract, () => currentRequest()?.actor),
    client,
    jobs,
    cache,
    files,
    fileSigner: platform.fileSigner,
    feed: platform.feed,
    secrets,
    outbound,
    publicUrl: platform.publicUrl,
  })
  await behaviour.start?.()
  const closables: Closable[] = []
  const reactions = behaviour.reactions ?? []
  if (reactions.length > 0) {
    closables.push(
      await transport.subscribe({
        name: contract.name,
        types: reactions.some(({ types }) => types === 'all') ? 'all' : reactions.flatMap(({ types }) => types),
        handler: (event) => react(reactions, event),
        onDeadLetter: (event, reason) => keepDeadLetter(store, contract.name, event, reason),
      }),
    )
  }
  const idempotency = createIdempotencyStore(store, { leaseMs: 60_000, keepMs: keepIdempotencyMs, secrets })
  jobs.every(`${contract.name}.housekeeping`, {
    everyMs: hourMs,
    timeoutMs: hourMs / 6,
    handler: async () => {
      await pruneInbox(store, keepInboxMs)
      await idempotency.prune()
      const before = timeAfter(-platform.settings.DELETED_RETENTION_DAYS * 24 * hourMs)
      await jobs.removeDead(before)
      await pruneDeadLetters(store, before)
      for (const [resource, table] of Object.entries(behaviour.purges ?? {})) {
        await (table ? table.purge(store, before, resource) : forgetSequencesBefore(store, resource, before))
      }
    },
  })
  const server = await serveContract(contract, behaviour.handlers, { transport, log, idempotency })
  jobs.start()

  async function react(all: Reaction[], event: EventEnvelope): Promise<void> {
    for (const { types, inTransaction, run } of all) {
      if (types !== 'all' && !types.includes(event.type)) continue
      if (inTransaction) {
        await store.transaction(async (tx) => {
          if (await once(tx, contract.name, event.id)) await inTransaction(tx, event)
        })
      }
      await run?.(event)
    }
  }

  return {
    async close({ drainMs }) {
      await server.close({ drainMs })
      await Promise.all(closables.map((closable) => closable.close({ drainMs })))
      await jobs.close({ drainMs })
      await behaviour.stop?.()
    },
  }
}
