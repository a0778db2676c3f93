import {
  context,
  INVALID_TRACEID,
  propagation,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api'

const tracer = trace.getTracer('@sidetone/bus')

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
  name: string,
  { kind, traceparent }: SpanStart,
  work: (traceparent: string | undefined) => Promise<T>,
): Promise<T> {
  const parent = traceparent ? propagation.extract(ROOT_CONTEXT, { traceparent }) : context.active()
  const span = tracer.startSpan(name, { kind }, parent)
  if (span.spanContext().traceId === INVALID_TRACEID) return work(undefined)
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
