import { everyCustomer } from '@sidetone/contract'
import type { Resources } from '@sidetone/manager'
import type { Provider, routeContract } from '@sidetone/proto-schemas/route'
import type { Locate } from '@sidetone/sip-locate'
import { type ResourceTable, type Tx, timeAfter } from '@sidetone/store'
import { askOptions, placeOf } from './sip-options.ts'

interface Options extends Pick<Resources<typeof routeContract>, 'store' | 'jobs' | 'emit' | 'outbound' | 'log'> {
  providers: ResourceTable<Provider>
  locate: Locate
}

const intervalMs = 30_000
const jitterMs = 5_000
/** A proxy answers with these for a server behind it that does not. */
const nobodyThere = new Set<number | undefined>([undefined, 408, 503])

/** Asks each carrier every now and then whether it is there: one job row per carrier, which plans the next. */
export function watchHealth({ store, jobs, emit, outbound, log, providers, locate }: Options) {
  const keyOf = (id: string) => `probe:${id}`

  jobs.define<{ id: string }>('route.probe', {
    maxAttempts: Number.POSITIVE_INFINITY,
    backoff: () => intervalMs,
    concurrency: 32,
    timeoutMs: 20_000,
    async handler({ id }, { signal }) {
      const asked = await providers.find(store, everyCustomer, id)
      if (!asked) return
      const status = await probe({ outbound, locate }, asked.hostname, signal)
      signal.throwIfAborted()
      await store.transaction(async (tx) => {
        const provider = await providers.findLocked(tx, everyCustomer, id)
        if (!provider) return
        if (provider.hostname === asked.hostname) await keep(tx, provider, nobodyThere.has(status))
        const waitMs = intervalMs + (Math.random() * 2 - 1) * jitterMs
        await jobs.enqueue(tx, 'route.probe', { id }, { key: keyOf(id), runAt: timeAfter(waitMs) })
      })
    },
  })

  async function keep(tx: Tx, provider: Provider, absent: boolean): Promise<void> {
    const health_status = absent ? 'unhealthy' : 'healthy'
    const health = { health_status, health_checked_at: tx.now() } as const
    // Not through the table: nobody has changed the carrier, so its tm_update stays.
    await tx.kysely.updateTable(providers.name).set(health).where('id', '=', provider.id).execute()
    if (health_status === provider.health_status) return
    await emit(tx, 'provider', 'health_changed', { ...provider, ...health })
    const { id: provider_id, hostname } = provider
    tx.afterCommit(() => {
      if (absent) log.warn({ provider_id, hostname }, 'a carrier ceased to answer')
      else log.info({ provider_id, hostname }, 'a carrier answers')
    })
  }

  return {
    /** Asks a carrier at once, instead of when its turn comes. */
    async askSoon(tx: Tx, id: string): Promise<void> {
      await jobs.enqueue(tx, 'route.probe', { id }, { key: keyOf(id) })
    },
  }
}

/** So many servers of a carrier are asked until one is there. */
const mostAsked = 3

async function probe(
  { outbound, locate }: Pick<Options, 'outbound' | 'locate'>,
  hostname: string,
  signal: AbortSignal,
): Promise<number | undefined> {
  let status: number | undefined
  for (const place of (await locate(placeOf(hostname))).slice(0, mostAsked)) {
    // A name may lead elsewhere by now: what is judged is what is asked.
    const address = await outbound.addressOf(place.address).catch(() => undefined)
    status = address === undefined ? undefined : await askOptions({ hostname, ...place }, signal)
    if (!nobodyThere.has(status)) return status
  }
  return status
}
