import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { sine, strongestTone } from '@sidetone/e2e/phone'
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest'
import { type WebSocket, WebSocketServer } from 'ws'
import { type Lab, openLab } from './platform.ts'
import { startEmbedded } from './rtc-node.ts'

const applications = new WebSocketServer({ port: 0, host: '127.0.0.1' })
await once(applications, 'listening')
let lab: Lab
beforeAll(async () => {
  lab = await openLab({ startNode: startEmbedded })
})
afterAll(async () => {
  await lab.close()
  applications.close()
})
afterEach(() => lab.nothingIsLeft())

test('a flow connects a call to a program by WebSocket, which hears the phone and speaks to it', async () => {
  const connected = once(applications, 'connection') as Promise<[WebSocket]>
  const { port } = applications.address() as AddressInfo
  const option = {
    external_host: `ws://127.0.0.1:${port}/agent`,
    encapsulation: 'none',
    transport: 'websocket',
    format: 'slin',
    direction_listen: 'in',
    direction_speak: 'out',
  }
  const wait = { type: 'sleep', option: { duration: 60_000 } }
  const caller = await lab.dial(lab.number({ type: 'answer' }, { type: 'external_media_start', option }, wait))
  await caller.answered
  const [program] = await connected
  const heard: number[] = []
  program.on('message', (data: Buffer, isBinary) => {
    for (let at = 0; isBinary && at < data.length; at += 2) heard.push(data.readInt16LE(at))
  })
  void caller.play({ frequency: 900, durationMs: 20_000 })
  await vi.waitUntil(() => Math.abs(strongestTone(Int16Array.from(heard.slice(-1600))).frequency - 900) < 20, 4000)
  program.send(Buffer.from(sine(400, 1000).buffer))
  await caller.waitForTone(400)
  const closed = once(program, 'close')
  await caller.hangup()
  expect((await closed)[0]).toBe(1000)
  await lab.ended()
})
