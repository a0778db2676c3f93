import { Counter, Histogram, type Registry, register } from 'prom-client'

/** What the bus counts. */
export interface BusMetrics {
  clientSeconds: Histogram<'service' | 'operation' | 'status'>
  serverSeconds: Histogram<'service' | 'operation' | 'status'>
  eventsHandled: Counter<'subscriber' | 'type'>
  eventsDeadLetter: Counter<'subscriber' | 'type'>
  liveFeedDropped: Counter
}

const made = new WeakMap<Registry, BusMetrics>()
const buckets = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

/** The metrics of the bus on a registry, registered once. */
export function busMetrics(registry: Registry = register): BusMetrics {
  const known = made.get(registry)
  if (known) return known
  const registers = [registry]
  const rpcLabels = ['service', 'operation', 'status'] as const
  const eventLabels = ['subscriber', 'type'] as const
  const metrics: BusMetrics = {
    clientSeconds: new Histogram({
      name: 'rpc_client_seconds',
      help: 'Time from a call to its answer, retries included',
      labelNames: rpcLabels,
      buckets,
      registers,
    }),
    serverSeconds: new Histogram({
      name: 'rpc_server_seconds',
      help: 'Time from the start of a request to its answer',
      labelNames: rpcLabels,
      buckets,
      registers,
    }),
    eventsHandled: new Counter({
      name: 'events_handled_total',
      help: 'Events that a subscriber handled',
      labelNames: eventLabels,
      registers,
    }),
    eventsDeadLetter: new Counter({
      name: 'events_dead_letter_total',
      help: 'Events that a subscriber gave up',
      labelNames: eventLabels,
      registers,
    }),
    liveFeedDropped: new Counter({
      name: 'live_feed_dropped_total',
      help: 'Live messages that were not sent because the queue was full',
      registers,
    }),
  }
  made.set(registry, metrics)
  return metrics
}
