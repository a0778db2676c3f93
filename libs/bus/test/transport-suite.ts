import { setTimeout as sleep } from 'node:timers/promises'
import {
  type CallOptions,
  commonError,
  type EventEnvelope,
  type Handlers,
  nilId,
  type ReplyEnvelope,
} from '@sidetone/contract'
import { pino } from 'pino'
import { Registry } from 'prom-client'
import { afterEach, expect, test } from 'vitest'
import {
  createClient,
  currentRequest,
  type IdempotencyStore,
  requestQueue,
  serveContract,
  type Transport,
} from '../src/index.ts'
import { type ExampleContract, exampleContract, exampleHandlers, identity } from './example.ts'

export const silent = pino({ level: 'silent' })
export const retryDelaysMs = [5, 10]

/** A logger whose lines can be read. */
export function readableLog() {
  const lines: string[] = []
  return { log: pino({}, { write: (line: string) => void lines.push(line) }), lines }
}

/** What the database does in production. */
export function memoryIdempotency(): IdempotencyStore & { forgetOwner: () => void } {
  const rows = new Map<string, { requestHash: string; reply?: ReplyEnvelope; lost?: boolean }>()
  return {
    async begin(key, requestHash) {
      const row = rows.get(key)
      if (!row) {
        rows.set(key, { requestHash })
        return { state: 'new' }
      }
      if (row.requestHash !== requestHash) return { state: 'mismatch' }
      if (row.reply) return { state: 'done', reply: row.reply }
      return { state: row.lost ? 'lost' : 'running' }
    },
    async finish(key, reply) {
      rows.set(key, { ...rows.get(key)!, reply })
    },
    async abandon(key) {
      rows.delete(key)
    },
    forgetOwner: () => {
      for (const row of rows.values()) row.lost = true
    },
  }
}

let lastId = 0
/** Event number `sequence` of a resource. */
export const eventOf = (resource_id: string, sequence: number, type = 'example_created'): EventEnvelope => ({
  id: `event-${++lastId}`,
  type,
  publisher: 'example',
  customer_id: nilId,
  owner_id: nilId,
  resource: 'example',
  resource_id,
  sequence,
  time: '2026-08-22T10:00:00.123456Z',
  data: { number: sequence },
})

export async function until(what: () => boolean, timeoutMs = 5_000): Promise<void> {
  const end = Date.now() + timeoutMs
  while (!what()) {
    if (Date.now() > end) throw new Error('what the test waits for did not happen')
    await sleep(5)
  }
}

