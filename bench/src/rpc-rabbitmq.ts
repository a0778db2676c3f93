import { randomBytes } from 'node:crypto'
import { createClient, createRabbitTransport, serveContract } from '@sidetone/bus'
import { internalIdentity } from '@sidetone/contract'
import { createLogger } from '@sidetone/telemetry'
import { findService } from '@sidetone/testing'
import { connect } from 'amqplib'
import { benchmark, type Helper } from './benchmark.ts'
import { alternate, median, ratios, spread } from './report.ts'
import { type Thing, thing, thingContract } from './thing-contract.ts'

const rounds = 7
const warmUpMs = 2_000
const roundMs = 3_000
const inFlight = 64
const prefetch = 128
const timeoutMs = 5_000
const target = 0.9

interface Place {
  url: string
  /** Before every queue and exchange. */
  prefix: string
}

interface Round {
  perSecond: number
  cpuUs: number
}

const openBus = ({ url, prefix }: Place) => {
  const log = createLogger({ service: 'bench', level: 'warn' })
  return createRabbitTransport({ url, prefix, name: 'bench', log })
}

async function busServer(place: Place) {
  const log = createLogger({ service: 'bench', level: 'warn' })
  const transport = await openBus(place)
  await serveContract(thingContract, { thing: { get: async () => thing } }, { transport, log, prefetch })
  return { stop: () => transport.close({ drainMs: 0 }) }
}

async function busClient(place: Place) {
  const transport = await openBus(place)
  const client = createClient(thingContract, { transport, publisher: 'bench' })
  const identity = internalIdentity(thing.customer_id)
  const run = (ms: number) => count(ms, () => client.thing.get({ id: thing.id }, { identity }))
  return { commands: { run }, stop: () => transport.close({ drainMs: 0 }) }
}

// The least that carries a request and its answer as JSON: the same queue, the same message properties, the same texts.
const envelope = () => ({
  uri: `/v1/things/${thing.id}`,
  method: 'GET',
  publisher: 'bench',
  data_type: 'application/json',
  data: {},
  request_id: '2f3f3cf4-5f6a-4d7e-9d0f-1a2b3c4d5e6f',
  identity: internalIdentity(thing.customer_id),
  deadline: Date.now() + timeoutMs,
})
const queueOf = ({ prefix }: Place) => `${prefix}bare`

async function bareServer(place: Place) {
  const connection = await connect(place.url, { noDelay: true })
  const channel = await connection.createChannel()
  await channel.prefetch(prefetch)
  const queue = queueOf(place)
  await channel.assertQueue(queue, { durable: true, expires: 60_000, arguments: { 'x-queue-type': 'classic' } })
  await channel.consume(queue, (message) => {
    if (!message) return
    JSON.parse(message.content.toString())
    const reply = { status_code: 200, data_type: 'application/json', data: thing }
    const { replyTo, correlationId } = message.properties
    channel.publish('', replyTo, Buffer.from(JSON.stringify(reply)), { correlationId })
    channel.ack(message)
  })
  return {
    async stop() {
      await channel.deleteQueue(queue)
      await connection.close()
    },
  }
}

async function bareClient(place: Place) {
  const connection = await connect(place.url, { noDelay: true })
  const channel = await connection.createChannel()
  const queue = queueOf(place)
  const pending = new Map<string, (reply: { data: Thing }) => void>()
  const replyTo = 'amq.rabbitmq.reply-to'
  await channel.consume(
    replyTo,
    (message) => {
      const { correlationId } = message!.properties
      pending.get(correlationId)?.(JSON.parse(message!.content.toString()))
      pending.delete(correlationId)
    },
    { noAck: true },
  )
  let calls = 0
  const call = () =>
    new Promise<unknown>((resolve) => {
      const correlationId = String(calls++)
      pending.set(correlationId, resolve)
      const properties = { replyTo, correlationId, mandatory: true, expiration: timeoutMs }
      channel.publish('', queue, Buffer.from(JSON.stringify(envelope())), properties)
    })
  return { commands: { run: (ms: number) => count(ms, call) }, stop: () => connection.close() }
}

/** How many calls end in `ms`, `inFlight` at a time. */
async function count(ms: number, call: () => Promise<unknown>): Promise<number> {
  const end = performance.now() + ms
  let calls = 0
  const caller = async () => {
    for (; performance.now() < end; calls++) await call()
  }
  await Promise.all(Array.from({ length: inFlight }, caller))
  return calls
}

/** Nothing may stay in a broker that others use too; the queues go by themselves. */
async function removeExchange({ url, prefix }: Place) {
  const connection = await connect(url)
  const channel = await connection.createChannel()
  await channel.deleteExchange(`${prefix}events`)
  await connection.close()
}

await benchmark({ busServer, busClient, bareServer, bareClient }, async (start) => {
  const url = await findService('RABBITMQ_URL', 'RPC over RabbitMQ')
  if (!url) return []
  const place = { url, prefix: `bench-${randomBytes(6).toString('hex')}.` }
  const ours = { server: await start('busServer', place), client: await start('busClient', place) }
  const bare = { server: await start('bareServer', place), client: await start('bareClient', place) }

  const run = async ({ server, client }: Record<'server' | 'client', Helper>, ms = roundMs): Promise<Round> => {
    const spentMs = async () => (await server.cpuMs()) + (await client.cpuMs())
    const before = await spentMs()
    const calls = await client.ask<number>('run', ms)
    return { perSecond: calls / (ms / 1_000), cpuUs: (((await spentMs()) - before) * 1_000) / calls }
  }
  await run(ours, warmUpMs)
  await run(bare, warmUpMs)
  const results = await alternate(
    rounds,
    () => run(ours),
    () => run(bare),
  )
  await Promise.all([ours.client, ours.server, bare.client, bare.server].map((helper) => helper.stop()))
  await removeExchange(place)

  const perSecond = { ours: results.ours.map((r) => r.perSecond), limit: results.limit.map((r) => r.perSecond) }
  const cpuUs = { ours: results.ours.map((r) => r.cpuUs), limit: results.limit.map((r) => r.cpuUs) }
  const byRate = ratios(perSecond.ours, perSecond.limit)
  return [
    {
      name: `RPC over RabbitMQ, ${inFlight} in flight`,
      ours: spread(perSecond.ours, ' /s'),
      limit: spread(perSecond.limit, ' /s'),
      ratio: spread(byRate),
      target: `≥ ${target}`,
      met: median(byRate) >= target,
    },
    {
      name: '  CPU per call, client and server',
      ours: spread(cpuUs.ours, ' µs'),
      limit: spread(cpuUs.limit, ' µs'),
      ratio: spread(ratios(cpuUs.ours, cpuUs.limit)),
      target: '',
      met: true,
    },
  ]
})
