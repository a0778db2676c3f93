import {
  type Attributes,
  context,
  DiagLogLevel,
  diag,
  propagation,
  ROOT_CONTEXT,
  type Span,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api'

/** `endpoint` is the address of an OTLP/HTTP collector, as `http://collector:4318`; without it nothing is traced or loaded. */
export interface TracingOptions {
  service: string
  endpoint?: string | undefined
  /** Hears of spans that could not be delivered. */
  onError?: ((message: string) => void) | undefined
}

/** What `startTracing` started. */
export interface Tracing {
  /** Delivers what is left and stops. */
  close(): Promise<void>
}

/** Starts tracing for the whole process; call it once, before the first span. */
export async function startTracing({
  service,
  endpoint,
  onError = (message) => process.emitWarning(message),
}: TracingOptions): Promise<Tracing> {
  if (!endpoint) return { async close() {} }
  const url = collectorUrl(endpoint)
  const [
    sdk,
    { OTLPTraceExporter },
    { AsyncLocalStorageContextManager },
    { W3CTraceContextPropagator },
    { resourceFromAttributes },
  ] = await Promise.all([
    import('@opentelemetry/sdk-trace'),
    import('@opentelemetry/exporter-trace-otlp-http'),
    import('@opentelemetry/context-async-hooks'),
    import('@opentelemetry/core'),
    import('@opentelemetry/resources'),
  ])
  const provider = new sdk.TracerProvider({
    resource: resourceFromAttributes({ 'service.name': service }),
    spanProcessors: [new sdk.BatchSpanProcessor({ exporter: new OTLPTraceExporter({ url, timeoutMillis: 5000 }) })],
  })
  if (!trace.setGlobalTracerProvider(provider)) throw new Error('tracing is already started in this process')
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
  propagation.setGlobalPropagator(new W3CTraceContextPropagator())
  diag.setLogger({ error: onError, warn: onError, info() {}, debug() {}, verbose() {} }, DiagLogLevel.WARN)

  return {
    async close() {
      // A collector that is away must not keep a process from ending.
      await provider.shutdown().catch((error: Error) => onError(error.message))
      for (const api of [trace, context, propagation, diag]) api.disable()
    },
  }
}

/** Runs `fn` inside a span; an error marks the span and goes on to the caller. */
export function withSpan<T>(name: string, attributes: Attributes, fn: (span: Span) => Promise<T>): Promise<T> {
  return trace.getTracer('sidetone').startActiveSpan(name, { attributes }, async (span) => {
    try {
      return await fn(span)
    } catch (error) {
      span.recordException(error as Error)
      span.setStatus({ code: SpanStatusCode.ERROR, message: error instanceof Error ? error.message : String(error) })
      throw error
    } finally {
      span.end()
    }
  })
}

/** Writes the current trace into the carrier (`traceparent`, `tracestate`) and returns it. */
export function injectTrace<Carrier extends { traceparent?: string; tracestate?: string }>(carrier: Carrier): Carrier {
  propagation.inject(context.active(), carrier)
  return carrier
}

/** Runs `fn` so that its spans continue the trace in the carrier, if there is one. */
export function extractTrace<T>(
  carrier: { traceparent?: string | undefined; tracestate?: string | undefined },
  fn: () => T,
): T {
  return context.with(propagation.extract(ROOT_CONTEXT, carrier), fn)
}

function collectorUrl(endpoint: string): string {
  const url = URL.parse(endpoint)
  if (!url || !/^https?:$/.test(url.protocol)) {
    throw new TypeError(`OTEL_EXPORTER_OTLP_ENDPOINT '${endpoint}' is no http:// or https:// address`)
  }
  return url.href.endsWith('/v1/traces') ? url.href : `${url.href.replace(/\/$/, '')}/v1/traces`
}
