import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { createClient } from '@sidetone/bus'
import { commonError, nilId } from '@sidetone/contract'
import { type StreamEvent, timelineContract } from '@sidetone/proto-schemas/timeline'
import { adminOf, scripted, someId, startTestPlatform, type TestPlatform } from '@sidetone/testing'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { createEventStreams } from '../src/event-streams.ts'
import { eventSocket } from '../src/socket-connection.ts'
import { attachWebSocket } from '../src/websocket.ts'

const customer = someId(1)
const all = `customer_id:${customer}`
const tags = `${all}:tag`

/** What the timeline has stored; `cursor` counts from 1. */
let stored: StreamEvent[]
let timelineAnswers: boolean
let revoked: boolean
let platform: TestPlatform
let server: Server
let sockets: { close: () => void }
let checkEveryMs: number | undefined
let streams: { close: () => void }
const clients: WebSocket[] = []

const scriptedTimeline = scripted(timelineContract, {
  timeline: {
    async after({ cursor, limit }) {
      if (!timelineAnswers) throw commonError('SERVICE_UNAVAILABLE')
      return { events: stored.slice(cursor, cursor + limit), head: stored.length }
    },
  },
})

beforeEach(start)
afterEach(stop)

async function start() {
  stored = []
  timelineAnswers = true
  revoked = false
  platform = await startTestPlatform({ managers: [scriptedTimeline] })
  const { transport, feed, log } = platform.platform
  const timeline = createClient(timelineContract, { transport, publisher: 'gateway' })
  const opened = createEventStreams({ feed, timeline, log })
  streams = opened
  server = createServer()
  sockets = attachWebSocket(server, {
    routes: [eventSocket(opened)],
    log,
    ...(checkEveryMs && { checkEveryMs }),
    authenticator: {
      identify: async () => {
        if (revoked) throw commonError('INVALID_CREDENTIALS')
        return adminOf(customer)
      },
      checkActive: () => {},
    },
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
}

async function stop() {
  for (const client of clients.splice(0)) client.terminate()
  sockets.close()
  streams.close()
  await new Promise((resolve) => server.close(resolve))
  await platform.close()
}

/** Stores an event; unless it is lost on the way, the live feed tells of it. */
function happen(resource = 'tag', { lost = false, text = '' } = {}): StreamEvent {
  const event: StreamEvent = {
    id: crypto.randomUUID(),
    type: `${resource}_created`,
    publisher: resource,
    customer_id: customer,
    owner_id: nilId,
    resource,
    resource_id: crypto.randomUUID(),
    sequence: 1,
    time: '2026-11-21T07:00:00.000000Z',
    data: { text },
    cursor: stored.length + 1,
  }
  stored.push(event)
  if (!lost)
    platform.platform.feed.publish(`customer_id:${customer}:${resource}:${event.resource_id}`, JSON.stringify(event))
  return event
}

interface Frame {
  type: string
  id?: unknown
  cursor?: number
  reason?: string
}

async function connect(path = '/v1.0/ws') {
  const socket = new WebSocket(`ws://127.0.0.1:${(server.address() as AddressInfo).port}${path}`)
  clients.push(socket)
  const frames: Frame[] = []
  let bytes = 0
  socket.on('message', (data) => {
    bytes += (data as Buffer).length
    frames.push(JSON.parse(String(data)))
  })
  const closed = new Promise<number>((resolve) => socket.once('close', resolve))
  await new Promise<void>((resolve, reject) => {
    socket.once('open', resolve)
    socket.once('unexpected-response', (_, response) => reject(new Error(`HTTP ${response.statusCode}`)))
    socket.once('error', reject)
  })
  const send = (frame: object) => socket.send(JSON.stringify(frame))
  let last = 0
  return {
    socket,
    frames,
    closed,
    bytes: () => bytes,
    send,
    cursors: () => frames.filter(({ type }) => type.endsWith('_created')).map(({ cursor }) => cursor),
    async ask(frame: object): Promise<Frame> {
      const id = ++last
      send({ ...frame, id })
      const answer = () => frames.find((it) => it.id === id)
      await expect.poll(answer, { timeout: 5_000 }).toBeDefined()
      return answer()!
    },
  }
}

const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => from + index)

test('a client that was away for many batches gets all of it once and in order, and what happens meanwhile', async () => {
  for (let n = 0; n < 1_300; n += 1) happen('tag', { lost: true })
  const client = await connect()
  client.send({ type: 'subscribe', id: 1, topics: [tags], cursor: 40 })
  for (let n = 0; n < 50; n += 1) {
    happen()
    if (n % 10 === 0) await sleep(1)
  }
  await expect.poll(() => client.cursors().length).toBe(1_310)
  happen()
  await expect.poll(() => client.cursors()).toEqual(range(41, 1_351))
})

test('a cursor from the future is brought back to what there is', async () => {
  happen('tag', { lost: true })
  const client = await connect()
  expect(await client.ask({ type: 'subscribe', topics: [all], cursor: 1_000 })).toMatchObject({ cursor: 1 })
  happen()
  await expect.poll(() => client.cursors()).toEqual([2])
})

test('what the live feed loses is fetched before the next event is told', async () => {
  const client = await connect()
  await client.ask({ type: 'subscribe', topics: [all] })
  happen()
  happen('tag', { lost: true })
  happen()
  await expect.poll(() => client.cursors()).toEqual([1, 2, 3])
})

test('another topic costs nothing of what is subscribed already', async () => {
  const client = await connect()
  await client.ask({ type: 'subscribe', topics: [tags] })
  happen()
  await expect.poll(() => client.cursors()).toEqual([1])
  // Not told live: whoever left the stream and joined it anew would begin after it.
  happen('tag', { lost: true })
  expect(await client.ask({ type: 'subscribe', topics: [`${all}:call`] })).toMatchObject({ cursor: 1 })
  happen('call')
  await expect.poll(() => client.cursors()).toEqual([1, 2, 3])
})

test('a topic that is taken back is heard no more, the others are', async () => {
  const client = await connect()
  await client.ask({ type: 'subscribe', topics: [tags, `${all}:call`] })
  await client.ask({ type: 'unsubscribe', topics: [tags] })
  happen('tag')
  happen('call')
  await expect.poll(() => client.frames.map(({ type }) => type)).toEqual(['subscribed', 'unsubscribed', 'call_created'])
})

test('a client that does not read is closed with 4008 before much has piled up', async () => {
  const client = await connect()
  await client.ask({ type: 'subscribe', topics: [all] })
  client.socket.pause()
  const text = 'x'.repeat(8_192)
  for (let n = 0; n < 6_000; n += 1) {
    happen('tag', { text })
    if (n % 50 === 0) await sleep(2)
  }
  client.socket.resume()
  expect(await client.closed).toBe(4008)
  expect(client.bytes()).toBeLessThan(6_000 * 8_192 * 0.6)
})

test('a slow client that catches up is waited for, not closed', async () => {
  const text = 'x'.repeat(8_192)
  for (let n = 0; n < 5_000; n += 1) happen('tag', { lost: true, text })
  const client = await connect()
  client.send({ type: 'subscribe', topics: [all], cursor: 0 })
  client.socket.pause()
  await sleep(700)
  client.socket.resume()
  await expect.poll(() => client.cursors().length, { timeout: 5_000 }).toBe(5_000)
})

test('a binary frame and one that is too large end the connection that sent them', async () => {
  const [binary, large, other] = [await connect(), await connect(), await connect()]
  binary.socket.send(Buffer.from('{"type":"ping"}'))
  expect(await binary.closed).toBe(1003)
  large.socket.send(JSON.stringify({ type: 'ping', id: 'x'.repeat(70_000) }))
  expect(await large.closed).toBe(1009)
  expect(await other.ask({ type: 'ping' })).toMatchObject({ type: 'pong' })
})

test('when the timeline does not answer, the client is sent away to come back, and the others hear on', async () => {
  const [steady, restless] = [await connect(), await connect()]
  await steady.ask({ type: 'subscribe', topics: [all] })
  await restless.ask({ type: 'subscribe', topics: [all] })
  happen()
  await expect.poll(() => steady.cursors()).toEqual([1])
  timelineAnswers = false
  restless.send({ type: 'subscribe', topics: [all], cursor: 0 })
  expect(await restless.closed).toBe(1013)
  timelineAnswers = true
  happen()
  await expect.poll(() => steady.cursors()).toEqual([1, 2])
})

test('a connection ends when its credentials do', async () => {
  await stop()
  checkEveryMs = 100
  await start()
  checkEveryMs = undefined
  const client = await connect()
  await client.ask({ type: 'subscribe', topics: [all] })
  await sleep(250)
  expect(client.socket.readyState).toBe(WebSocket.OPEN)
  revoked = true
  expect(await client.closed).toBe(4001)
})

test('at shutdown clients are told to come back', async () => {
  const client = await connect()
  await client.ask({ type: 'subscribe', topics: [all] })
  happen()
  await expect.poll(() => client.cursors()).toEqual([1])
  sockets.close()
  expect(await client.closed).toBe(1001)
})

test('there is a WebSocket at one path only', async () => {
  await expect(connect('/v1.0/other')).rejects.toThrow('HTTP 404')
  await expect(connect('//')).rejects.toThrow('HTTP 404')
})
