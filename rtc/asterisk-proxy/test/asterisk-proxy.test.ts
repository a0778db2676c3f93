import { createHash } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createClient, createInProcessTransport, type Transport } from '@sidetone/bus'
import { type EventEnvelope, internalIdentity } from '@sidetone/contract'
import { readWav, sine, writeWav } from '@sidetone/e2e/phone'
import { type Files, openFiles } from '@sidetone/files'
import { type AriEvent, asteriskContract, asteriskContractOf } from '@sidetone/proto-schemas/asterisk'
import { pino } from 'pino'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { type WebSocket, WebSocketServer } from 'ws'
import { type AsteriskProxy, startAsteriskProxy } from '../src/index.ts'

// A node by script: what it says on its WebSocket and over HTTP is what Asterisk 22 says.
class Node {
  readonly sockets: WebSocket[] = []
  readonly requests: Record<string, unknown>[] = []
  readonly stored = new Map<string, Buffer>()
  readonly deleted: string[] = []
  answer: (request: Record<string, unknown>) => { status: number; body?: unknown } | undefined = () => ({ status: 204 })
  cutShort = false
  #server: Server | undefined
  port = 0

  async start(): Promise<void> {
    const http = createServer((request, response) => {
      const [, name] = /^\/ari\/recordings\/stored\/([^/]+)\/file$/.exec(request.url ?? '') ?? []
      const file = this.stored.get(name ?? '')
      if (request.headers.authorization !== `Basic ${btoa('user:password')}`) return response.writeHead(401).end()
      if (!file) return response.writeHead(404).end('{}')
      response.writeHead(200, { 'content-length': file.length })
      if (!this.cutShort) return response.end(file)
      response.write(file.subarray(0, 10))
      setTimeout(() => response.destroy(), 20)
    })
    new WebSocketServer({ server: http }).on('connection', (socket, request) => {
      this.sockets.push(socket)
      expect(request.url).toBe('/ari/events?app=sidetone')
      socket.on('message', (data) => this.#onRequest(socket, JSON.parse(String(data))))
    })
    await new Promise<void>((resolve) => http.listen(this.port, '127.0.0.1', resolve))
    this.port = (http.address() as { port: number }).port
    this.#server = http
  }

  #onRequest(socket: WebSocket, request: Record<string, unknown>): void {
    this.requests.push(request)
    const isInfo = String(request.uri).startsWith('asterisk/info')
    const [, name] = /^recordings\/stored\/(.+)$/.exec(String(request.uri)) ?? []
    if (request.method === 'DELETE' && name) {
      this.deleted.push(name)
      this.stored.delete(name)
    }
    const reply = isInfo ? { status: 200, body: { system: { entity_id: 'node-1' } } } : this.answer(request)
    if (!reply) return
    const { request_id, transaction_id } = request
    const message_body = reply.body === undefined ? undefined : JSON.stringify(reply.body)
    socket.send(
      JSON.stringify({ type: 'RESTResponse', request_id, transaction_id, status_code: reply.status, message_body }),
    )
  }

  say(event: object): void {
    this.sockets.at(-1)!.send(JSON.stringify(event))
  }

