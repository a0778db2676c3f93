import { spawnSync } from 'node:child_process'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { json } from 'node:stream/consumers'
import { trace } from '@opentelemetry/api'
import fc from 'fast-check'
import { afterEach, describe, expect, test } from 'vitest'
import {
  counter,
  createLogger,
  extractTrace,
  gauge,
  histogram,
  injectTrace,
  metricsText,
  startTracing,
  type Tracing,
  withSpan,
} from './index.ts'

describe('a logger', () => {
  const lines: string[] = []
  const destination = { write: (line: string) => void lines.push(line) }
  const log = createLogger({ service: 'call-manager', level: 'info', destination })
  const last = () => JSON.parse(lines.at(-1)!)
  afterEach(() => void lines.splice(0))

  test('writes one JSON line with service, level, ISO time and message', () => {
    log.info({ call_id: 'c1' }, 'answered')
    expect(last()).toMatchObject({ level: 'info', service: 'call-manager', call_id: 'c1', msg: 'answered' })
    expect(new Date(last().time).toISOString()).toBe(last().time)
    log.debug('below the level')
    expect(lines).toHaveLength(1)
  })

  test('hides sensitive values at any depth, and in child loggers', () => {
    const given = {
      sip_password: 'pass1000',
      digits: '4711',
      list: [{ headers: { Authorization: 'Bearer x' } }],
      name: 'kept',
    }
    log.info(given, 'x')
    expect(last()).toMatchObject({
      sip_password: '[hidden]',
      digits: '[hidden]',
      list: [{ headers: { Authorization: '[hidden]' } }],
      name: 'kept',
    })
    expect(given.digits).toBe('4711')
    log.child({ token: 'abc', call_id: 'c1' }).info({ apiKey: 'k', context: 'kept', token_count: 3 }, 'y')
    expect(last()).toMatchObject({
      token: '[hidden]',
      call_id: 'c1',
      apiKey: '[hidden]',
      context: 'kept',
      token_count: 3,
    })
  })

  test('never shows what stands under a sensitive key', () => {
    const key = fc.constantFrom(
      'password',
      'access_token',
      'X-Api-Key',
      'ha1',
      'digits',
      'text',
      'webhookSecret',
      'Cookie',
      'transcript',
    )
    const leaf = fc.tuple(key).map(([name]) => ({ [name]: 'LEAK' }))
    const { tree } = fc.letrec<{ tree: object }>((tie) => ({
      tree: fc.oneof(
        leaf,
        fc.array(tie('tree'), { maxLength: 3 }),
        fc.dictionary(fc.string(), tie('tree'), { maxKeys: 3 }),
      ),
    }))
    fc.assert(
      fc.property(tree, (value) => {
        log.info({ value }, 'x')
        expect(lines.at(-1)).not.toContain('LEAK')
      }),
    )
  })

  test('survives what has no end', () => {
    const loop: Record<string, unknown> = { name: 'loop' }
    loop.self = loop
    log.info({ loop }, 'x')
    expect(lines.at(-1)).toContain('[too deep]')
  })

  test('tells of an error its kind, message, code, stack and cause, and nothing it carries along', () => {
    const cause = Object.assign(new Error('refused'), { code: 'ECONNREFUSED' })
    const error = Object.assign(new RangeError('no cache', { cause }), { command: { args: ['LEAK'] } })
    for (const record of [{ error }, { err: error }, { reason: error }]) {
      log.error(record, 'x')
      expect(Object.values(last())).toContainEqual(
        expect.objectContaining({
          type: 'RangeError',
          message: 'no cache',
          cause: expect.objectContaining({ code: 'ECONNREFUSED' }),
        }),
      )
      expect(lines.at(-1)).not.toContain('LEAK')
    }
    log.error(error)
    expect(lines.at(-1)).not.toContain('LEAK')
  })

  test('writes for people when asked', () => {
    createLogger({ service: 's', level: 'info', pretty: true, destination }).warn({ password: 'LEAK' }, 'hello')
    expect(lines.join('')).toMatch(/WARN.*hello/)
    expect(lines.join('')).not.toContain('LEAK')
  })

  test('refuses a level that there is not, by the name of its setting', () => {
    expect(() => createLogger({ service: 's', level: 'loud' })).toThrow(
      /LOG_LEVEL 'loud' is none of trace, debug, info/,
    )
  })
})

describe('metrics', () => {
  test('are one text, with those of the process', async () => {
    counter({ name: 'calls_total', help: 'Calls.', labels: ['direction'] }).inc({ direction: 'in' }, 2)
    gauge({ name: 'calls_active', help: 'Calls now.' }).set(3)
    histogram({ name: 'call_seconds', help: 'Length.', buckets: [1, 10] }).observe(5)
    const text = await metricsText()
    expect(text).toContain('calls_total{direction="in"} 2')
    expect(text).toContain('calls_active 3')
    expect(text).toContain('call_seconds_bucket{le="10"} 1')
    expect(text).toContain('process_cpu_seconds_total')
  })

  test('of one name are one metric, whoever asks', async () => {
    const ask = () => counter({ name: 'shared_total', help: 'Shared.', labels: ['a'] })
    expect(ask()).toBe(ask())
    expect(() => counter({ name: 'shared_total', help: 'Shared.', labels: ['b'] })).toThrow(/'shared_total' exists/)
    expect(() => gauge({ name: 'shared_total', help: 'Shared.', labels: ['a'] })).toThrow(/'shared_total' exists/)
    expect(() => counter({ name: 'process_cpu_seconds_total', help: 'Mine.' })).toThrow(/exists/)
  })
})

