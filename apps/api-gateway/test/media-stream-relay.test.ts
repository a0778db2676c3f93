import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'
import { encapsulations } from '../src/media-stream-encapsulations.ts'
import { mulawToPcm } from '../src/media-stream-g711.ts'
import { relay } from '../src/media-stream-relay.ts'
import { type RtpPacket, readRtp, writeRtp } from '../src/media-stream-rtp.ts'

/** The gateway's side: the socket that serves the client, and the port that the node sends to. */
let served: WebSocket
let port: Socket
let running: ReturnType<typeof relay>
/** The others: the client, what it got, and the RTC node. */
let client: WebSocket
let got: Buffer[]
let node: Socket
let server: WebSocketServer

const udp = async () => {
  const socket = createSocket('udp4').bind(0, '127.0.0.1')
  await once(socket, 'listening')
  return socket
}

beforeEach(async () => {
  server = new WebSocketServer({ port: 0, host: '127.0.0.1' })
  await once(server, 'listening')
  client = new WebSocket(`ws://127.0.0.1:${(server.address() as { port: number }).port}`)
  got = []
  client.on('message', (data: Buffer) => got.push(data))
  ;[[served]] = (await Promise.all([once(server, 'connection'), once(client, 'open')])) as [[WebSocket], unknown]
  ;[port, node] = [await udp(), await udp()]
  running = relay(served, port, encapsulations.sln())
})
afterEach(() => {
  running.stop()
  client.terminate()
  server.close()
  port.close()
  node.close()
})

const packet = (sequence: number, code = sequence): Partial<RtpPacket> & { sequence: number; payload: Buffer } => ({
  sequence,
  payload: Buffer.alloc(160, code),
})
const send = (from: Socket, { sequence, payload, payloadType = 0, ssrc = 7 }: ReturnType<typeof packet>) =>
  new Promise((resolve) => {
    const bytes = writeRtp({ payloadType, sequence, timestamp: sequence * 160, ssrc, payload })
    from.send(bytes, port.address().port, '127.0.0.1', resolve)
  })
const frames = (...codes: number[]) => codes.map((code) => mulawToPcm(Buffer.alloc(160, code)))

test('what comes late, twice, from strangers or in another codec is not heard', async () => {
  const stranger = await udp()
  await send(node, packet(65_534, 1))
  await send(node, packet(65_535, 2))
  await send(node, packet(65_535, 2))
  await send(node, packet(0, 3))
  await send(node, packet(65_533, 4))
  await send(node, { ...packet(1, 5), payloadType: 8 })
  await vi.waitUntil(() => got.length === 3)
  await send(stranger, packet(2, 6))
  await send(node, { ...packet(9_000, 7), ssrc: 8 })
  await vi.waitUntil(() => got.length > 3)
  expect(got).toEqual(frames(1, 2, 3, 7))
  stranger.close()
})

test('it knows whether anything has come since it was asked', async () => {
  expect(running.hasHeard()).toBe(false)
  await send(node, packet(1))
  await vi.waitUntil(() => got.length === 1)
  expect([running.hasHeard(), running.hasHeard()]).toEqual([true, false])
})

test('what the client says before the node is known waits for it, and goes where its packets come from', async () => {
  const said: RtpPacket[] = []
  node.on('message', (bytes) => said.push(readRtp(bytes)!))
  client.send(Buffer.alloc(640))
  await once(served, 'message')
  await send(node, packet(1))
  await vi.waitUntil(() => said.length === 2)
  expect(said.map(({ marker, payloadType }) => [marker, payloadType])).toEqual([
    [true, 0],
    [false, 0],
  ])
  expect([said[1]!.sequence - said[0]!.sequence, said[1]!.timestamp - said[0]!.timestamp]).toEqual([1, 160])
  expect(said[0]!.payload).toEqual(Buffer.alloc(160, 0xff))
})

test('a client that does not read costs little, and hears what is new when it reads again', async () => {
  client.pause()
  const count = 60_000
  let most = 0
  for (let sequence = 1; sequence <= count; sequence++) {
    await send(node, packet(sequence, sequence % 251))
    if (sequence % 20 === 0) await nextTurn()
    most = Math.max(most, served.bufferedAmount)
  }
  expect(most).toBeLessThan(16 * 1024)
  client.resume()
  await vi.waitUntil(
    async () => {
      await send(node, packet(count + 1 + got.length, 255))
      return got.at(-1)!.equals(frames(255)[0]!)
    },
    { timeout: 5_000 },
  )
  expect(got.length).toBeLessThan(count)
  expect(got.slice(-60)).toContainEqual(frames(count % 251)[0]!)
})
