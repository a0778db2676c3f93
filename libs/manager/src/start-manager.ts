import { type Closable, createClient, serveContract } from '@sidetone/bus'
import type { Client, Contract, EventEnvelope } from '@sidetone/contract'
import { createJobs } from '@sidetone/jobs'
import { createEmitter, createIdempotencyStore, once } from '@sidetone/store'
import type { z } from 'zod'
import type { Manager, Reaction } from './manager.ts'
import type { Platform } from './platform.ts'

export interface RunningManager {
  close: (options: { drainMs: number }) => Promise<void>
}

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
    createClient(other, { transport, publisher: contract.name })

  const behaviour = await manager.build({
    settings,
    log,
    store,
    emit: createEmitter(contract),
    client,
    jobs,
    cache,
    files,
    fileSigner: platform.fileSigner,
    feed: platform.feed,
    secrets,
    outbound,
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
      }),
    )
  }
  const idempotency = createIdempotencyStore(store, { leaseMs: 60_000, keepMs: 86_400_000 })
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
