import { setTimeout as sleep } from 'node:timers/promises'
import { type Logger, pino } from 'pino'
import type { Registry } from 'prom-client'
import { busMetrics } from './metrics.ts'
import { openCalls } from './rabbit-calls.ts'
import { openEvents } from './rabbit-events.ts'
import { openLink } from './rabbit-link.ts'
import { serveQueue } from './rabbit-serve.ts'
import { type Closable, defaultDrainMs, type Transport } from './transport.ts'

interface RabbitOptions {
  /** `amqp://user:password@host:port/vhost` */
  url: string
  /** Shown by RabbitMQ beside the connection: which process it is. */
  name: string
  log?: Logger | undefined
  registry?: Registry | undefined
  retryDelaysMs?: readonly number[] | undefined
  /** Put before every queue and exchange, so that several platforms (or tests) can share a vhost. */
  prefix?: string | undefined
}

/** How long a broker that hangs may hold up the end of a process, beyond the drain. */
const goodbyeMs = 3_000

/** The bus over RabbitMQ. Rejects when the broker is not there; once connected, it reconnects by itself. */
export async function createRabbitTransport({
  url,
  name,
  log = pino(),
  registry,
  retryDelaysMs,
  prefix = '',
}: RabbitOptions): Promise<Transport> {
  // Two connections: the broker slows down whole connections, and a flood of events must not hold up answers.
  const [rpcLink, eventLink] = await Promise.all([
    openLink({ url, name: `${name} rpc`, log }),
    openLink({ url, name: `${name} events`, log }),
  ])
  const request = await openCalls(rpcLink)
  const metrics = busMetrics(registry)
  const { publish, subscribe } = await openEvents(eventLink, { prefix, retryDelaysMs, log, metrics })
  const open = new Set<Closable>()

  function track(closable: Closable): Closable {
    const tracked: Closable = {
      close: (options) => {
        open.delete(tracked)
        return closable.close(options)
      },
    }
    open.add(tracked)
    return tracked
  }

  return {
    request: (queue, envelope) => request(prefix + queue, envelope),
    publish,
    serve: async (queue, handler, { prefetch }) =>
      track(await serveQueue(rpcLink, { queue: prefix + queue, handler, prefetch, log })),
    subscribe: async (subscription) => track(await subscribe(subscription)),
    ready: () => rpcLink.ready() && eventLink.ready(),
    async close({ drainMs = defaultDrainMs } = {}) {
      const closed = Promise.all(Array.from(open, (closable) => closable.close({ drainMs })))
        .then(() => Promise.all([rpcLink.close(), eventLink.close()]))
        .then(() => true)
      const tooLate = new AbortController()
      const late = sleep(drainMs + goodbyeMs, false, { signal: tooLate.signal }).catch(() => false)
      if (await Promise.race([closed, late])) tooLate.abort()
      else log.warn('RabbitMQ did not say goodbye in time')
    },
  }
}
