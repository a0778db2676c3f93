import { Counter, collectDefaultMetrics, Gauge, Histogram, type Metric, Registry, register } from 'prom-client'

/** What every metric says of itself; a name belongs to the whole process, whoever asks for it. */
interface MetricOptions<Label extends string> {
  name: string
  help: string
  labels?: readonly Label[] | undefined
}

let observing = false

/** The process's one registry, on which libraries that use prom-client themselves register too. */
function registry(): Registry {
  // At first use, so that importing starts no timers and no observers.
  if (!observing) {
    observing = true
    collectDefaultMetrics({ register })
  }
  return register
}

/** The counter of this name, made at first asking. Names end in `_total`. */
export function counter<Label extends string = never>({
  name,
  help,
  labels = [],
}: MetricOptions<Label>): Counter<Label> {
  return once(
    Counter<Label>,
    name,
    labels,
    () => new Counter({ name, help, labelNames: [...labels], registers: [registry()] }),
  )
}

/** The gauge of this name, made at first asking. */
export function gauge<Label extends string = never>({ name, help, labels = [] }: MetricOptions<Label>): Gauge<Label> {
  return once(
    Gauge<Label>,
    name,
    labels,
    () => new Gauge({ name, help, labelNames: [...labels], registers: [registry()] }),
  )
}

/** The histogram of this name, made at first asking; `buckets` in the unit that the name ends with (seconds by default). */
export function histogram<Label extends string = never>({
  name,
  help,
  labels = [],
  buckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
}: MetricOptions<Label> & { buckets?: number[] | undefined }): Histogram<Label> {
  return once(
    Histogram<Label>,
    name,
    labels,
    () => new Histogram({ name, help, labelNames: [...labels], buckets, registers: [registry()] }),
  )
}

/** All metrics of the process in the Prometheus text format. */
export function metricsText(): Promise<string> {
  return registry().metrics()
}

/** The Content-Type of `metricsText`. */
export const metricsContentType = Registry.PROMETHEUS_CONTENT_TYPE

const labelsOf = new Map<string, string>()

function once<M extends Metric>(
  kind: abstract new (...args: never[]) => M,
  name: string,
  labels: readonly string[],
  make: () => M,
): M {
  const known = registry().getSingleMetric(name)
  if (!known) {
    const made = make()
    labelsOf.set(name, labels.join())
    return made
  }
  if (!(known instanceof kind) || labelsOf.get(name) !== labels.join()) {
    throw new TypeError(
      `the metric '${name}' exists with another kind or other labels (${labelsOf.get(name) ?? 'its own'})`,
    )
  }
  return known
}