/** What every transport promises. `start` makes a transport of its own; all that one test starts reach each other. */
export function transportSuite(start: () => Promise<Transport>): void {
  const opened: Transport[] = []
  const open = async () => {
    const transport = await start()
    opened.push(transport)
    return transport
  }
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((transport) => transport.close({ drainMs: 1_000 })))
  })

  async function serving(
    replacements: Partial<Handlers<ExampleContract>['example']> = {},
    options: { idempotency?: IdempotencyStore; log?: typeof silent } = {},
  ) {
    const transport = await open()
    const handlers = exampleHandlers(replacements)
    const registry = new Registry()
    const server = await serveContract(exampleContract, handlers, { transport, log: silent, registry, ...options })
    const client = createClient(exampleContract, { transport, publisher: 'test', registry })
    return { transport, server, registry, example: client.example }
  }
  const as: CallOptions = { identity }

  test('a call gets its result', async () => {
    const { example } = await serving()
    expect(await example.get({ id: 'a b/ü' }, as)).toEqual({ id: 'a b/ü' })
  })

  test('a literal in the address wins over a parameter', async () => {
    const { example } = await serving()
    expect(await example.search({ text: 'x' }, as)).toEqual({ found: 'x' })
    expect(await example.get({ id: 'searches' }, as)).toEqual({ id: 'searches' })
  })

  test('an address that no operation has is ROUTE_NOT_FOUND', async () => {
    const { transport } = await serving()
    const reply = await transport.request(requestQueue('example'), {
      uri: '/v1/nothing',
      method: 'GET',
      publisher: 'test',
      data_type: 'application/json',
      data: {},
      request_id: 'r1',
      identity,
      deadline: Date.now() + 1_000,
    })
    expect(reply).toMatchObject({ status_code: 404, data: { error: { reason: 'ROUTE_NOT_FOUND', request_id: 'r1' } } })
  })

  test('an input that the contract does not allow names its field', async () => {
    const { example } = await serving()
    await expect(example.create({ name: 7 as unknown as string }, as)).rejects.toMatchObject({
      reason: 'INVALID_ARGUMENT',
      details: [{ field: 'name' }],
    })
    await expect(example.create({ name: 'a', extra: 1 } as { name: string }, as)).rejects.toMatchObject({
      details: [{ field: 'extra', problem: 'unknown field; remove it' }],
    })
    await expect(example.get({ id: '' }, as)).rejects.toMatchObject({ details: [{ field: 'id' }] })
  })

  test('an output loses the fields that its contract does not have', async () => {
    const { example } = await serving({ get: async ({ id }) => ({ id, password: 'x' }) })
    expect(await example.get({ id: '1' }, as)).toEqual({ id: '1' })
  })

  test('a declared error arrives as it was thrown', async () => {
    const { example } = await serving({
      get: async (_, { fail }) => {
        throw fail('EXAMPLE_NOT_FOUND', { details: [{ hint: 'look elsewhere' }] })
      },
    })
    await expect(example.get({ id: '1' }, as)).rejects.toMatchObject({
      name: 'ApiError',
      status: 'NOT_FOUND',
      reason: 'EXAMPLE_NOT_FOUND',
      message: 'The example was not found.',
      details: [{ hint: 'look elsewhere' }],
    })
  })

  test('anything else becomes INTERNAL: its text is logged once and not told', async () => {
    const { log, lines } = readableLog()
    const { example } = await serving(
      {
        get: async () => {
          throw new Error('password hunter2')
        },
        // Declared by the contract, but not by this operation.
        search: async (_, { fail }) => {
          throw (fail as (reason: string) => Error)('EXAMPLE_TAKEN')
        },
        update: async () => ({ id: 'not an id' }) as never,
      },
      { log },
    )
    const error = await example.get({ id: '1' }, { identity, request_id: 'r1' }).catch((error: unknown) => error)
    expect(error).toMatchObject({ reason: 'INTERNAL', status: 'INTERNAL' })
    expect(JSON.stringify(error) + (error as Error).message).not.toContain('hunter2')
    await expect(example.search({}, as)).rejects.toMatchObject({ reason: 'INTERNAL' })
    await expect(example.update({ id: nilId, name: 'a' }, as)).rejects.toMatchObject({ reason: 'INTERNAL' })
    expect(lines).toHaveLength(3)
    expect(lines[0]).toContain('hunter2')
    expect(JSON.parse(lines[0]!)).toMatchObject({ request_id: 'r1', operation: 'example.get' })
  })

  test('a queue that nobody serves is UNAVAILABLE at once', async () => {
    const transport = await open()
    const { example } = createClient(exampleContract, { transport, publisher: 'test', registry: new Registry() })
    const started = Date.now()
    await expect(example.create({ name: 'a' }, as)).rejects.toMatchObject({ reason: 'SERVICE_UNAVAILABLE' })
    expect(Date.now() - started).toBeLessThan(1_000)
  })

  test('a server that has closed is UNAVAILABLE at once', async () => {
    const { server, example } = await serving()
    await server.close()
    await expect(example.create({ name: 'a' }, as)).rejects.toMatchObject({ reason: 'SERVICE_UNAVAILABLE' })
  })

  test('a handler that is too slow is DEADLINE_EXCEEDED', async () => {
    const { example } = await serving()
    const late = example.wait({ ms: 500 }, { identity, deadline: Date.now() + 100 })
    await expect(late).rejects.toMatchObject({ reason: 'DEADLINE_EXCEEDED', status: 'DEADLINE_EXCEEDED' })
  })

  test('a request past its deadline is not started', async () => {
    const transport = await open()
    const started: string[] = []
    const release = Promise.withResolvers<void>()
    await transport.serve(
      'one-at-a-time.request',
      async ({ request_id }) => {
        started.push(request_id)
        await release.promise
        return { status_code: 200, data_type: 'application/json', data: request_id }
      },
      { prefetch: 1 },
    )
    const request = (request_id: string, ms: number) =>
      transport.request('one-at-a-time.request', {
        uri: '/v1/x',
        method: 'GET',
        publisher: 'test',
        data_type: 'application/json',
        data: null,
        request_id,
        identity,
        deadline: Date.now() + ms,
      })
    const first = request('first', 2_000)
    await until(() => started.length === 1)
    await expect(request('late', 50)).rejects.toMatchObject({ reason: 'DEADLINE_EXCEEDED' })
    await expect(request('later', -1)).rejects.toMatchObject({ reason: 'DEADLINE_EXCEEDED' })
    release.resolve()
    expect(await first).toMatchObject({ data: 'first' })
    expect(await request('last', 2_000)).toMatchObject({ data: 'last' })
    expect(started).toEqual(['first', 'last'])
  })

  test('a nested call shares the request id and the deadline of its request', async () => {
    const seen: unknown[] = []
    const { example } = await serving({
      search: async () => {
        seen.push(currentRequest())
        // No deadline of its own: only the caller's can stop it in time.
        await nested.wait({ ms: 600 }, { identity })
        return { found: 'too late' }
      },
      wait: async (_, { request_id, deadline }) => {
        seen.push({ request_id, deadline })
        await sleep(600)
        return { waited: 600 }
      },
    })
    const nested = example
    const deadline = Date.now() + 200
    await expect(example.search({}, { identity, request_id: 'r1', deadline })).rejects.toMatchObject({
      reason: 'DEADLINE_EXCEEDED',
    })
    await until(() => seen.length === 2)
    expect(seen).toEqual([
      { request_id: 'r1', deadline, identity, operation: 'example.search' },
      { request_id: 'r1', deadline },
    ])
  })

  test('values pass as JSON: dates become text, undefined is left out, nothing is shared', async () => {
    const kept: unknown[] = []
    const { example } = await serving({
      echo: async ({ value }) => {
        kept.push(value)
        return value
      },
    })
    const value = { at: new Date('2026-08-22T10:00:00Z'), gone: undefined, list: [undefined], nested: { a: 1 } }
    const answer = await example.echo({ value }, as)
    expect(answer).toStrictEqual({ at: '2026-08-22T10:00:00.000Z', list: [null], nested: { a: 1 } })
    ;(answer as typeof value).nested.a = 2
    expect(kept).toMatchObject([{ nested: { a: 1 } }])
  })

  test('falsy values arrive as they are', async () => {
    const { example } = await serving()
    for (const value of [0, '', false, null]) expect(await example.echo({ value }, as)).toBe(value)
  })

  test('five hundred calls in flight get each its own answer', async () => {
    const { example } = await serving({
      get: async ({ id }) => {
        await sleep(Math.random() * 10)
        return { id }
      },
    })
    const ids = Array.from({ length: 500 }, (_, n) => String(n))
    const answers = await Promise.all(ids.map((id) => example.get({ id }, as)))
    expect(answers.map(({ id }) => id)).toEqual(ids)
  })

  test('draining answers what was accepted', async () => {
    const { transport, example } = await serving()
    const slow = Array.from({ length: 20 }, () => example.wait({ ms: 150 }, as))
    await sleep(50)
    const [answers] = await Promise.all([Promise.all(slow), transport.close({ drainMs: 2_000 })])
    expect(answers).toHaveLength(20)
    await expect(example.get({ id: '1' }, as)).rejects.toMatchObject({ reason: 'SERVICE_UNAVAILABLE' })
  })

  test('a drain ends although a handler hangs', async () => {
    const { transport, example } = await serving({ wait: () => new Promise(() => undefined) })
    const hanging = example.wait({ ms: 0 }, { identity, deadline: Date.now() + 300 })
    hanging.catch(() => undefined)
    await sleep(50)
    await transport.close({ drainMs: 50 })
    await expect(hanging).rejects.toMatchObject({ name: 'ApiError' })
  })

  test('handlers that are not exactly those of the contract are refused before anything is served', async () => {
    const transport = await open()
    const { get, ...others } = exampleHandlers().example
    const missing = { example: others } as unknown as Handlers<ExampleContract>
    const extra = { example: { ...others, get, fly: get } } as unknown as Handlers<ExampleContract>
    const serve = (handlers: Handlers<ExampleContract>) =>
      serveContract(exampleContract, handlers, { transport, log: silent, registry: new Registry() })
    await expect(serve(missing)).rejects.toThrow('example: no handler for example.get')
    await expect(serve(extra)).rejects.toThrow('example: no such operation: example.fly')
  })

  test('a request with a known idempotency key is answered from the record', async () => {
    const { example } = await serving({}, { idempotency: memoryIdempotency() })
    const once = { identity, idempotency_key: 'k1' }
    const first = await example.create({ name: 'a' }, once)
    expect(await example.create({ name: 'a' }, once)).toEqual(first)
    expect(await example.create({ name: 'a' }, { ...once, idempotency_key: 'k2' })).not.toEqual(first)
    const someoneElse = { ...once, identity: { ...identity, customer_id: 'else' } }
    expect(await example.create({ name: 'a' }, someoneElse)).not.toEqual(first)
    await expect(example.create({ name: 'b' }, once)).rejects.toMatchObject({ reason: 'IDEMPOTENCY_KEY_REUSED' })
  })

  test('two requests with one key at a time take effect once', async () => {
    let made = 0
    const create = async () => {
      await sleep(150)
      return { number: ++made }
    }
    const { example } = await serving({ create }, { idempotency: memoryIdempotency() })
    const once = { identity, idempotency_key: 'k1' }
    const both = [example.create({ name: 'a' }, once), example.create({ name: 'a' }, once)]
    expect(await Promise.all(both)).toEqual([{ number: 1 }, { number: 1 }])
  })

  test('a repetition that cannot wait for the first attempt is REQUEST_IN_PROGRESS; a lost one is OUTCOME_UNKNOWN', async () => {
    const idempotency = memoryIdempotency()
    const create = () => new Promise<never>(() => undefined)
    const { example } = await serving({ create }, { idempotency })
    const once = () => ({ identity, idempotency_key: 'k1', deadline: Date.now() + 450 })
    const first = example.create({ name: 'a' }, once())
    first.catch(() => undefined)
    await expect(example.create({ name: 'a' }, once())).rejects.toMatchObject({ reason: 'REQUEST_IN_PROGRESS' })
    idempotency.forgetOwner()
    await expect(example.create({ name: 'a' }, once())).rejects.toMatchObject({ reason: 'OUTCOME_UNKNOWN' })
    await expect(first).rejects.toMatchObject({ reason: 'DEADLINE_EXCEEDED' })
  })

  test('a declared error is recorded, a passing failure is not', async () => {
    const errors = [commonError('SERVICE_UNAVAILABLE'), new Error('no luck')]
    let runs = 0
    const { example } = await serving(
      {
        create: async (_, { fail }) => {
          runs++
          throw errors.shift() ?? fail('EXAMPLE_TAKEN')
        },
      },
      { idempotency: memoryIdempotency() },
    )
    const reasonOf = () =>
      example
        .create({ name: 'a' }, { identity, idempotency_key: 'k1' })
        .catch((error: { reason: string }) => error.reason)
    expect(await reasonOf()).toBe('SERVICE_UNAVAILABLE')
    expect(await reasonOf()).toBe('INTERNAL')
    expect(await reasonOf()).toBe('EXAMPLE_TAKEN')
    expect(await reasonOf()).toBe('EXAMPLE_TAKEN')
    expect(runs).toBe(3)
  })

  test('several calls within one request are different requests, although they share its id', async () => {
    const { example } = await serving(
      {
        search: async () => {
          const made = [await nested.create({ name: 'a' }, as), await nested.create({ name: 'a' }, as)]
          return { found: JSON.stringify(made) }
        },
      },
      { idempotency: memoryIdempotency() },
    )
    const nested = example
    expect(await example.search({}, as)).toEqual({ found: '[{"number":1},{"number":2}]' })
  })

  test('calls are measured on both sides by operation and status', async () => {
    const { example, registry } = await serving()
    await example.get({ id: '1' }, as)
    await expect(example.create({} as { name: string }, as)).rejects.toThrow()
    const text = await registry.metrics()
    for (const side of ['client', 'server']) {
      expect(text).toContain(`rpc_${side}_seconds_count{service="example",operation="example.get",status="OK"} 1`)
      const failed = 'service="example",operation="example.create",status="INVALID_ARGUMENT"'
      expect(text).toContain(`rpc_${side}_seconds_count{${failed}} 1`)
    }
  })

  test('an event reaches the subscribers of its type, as JSON', async () => {
    const transport = await open()
    const heard: [string, EventEnvelope][] = []
    const hear = (name: string) => async (event: EventEnvelope) => void heard.push([name, event])
    await transport.subscribe({ name: 'all', types: 'all', handler: hear('all') })
    await transport.subscribe({ name: 'some', types: ['example_created'], handler: hear('some') })
    const created = { ...eventOf('r1', 1), data: { at: new Date(0), gone: undefined } }
    const deleted = eventOf('r1', 2, 'example_deleted')
    await transport.publish(created)
    await transport.publish(deleted)
    await until(() => heard.length === 3)
    const asSent = { ...created, data: { at: '1970-01-01T00:00:00.000Z' } }
    expect(heard.filter(([name]) => name === 'all').map(([, event]) => event)).toStrictEqual([asSent, deleted])
    expect(heard.filter(([name]) => name === 'some').map(([, event]) => event)).toStrictEqual([asSent])
  })

  test('events of one resource are handled in order, one at a time, although handlers fail; resources side by side', async () => {
    const transport = await open()
    const resources = ['r1', 'r2', 'r3', 'r4']
    const done: Record<string, number[]> = { r1: [], r2: [], r3: [], r4: [] }
    const running = new Map<string, number>()
    let together = 0
    const failed = new Set<string>()
    await transport.subscribe({
      name: 'orderly',
      types: 'all',
      handler: async ({ resource_id, sequence, id }) => {
        expect(running.has(resource_id)).toBe(false)
        running.set(resource_id, sequence)
        together = Math.max(together, running.size)
        await sleep(Math.random() * 5)
        running.delete(resource_id)
        if (sequence % 3 === 0 && !failed.has(id)) {
          failed.add(id)
          throw new Error('first try')
        }
        done[resource_id]!.push(sequence)
      },
    })
    const sequences = Array.from({ length: 20 }, (_, n) => n + 1)
    const sent: Promise<void>[] = []
    for (const sequence of sequences) {
      for (const resource of resources) sent.push(transport.publish(eventOf(resource, sequence)))
    }
    await Promise.all(sent)
    await until(() => Object.values(done).every((sequence) => sequence.length === 20))
    for (const resource of resources) expect(done[resource]).toEqual(sequences)
    expect(together).toBeGreaterThan(1)
  })

  test('an event that keeps failing goes to the dead letter with its reason and lets the next one pass', async () => {
    const transport = await open()
    const tries: number[] = []
    const dead: unknown[] = []
    await transport.subscribe({
      name: 'failing',
      types: 'all',
      handler: async ({ sequence }) => {
        tries.push(sequence)
        if (sequence === 1) throw new Error('cannot')
      },
      onDeadLetter: async ({ sequence }, reason) => void dead.push([sequence, reason]),
    })
    await Promise.all([transport.publish(eventOf('r1', 1)), transport.publish(eventOf('r1', 2))])
    await until(() => tries.includes(2))
    expect(tries).toEqual([1, 1, 1, 2])
    expect(dead).toEqual([[1, 'cannot']])
  })

  test('a reaction works under the id of its event and outside of the publisher’s context', async () => {
    const transport = await open()
    const seen: unknown[] = []
    await transport.subscribe({ name: 'context', types: 'all', handler: async () => void seen.push(currentRequest()) })
    const event = eventOf('r1', 1)
    await transport.publish(event)
    await until(() => seen.length === 1)
    expect(seen).toMatchObject([
      { request_id: event.id, operation: 'example_created', deadline: Number.POSITIVE_INFINITY },
    ])
  })

  test('draining finishes the reactions that have begun', async () => {
    const transport = await open()
    const steps: string[] = []
    await transport.subscribe({
      name: 'slow',
      types: 'all',
      handler: async () => {
        steps.push('begun')
        await sleep(150)
        steps.push('done')
      },
    })
    const sent = transport.publish(eventOf('r1', 1))
    await until(() => steps.length === 1)
    await transport.close({ drainMs: 2_000 })
    await sent
    expect(steps).toEqual(['begun', 'done'])
    await expect(transport.publish(eventOf('r1', 2))).rejects.toMatchObject({ reason: 'SERVICE_UNAVAILABLE' })
  })
}