describe('tracing', () => {
  const open: (() => unknown)[] = []
  afterEach(async () => {
    for (const close of open.splice(0).reverse()) await close()
  })

  interface Exported {
    resourceSpans: { resource: { attributes: unknown[] }; scopeSpans: { spans: ExportedSpan[] }[] }[]
  }
  interface ExportedSpan {
    name: string
    traceId: string
    spanId: string
    parentSpanId?: string
    status: { code?: number; message?: string }
  }

  async function start(status = 200) {
    const requests: { path: string; body: Exported }[] = []
    const server = createServer(async (request, response) => {
      requests.push({ path: request.url!, body: (await json(request)) as Exported })
      response.writeHead(status).end('{}')
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const errors: string[] = []
    const tracing: Tracing = await startTracing({
      service: 'call-manager',
      endpoint,
      onError: (message) => errors.push(message),
    })
    open.push(
      () => server.close(),
      () => tracing.close(),
    )
    const spans = () =>
      requests
        .flatMap(({ body }) => body.resourceSpans)
        .flatMap((resource) => resource.scopeSpans.flatMap((scope) => scope.spans))
    return { tracing, requests, spans, errors }
  }

  test('without an endpoint does nothing, and code runs as ever', async () => {
    const tracing = await startTracing({ service: 'x' })
    expect(await withSpan('a', {}, async () => 1)).toBe(1)
    await expect(withSpan('a', {}, async () => Promise.reject(new Error('inner')))).rejects.toThrow('inner')
    expect(injectTrace({})).toEqual({})
    expect(extractTrace({ traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01` }, () => 2)).toBe(2)
    await tracing.close()
  })

  test('without an endpoint loads no SDK', () => {
    const script = `import { startTracing } from ${JSON.stringify(new URL('./index.ts', import.meta.url).href)}
      await startTracing({ service: 'x' })
      const { createRequire } = await import('node:module')
      const loaded = [...Object.keys(createRequire(import.meta.url).cache), ...process.moduleLoadList]
      console.log(loaded.filter((name) => /sdk-trace|otlp/.test(name)).length)`
    const { stdout } = spawnSync(process.execPath, ['--input-type=module', '--eval', script], { encoding: 'utf8' })
    expect(stdout.trim()).toBe('0')
  })

  test('exports spans with their service, parents and errors', async () => {
    const { tracing, requests, spans } = await start()
    await expect(
      withSpan('outer', { call_id: 'c1' }, () =>
        withSpan('inner', {}, async () => Promise.reject(new Error('no route'))),
      ),
    ).rejects.toThrow('no route')
    await tracing.close()
    expect(requests[0]!.path).toBe('/v1/traces')
    expect(JSON.stringify(requests[0]!.body.resourceSpans[0]!.resource)).toContain('call-manager')
    const [inner, outer] = ['inner', 'outer'].map((name) => spans().find((span) => span.name === name)!)
    expect(inner!.parentSpanId).toBe(outer!.spanId)
    expect(inner!.status).toMatchObject({ code: 2, message: 'no route' })
  })

  test('carries a trace from process to process as W3C trace context, and into the log', async () => {
    const { tracing, spans } = await start()
    const lines: string[] = []
    const log = createLogger({ service: 's', level: 'info', destination: { write: (line) => void lines.push(line) } })
    const carrier = await withSpan('sender', {}, async () => {
      log.info('inside')
      return injectTrace({})
    })
    expect(carrier).toMatchObject({ traceparent: expect.stringMatching(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/) })
    await extractTrace(carrier, () => withSpan('receiver', {}, async () => {}))
    expect(trace.getActiveSpan()).toBeUndefined()
    await tracing.close()
    const [sender, receiver] = ['sender', 'receiver'].map((name) => spans().find((span) => span.name === name)!)
    expect(receiver).toMatchObject({ traceId: sender!.traceId, parentSpanId: sender!.spanId })
    expect(JSON.parse(lines[0]!)).toMatchObject({ trace_id: sender!.traceId, span_id: sender!.spanId })
  })

  test('says when a collector does not take the spans, and ends all the same', async () => {
    const { tracing, errors } = await start(400)
    await withSpan('lost', {}, async () => {})
    await tracing.close()
    expect(errors.join()).not.toBe('')
  })

  test('refuses to start twice, and an endpoint that is no address', async () => {
    const { tracing } = await start()
    await expect(startTracing({ service: 'x', endpoint: 'http://127.0.0.1:1' })).rejects.toThrow(/already started/)
    await tracing.close()
    await expect(startTracing({ service: 'x', endpoint: 'collector:4318' })).rejects.toThrow(
      /OTEL_EXPORTER_OTLP_ENDPOINT/,
    )
  })
})
