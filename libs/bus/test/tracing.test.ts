import { context, propagation, trace } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import { W3CTraceContextPropagator } from '@opentelemetry/core'
import { InMemorySpanExporter, SimpleSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace'
import { Registry } from 'prom-client'
import { afterEach, expect, test } from 'vitest'
import { createClient, createInProcessTransport, serveContract } from '../src/index.ts'
import { exampleContract, exampleHandlers, identity } from './example.ts'
import { eventOf, silent } from './parts.ts'

afterEach(() => {
  trace.disable()
  context.disable()
  propagation.disable()
})

test('a call, its nested call and the code inside them are one trace', async () => {
  const exporter = new InMemorySpanExporter()
  trace.setGlobalTracerProvider(new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter })] }))
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
  propagation.setGlobalPropagator(new W3CTraceContextPropagator())

  const transport = createInProcessTransport({ log: silent, registry: new Registry() })
  const { example } = createClient(exampleContract, { transport, publisher: 'test', registry: new Registry() })
  const handlers = exampleHandlers({
    search: async () => {
      const span = trace.getTracer('test').startSpan('query')
      await example.get({ id: '1' }, { identity }).catch(() => undefined)
      span.end()
      return { found: '' }
    },
    get: async () => {
      throw new Error('no')
    },
  })
  await serveContract(exampleContract, handlers, { transport, log: silent, registry: new Registry() })
  await example.search({}, { identity })

  const spans = exporter.getFinishedSpans()
  const nameOf = (id: string | undefined) => spans.find((span) => span.spanContext().spanId === id)?.name
  const tree = spans.map((span) => [span.name, nameOf(span.parentSpanContext?.spanId)])
  expect(Object.fromEntries(tree)).toEqual({
    'call example.search': undefined,
    'answer example.search': 'call example.search',
    query: 'answer example.search',
    'call example.get': 'answer example.search',
    'answer example.get': 'call example.get',
  })
  expect(new Set(spans.map((span) => span.spanContext().traceId)).size).toBe(1)
  const failed = spans.filter((span) => span.status.code !== 0).map((span) => span.name)
  expect(failed).toContain('call example.get')

  exporter.reset()
  await transport.subscribe({ name: 'listener', types: 'all', handler: async () => undefined })
  await transport.publish(eventOf('r1', 1))
  expect(exporter.getFinishedSpans().map((span) => span.name)).toEqual(['listener example_created'])
})
