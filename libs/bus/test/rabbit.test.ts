import { setTimeout as sleep } from 'node:timers/promises'
import { findService } from '@sidetone/testing/services'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import {
  createClient,
  createRabbitTransport,
  deadLetterQueue,
  eventQueue,
  requestQueue,
  serveContract,
  type Transport,
} from '../src/index.ts'
import { callSuite } from './call-suite.ts'
import { eventSuite } from './event-suite.ts'
import { exampleContract, exampleHandlers, identity } from './example.ts'
import { eventOf, memoryIdempotency, retryDelaysMs, silent, until } from './parts.ts'
import { cuttableBroker, rabbitCorner } from './rabbit-service.ts'

const rabbitUrl = await findService('RABBITMQ_URL', 'the bus over RabbitMQ')

describe.skipIf(!rabbitUrl)('over RabbitMQ', () => {
  let corner: ReturnType<typeof rabbitCorner>
  let opened: (() => unknown)[] = []
  beforeEach(() => {
    corner = rabbitCorner(rabbitUrl!)
    opened = []
  })
  afterEach(async () => {
    for (const close of opened.reverse()) await close()
    await corner.remove()
  })

  async function start(url = rabbitUrl!): Promise<Transport> {
    const { prefix } = corner
    const transport = await createRabbitTransport({ url, name: 'test', log: silent, retryDelaysMs, prefix })
    opened.push(() => transport.close({ drainMs: 100 }))
    return corner.watch(transport)
  }
  async function startCuttable() {
    const broker = await cuttableBroker(rabbitUrl!)
    opened.push(broker.close)
    return { broker, transport: await start(broker.url) }
  }
  const clientOf = (transport: Transport) => createClient(exampleContract, { transport, publisher: 'test' }).example
  const as = { identity }

  callSuite(start)
  eventSuite(start)

  test('a lost connection fails the calls in flight at once, and heals', async () => {
    const { broker, transport } = await startCuttable()
    const server = await start()
    await serveContract(exampleContract, exampleHandlers(), { transport: server, log: silent })
    const example = clientOf(transport)
    const calls = Array.from({ length: 10 }, () =>
      transport.request(requestQueue('example'), {
        uri: '/v1/examples/wait',
        method: 'POST',
        publisher: 'test',
        data_type: 'application/json',
        data: { ms: 1_000 },
        request_id: 'r1',
        identity,
        deadline: Date.now() + 5_000,
      }),
    )
    await sleep(50)
    expect(transport.ready()).toBe(true)
    broker.setPassable(false)
    const cutAt = Date.now()
    broker.cut()
    for (const { status, ...rest } of await Promise.allSettled(calls)) {
      expect({ status, ...rest }).toMatchObject({ status: 'rejected', reason: { reason: 'SERVICE_UNAVAILABLE' } })
    }
    expect(Date.now() - cutAt).toBeLessThan(900)
    expect(transport.ready()).toBe(false)
    await expect(example.create({ name: 'a' }, as)).rejects.toMatchObject({ reason: 'SERVICE_UNAVAILABLE' })
    await expect(transport.publish(eventOf('r1', 1))).rejects.toMatchObject({ reason: 'SERVICE_UNAVAILABLE' })
    broker.setPassable(true)
    await until(() => transport.ready())
    expect(await example.get({ id: '1' }, as)).toEqual({ id: '1' })
  })

  test('an idempotent call survives a short loss by itself', async () => {
    const { broker, transport } = await startCuttable()
    const server = await start()
    await serveContract(exampleContract, exampleHandlers(), { transport: server, log: silent })
    const call = clientOf(transport).wait({ ms: 200 }, as)
    await sleep(50)
    broker.cut()
    expect(await call).toEqual({ waited: 200 })
  })

  test('a request whose server was cut off is redelivered and answered from the record', async () => {
    const { broker, transport } = await startCuttable()
    const caller = await start()
    const idempotency = memoryIdempotency()
    let runs = 0
    const create = async () => {
      runs++
      await sleep(300)
      return { number: runs }
    }
    await serveContract(exampleContract, exampleHandlers({ create }), { transport, log: silent, idempotency })
    const call = clientOf(caller).create({ name: 'a' }, as)
    await until(() => runs === 1)
    broker.cut()
    expect(await call).toEqual({ number: 1 })
    expect(runs).toBe(1)
  })

  test('without a record a redelivered request is not run again unless it is idempotent', async () => {
    const { broker, transport } = await startCuttable()
    const caller = await start()
    let runs = 0
    const hold = async () => {
      runs++
      await sleep(300)
    }
    const create = async () => {
      await hold()
      return { number: runs }
    }
    const get = async ({ id }: { id: string }) => {
      await hold()
      return { id }
    }
    await serveContract(exampleContract, exampleHandlers({ create, get }), { transport, log: silent })
    const call = clientOf(caller).create({ name: 'a' }, as)
    call.catch(() => undefined)
    const idempotent = clientOf(caller).get({ id: '1' }, as)
    await until(() => runs === 2)
    broker.cut()
    await expect(call).rejects.toMatchObject({ reason: 'OUTCOME_UNKNOWN' })
    expect(await idempotent).toEqual({ id: '1' })
    expect(runs).toBe(3)
  })

  test('replicas share the requests; one that drains loses none', async () => {
    const [first, second, caller] = await Promise.all([start(), start(), start()])
    const served = [0, 0]
    for (const [index, transport] of [first, second].entries()) {
      const get = async ({ id }: { id: string }) => {
        served[index]!++
        await sleep(5)
        return { id }
      }
      await serveContract(exampleContract, exampleHandlers({ get }), { transport, log: silent })
    }
    const example = clientOf(caller)
    const calls = Array.from({ length: 300 }, (_, n) => example.get({ id: String(n) }, as))
    await calls[20]
    await first.close({ drainMs: 2_000 })
    expect(await Promise.all(calls)).toHaveLength(300)
    expect(await example.get({ id: 'after' }, as)).toEqual({ id: 'after' })
    expect(Math.min(...served)).toBeGreaterThan(0)
  })

  test('what draining work asks of others is still answered', async () => {
    const [transport, other, caller] = await Promise.all([start(), start(), start()])
    const queue = 'other.request'
    const reply = { status_code: 200, data_type: 'application/json', data: 'nested' }
    await other.serve(queue, async () => reply, { prefetch: 1 })
    const request = { uri: '/v1/x', method: 'GET', publisher: 'test', data_type: 'application/json', data: null }
    const begun = Promise.withResolvers<void>()
    const search = async () => {
      begun.resolve()
      await sleep(50)
      const deadline = Date.now() + 1_000
      const { data } = await transport.request(queue, { ...request, request_id: 'r1', identity, deadline })
      return { found: String(data) }
    }
    await serveContract(exampleContract, exampleHandlers({ search }), { transport, log: silent })
    const answer = clientOf(caller).search({}, as)
    await begun.promise
    await Promise.all([transport.close({ drainMs: 2_000 }), expect(answer).resolves.toEqual({ found: 'nested' })])
  })

  test('a message that is not a request is answered or dropped, and does not stop the others', async () => {
    const transport = await start()
    await serveContract(exampleContract, exampleHandlers(), { transport, log: silent })
    for (const content of ['', '{', '7', '{"uri":1}']) await corner.put(requestQueue('example'), content)
    expect(await clientOf(transport).get({ id: '1' }, as)).toEqual({ id: '1' })
  })

  test('a request that waited past its deadline is not started, although its sender set no expiration', async () => {
    const transport = await start()
    const started: string[] = []
    const get = async ({ id }: { id: string }) => {
      started.push(id)
      return { id }
    }
    await serveContract(exampleContract, exampleHandlers({ get }), { transport, log: silent })
    const late = { uri: '/v1/examples/late', method: 'GET', publisher: 'test', data_type: 'application/json', data: {} }
    const envelope = { ...late, request_id: 'r1', identity, deadline: Date.now() - 1 }
    await corner.put(requestQueue('example'), JSON.stringify(envelope))
    await clientOf(transport).get({ id: 'in time' }, as)
    expect(started).toEqual(['in time'])
  })

  test('events that a drain or a lost connection left undone come again, and only they', async () => {
    const { broker, transport } = await startCuttable()
    const heard: number[] = []
    const subscription = {
      name: 'undone',
      types: 'all' as const,
      handler: async ({ sequence }: { sequence: number }) => {
        await sleep(3)
        heard.push(sequence)
      },
    }
    const publisher = await start()
    const first = await transport.subscribe(subscription)
    const sequences = Array.from({ length: 100 }, (_, n) => n + 1)
    await Promise.all(sequences.map((sequence) => publisher.publish(eventOf('r1', sequence))))
    await until(() => heard.length > 10)
    broker.cut()
    await until(() => heard.length > 30)
    await first.close()
    const before = heard.length
    await sleep(30)
    expect(heard).toHaveLength(before)
    expect(before).toBeLessThan(100)
    await transport.subscribe(subscription)
    await until(() => heard.includes(100))
    expect(Array.from(new Set(heard))).toEqual(sequences)
    // What was being handled, or whose acknowledgement was under way, when the connection broke.
    expect(heard.length).toBeLessThan(110)
  })

  test('events wait for a subscriber that is away', async () => {
    const transport = await start()
    const heard: number[] = []
    const subscription = {
      name: 'away',
      types: ['example_created'],
      handler: async ({ sequence }: { sequence: number }) => void heard.push(sequence),
    }
    await (await transport.subscribe(subscription)).close()
    for (const sequence of [1, 2, 3]) await transport.publish(eventOf('r1', sequence))
    expect(heard).toEqual([])
    await transport.subscribe(subscription)
    await until(() => heard.length === 3)
    expect(heard).toEqual([1, 2, 3])
    // The broker says what kind of queue it is by the reason for which it refuses this.
    await expect(corner.get(eventQueue('away'))).rejects.toThrow('quorum queues with single active consumer')
  })

  test('the dead letter keeps the event and the reason', async () => {
    const transport = await start()
    const dead = Promise.withResolvers<void>()
    await transport.subscribe({
      name: 'failing',
      types: 'all',
      handler: () => Promise.reject(new Error('cannot')),
      onDeadLetter: async () => dead.resolve(),
    })
    const event = eventOf('r1', 1)
    await transport.publish(event)
    await dead.promise
    const letter = await corner.get(deadLetterQueue('failing'))
    expect(JSON.parse(letter?.content.toString() ?? '')).toEqual(event)
    expect(letter?.properties).toMatchObject({ headers: { 'x-reason': 'cannot' }, deliveryMode: 2 })
    await transport.close()
    expect(await corner.count(eventQueue('failing'))).toBe(0)
  })

  test('a message that is not an event goes to the dead letter', async () => {
    const transport = await start()
    const heard: number[] = []
    const handler = async ({ sequence }: { sequence: number }) => void heard.push(sequence)
    await transport.subscribe({ name: 'odd', types: 'all', handler })
    await corner.put(eventQueue('odd'), 'not json')
    await transport.publish(eventOf('r1', 1))
    await until(() => heard.length === 1)
    let letter: Awaited<ReturnType<typeof corner.get>>
    for (let tries = 0; !letter && tries < 50; tries++) letter = await corner.get(deadLetterQueue('odd'))
    expect(letter?.content.toString()).toBe('not json')
    expect(letter?.properties.headers).toMatchObject({ 'x-reason': 'not an event' })
  })

  test('events keep their order per resource through lost connections', async () => {
    const { broker, transport } = await startCuttable()
    const publisher = await start()
    const done: Record<string, number[]> = { r1: [], r2: [] }
    await transport.subscribe({
      name: 'cut',
      types: 'all',
      handler: async ({ resource_id, sequence }) => {
        await sleep(5)
        done[resource_id]!.push(sequence)
      },
    })
    for (let sequence = 1; sequence <= 40; sequence++) {
      await Promise.all(['r1', 'r2'].map((resource) => publisher.publish(eventOf(resource, sequence))))
      if (sequence % 15 === 0) broker.cut()
    }
    await until(() => Object.values(done).every((sequences) => sequences.at(-1) === 40))
    const expected = Array.from({ length: 40 }, (_, n) => n + 1)
    for (const sequences of Object.values(done)) {
      // Events whose acknowledgement was lost come again; none is overtaken before it was handled.
      const firstTimes = sequences.filter((sequence, index) => sequences.indexOf(sequence) === index)
      expect(firstTimes).toEqual(expected)
    }
  })

  test('replicas of a subscriber share its events, in order, and one takes over from the other', async () => {
    const [first, second, publisher] = await Promise.all([start(), start(), start()])
    const heard: string[] = []
    const subscribe = (transport: Transport, who: string) =>
      transport.subscribe({
        name: 'shared',
        types: 'all',
        handler: async ({ sequence }) => {
          await sleep(2)
          heard.push(`${who}${sequence}`)
        },
      })
    await subscribe(first, 'a')
    await subscribe(second, 'b')
    for (let sequence = 1; sequence <= 30; sequence++) {
      await publisher.publish(eventOf('r1', sequence))
      if (sequence === 15) await first.close({ drainMs: 1_000 })
    }
    await until(() => heard.length >= 30)
    expect(heard.map((entry) => Number(entry.slice(1)))).toEqual(Array.from({ length: 30 }, (_, n) => n + 1))
    expect(heard.at(0)).toBe('a1')
    expect(heard.at(-1)).toBe('b30')
  })
})
