import {
  context,
  type ProxyTracerProvider,
  propagation,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api'

const name = '@sidetone/bus'
const tracer = trace.getTracer(name)
/** Until somebody sets a provider the API's own has no delegate. */
const isTracing = () => (trace.getTracerProvider() as ProxyTracerProvider).getDelegateTracer(name) !== undefined

/** Which side of a message a span is on; `traceparent` is what came with it. */
interface SpanStart {
  kind: SpanKind
  traceparent?: string | undefined
}

export const calling: SpanStart = { kind: SpanKind.CLIENT }
export const reacting: SpanStart = { kind: SpanKind.CONSUMER }
export const answering = (traceparent: string | undefined): SpanStart => ({ kind: SpanKind.SERVER, traceparent })

/** Runs `work` in a span and hands it the trace context to send along. Costs next to nothing while tracing is off. */
export function inSpan<T>(
  spanName: string,
  { kind, traceparent }: SpanStart,
  work: (traceparent: string | undefined) => Promise<T>,
): Promise<T> {
  if (!isTracing()) return work(undefined)
  const parent = traceparent ? propagation.extract(ROOT_CONTEXT, { traceparent }) : context.active()
  const span = tracer.startSpan(spanName, { kind }, parent)
  const inside = trace.setSpan(parent, span)
  const carrier: { traceparent?: string } = {}
  propagation.inject(inside, carrier)
  return context
    .with(inside, () => work(carrier.traceparent))
    .catch((error: unknown) => {
      span.recordException(error as Error)
      span.setStatus({ code: SpanStatusCode.ERROR })
      throw error
    })
    .finally(() => span.end())
}
