import { setTimeout as sleep } from 'node:timers/promises'
import { type CallOptions, commonError, type Handlers, nilId } from '@sidetone/contract'
import { Registry } from 'prom-client'
import { expect, test } from 'vitest'
import {
  createClient,
  currentRequest,
  type IdempotencyStore,
  requestQueue,
  serveContract,
  type Transport,
} from '../src/index.ts'
import { type ExampleContract, exampleContract, exampleHandlers, identity } from './example.ts'
import { memoryIdempotency, opener, readableLog, silent, until } from './parts.ts'

/** What every transport promises to those who call. */
export function callSuite(start: () => Promise<Transport>): void {
  const open = opener(start)

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
        await nested.wait({ ms: 1_500 }, { identity })
        return { found: 'too late' }
      },
      wait: async (_, { request_id, deadline }) => {
        seen.push({ request_id, deadline })
        await sleep(1_500)
        return { waited: 1_500 }
      },
    })
    const nested = example
    const deadline = Date.now() + 1_000
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
    let begun = 0
    const wait = async ({ ms }: { ms: number }) => {
      begun++
      await sleep(ms)
      return { waited: ms }
    }
    const { transport, example } = await serving({ wait })
    const slow = Array.from({ length: 20 }, () => example.wait({ ms: 150 }, as))
    await until(() => begun === 20)
    const [answers] = await Promise.all([Promise.all(slow), transport.close({ drainMs: 2_000 })])
    expect(answers).toHaveLength(20)
    await expect(example.get({ id: '1' }, as)).rejects.toMatchObject({ reason: 'SERVICE_UNAVAILABLE' })
  })

  test('a drain ends although a handler hangs', async () => {
    const begun = Promise.withResolvers<void>()
    const wait = () => {
      begun.resolve()
      return new Promise<never>(() => undefined)
    }
    const { transport, example } = await serving({ wait })
    const hanging = example.wait({ ms: 0 }, { identity, deadline: Date.now() + 1_000 })
    hanging.catch(() => undefined)
    await begun.promise
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
}