  async stop(): Promise<void> {
    for (const socket of this.sockets) socket.terminate()
    await new Promise((resolve) => this.#server!.close(resolve))
  }
}

const identity = internalIdentity()
let node: Node
let transport: Transport
let files: Files
let folder: string
let proxy: AsteriskProxy
let heard: EventEnvelope[]
let warnings: string[]
const log = pino({ level: 'warn' }, { write: (line: string) => void warnings.push(JSON.parse(line).msg) })

beforeEach(async () => {
  node = new Node()
  await node.start()
  folder = await mkdtemp(join(tmpdir(), 'sidetone-proxy-'))
  files = openFiles(folder)
  transport = createInProcessTransport({ log })
  heard = []
  warnings = []
  await transport.subscribe({ name: 'test', types: ['ari_received'], handler: async (event) => void heard.push(event) })
  const ariUrl = `http://127.0.0.1:${node.port}/ari`
  proxy = await startAsteriskProxy({
    ariUrl,
    user: 'user',
    password: 'password',
    app: 'sidetone',
    transport,
    files,
    log,
  })
})
afterEach(async () => {
  await proxy.close()
  await transport.close()
  await node.stop()
  await rm(folder, { recursive: true, force: true })
})

const ari = (contract: typeof asteriskContract = asteriskContractOf('node-1') as never) =>
  createClient(contract, { transport, publisher: 'test' }).ari
const typesOf = (id?: string) =>
  heard.filter(({ resource_id }) => !id || resource_id === id).map(({ data }) => (data as AriEvent).event.type)

test('a call that has come in is followed to its end, and one that has ended by then is told to have', async () => {
  const arrival = (id: string) => ({ type: 'StasisStart', args: ['direction=in', 'domain=x'], channel: { id } })
  node.say({ type: 'StasisStart', args: [], channel: { id: 'dialled' } })
  node.say(arrival('here'))
  await vi.waitUntil(() => node.requests.some(({ uri }) => String(uri).includes('subscription')))
  node.answer = () => ({ status: 422, body: { message: 'Event source does not exist' } })
  node.say(arrival('gone'))
  await vi.waitUntil(() => typesOf('gone').length === 2)
  expect(typesOf('gone')).toEqual(['StasisStart', 'ChannelDestroyed'])
  expect(typesOf('here')).toEqual(['StasisStart'])
  const asked = node.requests.filter(({ uri }) => String(uri).startsWith('applications/'))
  expect(asked.map(({ method, uri }) => `${method} ${uri}`)).toEqual(
    ['here', 'gone'].map((id) => `POST applications/sidetone/subscription?eventSource=channel%3A${id}`),
  )
})

test('it takes the id of its node and announces it', async () => {
  expect(proxy.asteriskId).toBe('node-1')
  await vi.waitUntil(() => heard.length > 0)
  expect(heard[0]).toMatchObject({
    resource_id: 'node-1',
    data: { asterisk_id: 'node-1', event: { type: 'NodeConnected' } },
  })
})

test('a request reaches the node over the WebSocket, by its own queue and by that of all nodes', async () => {
  node.answer = ({ method }) => (method === 'GET' ? { status: 200, body: [{ id: 'c1' }] } : { status: 204 })
  expect(await ari().request({ method: 'GET', path: 'channels' }, { identity })).toEqual({
    asterisk_id: 'node-1',
    status: 200,
    body: [{ id: 'c1' }],
  })
  const input = {
    method: 'POST' as const,
    path: 'channels/c1/play/p1',
    query: { lang: 'en us' },
    body: { media: ['sound:a'] },
  }
  expect(await ari(asteriskContract).request(input, { identity })).toMatchObject({ status: 204, body: null })
  expect(node.requests.at(-1)).toMatchObject({
    type: 'RESTRequest',
    method: 'POST',
    uri: 'channels/c1/play/p1?lang=en+us',
    content_type: 'application/json',
    message_body: '{"media":["sound:a"]}',
  })
})

test('what the node refuses is passed on', async () => {
  node.answer = () => ({ status: 404, body: { message: 'Channel not found' } })
  expect(await ari().request({ method: 'POST', path: 'channels/x/answer' }, { identity })).toMatchObject({
    status: 404,
    body: { message: 'Channel not found' },
  })
})

test('events are published in order for each channel, about the channel that they are about', async () => {
  const channel = { id: 'c1' }
  node.say({ type: 'ChannelCreated', channel })
  node.say({ type: 'StasisStart', channel, args: [] })
  node.say({ type: 'PlaybackFinished', playback: { id: 'p', target_uri: 'channel:c1' } })
  node.say({ type: 'RecordingFinished', recording: { name: 'r', target_uri: 'channel:c1' } })
  node.say({ type: 'Dial', peer: channel })
  node.say({ type: 'ChannelEnteredBridge', channel, bridge: { id: 'b1' } })
  node.say({ type: 'BridgeDestroyed', bridge: { id: 'b1' } })
  node.say({ type: 'ChannelVarset', channel, variable: 'X', value: 'y' })
  node.say({ type: 'ChannelVarset', channel, variable: 'RTPAUDIOQOS', value: 'ssrc=1' })
  node.say({ type: 'ChannelDestroyed', channel })
  await vi.waitUntil(() => typesOf().includes('ChannelDestroyed') && typesOf().includes('BridgeDestroyed'))
  expect(typesOf('c1')).toEqual([
    'ChannelCreated',
    'StasisStart',
    'PlaybackFinished',
    'RecordingFinished',
    'Dial',
    'ChannelEnteredBridge',
    'ChannelVarset',
    'ChannelDestroyed',
  ])
  expect(typesOf('b1')).toEqual(['BridgeDestroyed'])
  const sequences = heard.filter(({ resource_id }) => resource_id === 'c1').map(({ sequence }) => sequence)
  expect(sequences).toEqual(sequences.toSorted((a, b) => a - b))
})

test('a node that another proxy has taken over is not taken back at once', async () => {
  node.say({ type: 'ApplicationReplaced' })
  await new Promise((resolve) => setTimeout(resolve, 600))
  expect(node.sockets).toHaveLength(1)
  expect(node.sockets[0]!.readyState).toBe(node.sockets[0]!.CLOSED)
})

test('an event that the bus does not take is repeated, and the later ones of its channel wait', async () => {
  const refuse = vi.spyOn(transport, 'publish').mockRejectedValueOnce(new Error('the broker is away'))
  const channel = { id: 'c1' }
  node.say({ type: 'ChannelCreated', channel })
  node.say({ type: 'StasisStart', channel })
  await vi.waitUntil(() => typesOf('c1').length === 2)
  expect(typesOf('c1')).toEqual(['ChannelCreated', 'StasisStart'])
  refuse.mockRestore()
})

test('what the node has said is published before the proxy ends', async () => {
  let release = () => {}
  const held = new Promise<void>((resolve) => {
    release = resolve
  })
  await transport.subscribe({ name: 'slow', types: ['ari_received'], handler: () => held })
  const channel = { id: 'c1' }
  node.say({ type: 'StasisEnd', channel })
  node.say({ type: 'ChannelDestroyed', channel })
  await vi.waitUntil(() => typesOf('c1').length === 1)
  setTimeout(release, 200)
  await proxy.close()
  expect(typesOf('c1')).toEqual(['StasisEnd', 'ChannelDestroyed'])
})

test('without its node it answers at once that it cannot be reached, and comes back by itself', async () => {
  node.answer = () => undefined
  const pending = ari()
    .request({ method: 'GET', path: 'channels' }, { identity })
    .catch((error: unknown) => error)
  await vi.waitUntil(() => node.requests.length === 2)
  await node.stop()
  expect(await pending).toMatchObject({ reason: 'SERVICE_UNAVAILABLE' })
  await expect(ari().request({ method: 'POST', path: 'channels' }, { identity })).rejects.toMatchObject({
    reason: 'SERVICE_UNAVAILABLE',
  })
  node.answer = () => ({ status: 204 })
  const before = typesOf('node-1').length
  await node.start()
  await vi.waitUntil(() => typesOf('node-1').length > before, 3_000)
  expect(typesOf('node-1').at(-1)).toBe('NodeConnected')
  expect(await ari().request({ method: 'POST', path: 'channels' }, { identity })).toMatchObject({ status: 204 })
})

test('a call through a carrier that nobody can ask about goes to the node, which may know it', async () => {
  const endpoint = 'PJSIP/carrier-0190c1a0-0000-7000-8000-000000000001/sip:+12125550100@carrier.example'
  const input = { method: 'POST' as const, path: 'channels', query: { endpoint } }
  expect(await ari().request(input, { identity })).toMatchObject({ status: 204 })
  expect(node.requests.map(({ uri }) => uri)).toHaveLength(2)
  expect(warnings).toEqual(['the RTC node could not be told about a carrier'])
})

test('a node that goes without a word is warned of, and not counted as connected', async () => {
  expect(proxy.connected()).toBe(true)
  for (const socket of node.sockets) socket.terminate()
  await vi.waitUntil(() => !proxy.connected())
  expect(warnings).toEqual(['the connection to the RTC node was lost'])
})

test('a node that stops in order is no news, and what it says last is published', async () => {
  proxy.nodeStops()
  node.say({ type: 'ChannelDestroyed', channel: { id: 'c1' } })
  node.sockets[0]!.close()
  await vi.waitUntil(() => !proxy.connected())
  await proxy.close()
  expect(typesOf('c1')).toEqual(['ChannelDestroyed'])
  expect(warnings).toEqual([])
  expect(node.sockets).toHaveLength(1)
})

test('a recording is moved: stored whole, then deleted from the node; repeating it changes nothing', async () => {
  const bytes = Buffer.from('RIFF and what is heard')
  node.stored.set('r1', bytes)
  const moved = { filesize: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') }
  const move = () => ari().store_recording({ name: 'r1', key: 'recordings/c/r1.wav' }, { identity })
  expect(await move()).toEqual(moved)
  expect(node.deleted).toEqual(['r1'])
  expect(await move()).toEqual(moved)
  expect(await files.stat('recordings/c/r1.wav')).toMatchObject({ size: bytes.length, contentType: 'audio/wav' })
})

test('a recording that arrives cut short stays on the node', async () => {
  node.stored.set('r1', Buffer.alloc(1_000))
  node.cutShort = true
  await expect(ari().store_recording({ name: 'r1', key: 'r1.wav' }, { identity })).rejects.toMatchObject({
    reason: 'INTERNAL',
  })
  expect(node.deleted).toEqual([])
  expect(await files.stat('r1.wav')).toBeUndefined()
})

const [left, right] = [sine(600, 2_500), sine(1_100, 1_500)]
const storeSides = () => {
  const sides: [string, string] = ['r1-in', 'r1-out']
  return ari().store_recording({ name: 'r1', key: 'r1.wav', sides }, { identity })
}
function recordSides(): void {
  for (const name of ['r1', 'r1-in']) node.stored.set(name, writeWav(left))
  node.stored.set('r1-out', writeWav(right))
}

test('recordings of both sides become one file, the shorter one with silence after it; repeating it changes nothing', async () => {
  recordSides()
  let asked = 0
  // The first side is closed when it is asked for again.
  node.answer = ({ uri }) => ({ status: String(uri).includes('/live/') && ++asked > 1 ? 404 : 200 })
  const stored = await storeSides()
  const bytes = Buffer.from(await new Response((await files.get('r1.wav'))!.body).arrayBuffer())
  expect(stored).toEqual({ filesize: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') })
  const { channels, rateHz, samples } = readWav(bytes)
  expect({ channels, rateHz, bytes: bytes.length }).toEqual({ channels: 2, rateHz: 8_000, bytes: 44 + 4 * left.length })
  const silence = new Int16Array(left.length - right.length)
  expect(samples.filter((_, i) => i % 2 === 0)).toEqual(left)
  expect(samples.filter((_, i) => i % 2 === 1)).toEqual(Int16Array.from([...right, ...silence]))
  expect(asked).toBe(3)
  expect(node.deleted).toEqual(['r1', 'r1-in', 'r1-out'])
  expect(await storeSides()).toEqual(stored)
})

test('sides that arrive cut short, or of which one is missing, stay on the node', async () => {
  node.answer = () => ({ status: 404 })
  recordSides()
  node.cutShort = true
  await expect(storeSides()).rejects.toMatchObject({ reason: 'INTERNAL' })
  node.cutShort = false
  node.stored.delete('r1-out')
  await expect(storeSides()).rejects.toMatchObject({ reason: 'ARI_REQUEST_FAILED' })
  expect([...node.stored.keys()]).toEqual(['r1', 'r1-in'])
  expect(await files.stat('r1.wav')).toBeUndefined()
})

test('a recording that nobody has is refused', async () => {
  await expect(ari().store_recording({ name: 'none', key: 'none.wav' }, { identity })).rejects.toMatchObject({
    reason: 'ARI_REQUEST_FAILED',
  })
})
