import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { sine } from '@sidetone/e2e/phone'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { type WebSocket, WebSocketServer } from 'ws'
import { type Lab, openLab } from './ari/lab.ts'
import { mediaSocketClient } from './ari/media-socket-client.ts'
import { startTestSwitch } from './start-test-switch.ts'

// The switch connects to the application, which Asterisk does only to those that its configuration names.
const applications = new WebSocketServer({ port: 0, host: '127.0.0.1' })
await once(applications, 'listening')
const url = `ws://127.0.0.1:${(applications.address() as AddressInfo).port}/speech`
let server: Awaited<ReturnType<typeof startTestSwitch>>
let lab: Lab
beforeAll(async () => {
  server = await startTestSwitch()
  lab = await openLab({ ...server.access, host: '127.0.0.1', sipPort: server.sipPort, stop: server.close })
})
afterEach(() => lab.reset())
afterAll(async () => {
  await lab.close()
  await server.close()
  applications.close()
})

const externalMedia = (query: Record<string, string>) =>
  lab.ari.post('channels/externalMedia', {
    query: {
      app: lab.ari.app,
      encapsulation: 'none',
      transport: 'websocket',
      format: 'slin',
      channelId: 'ext',
      ...query,
    },
  })

test('the switch connects to an application, which hears the call and is heard', async () => {
  const connected = once(applications, 'connection') as Promise<[WebSocket, IncomingMessage]>
  const { call, id } = await lab.answered()
  const reply = await externalMedia({ external_host: url, transport_data: 'v(call=abc,lang=de)' })
  expect(reply).toMatchObject({ status: 200, body: { state: 'Down' } })
  const [ws, request] = await connected
  expect([request.url, ws.protocol]).toEqual(['/speech?call=abc&lang=de', 'media'])
  const app = mediaSocketClient(ws)
  await lab.ari.next('StasisStart', { channel: { id: 'ext', state: 'Up' } })
  await lab.ari.post('bridges/speech', { query: { type: 'mixing' } })
  await lab.ari.post('bridges/speech/addChannel', { query: { channel: `${id},ext` } })
  void call.play({ frequency: 440, durationMs: 1000 })
  await app.waitForTone(440)
  app.say(sine(1000, 500))
  await call.waitForTone(1000)
  await lab.ari.delete('channels/ext')
  expect(await app.closed).toBe(1000)
})

test('marks without end do not fill the memory', async () => {
  const connected = once(applications, 'connection') as Promise<[WebSocket]>
  await externalMedia({ external_host: url })
  const app = mediaSocketClient((await connected)[0])
  app.command('PAUSE_MEDIA')
  for (let i = 0; i < 3000; i++) app.command('MARK_MEDIA', String(i))
  app.command('GET_STATUS')
  expect((await app.next('STATUS')).queue_length).toBe(2000)
})

test('one that does not answer ends the channel, and the log says why', async () => {
  await externalMedia({ external_host: 'ws://127.0.0.1:9/' })
  await lab.ari.next('ChannelDestroyed', { channel: { id: 'ext' }, cause: 3 })
  await expect.poll(() => server.logged).toContain('an external media could not be connected')
})

test('a private address that is not allowed is never asked', async () => {
  const closed = await startTestSwitch({ mediaAllow: [] })
  const other = await openLab({ ...closed.access, host: '127.0.0.1', sipPort: closed.sipPort, stop: closed.close })
  let asked = 0
  applications.once('connection', () => asked++)
  const query = { app: 'sidetone', encapsulation: 'none', transport: 'websocket', format: 'slin', channelId: 'ext' }
  await other.ari.post('channels/externalMedia', { query: { ...query, external_host: url } })
  await other.ari.next('ChannelDestroyed', { channel: { id: 'ext' }, cause: 3 })
  expect(asked).toBe(0)
  await other.close()
  await closed.close()
})

test.each([
  [{ external_host: 'http://127.0.0.1/' }, 400, 'a ws: or wss: URL'],
  [{ external_host: 'ws://user:secret@127.0.0.1/' }, 400, 'without a user'],
  [{ external_host: 'INCOMING' }, 400, 'connection_type'],
  [{ external_host: url, transport_data: 'd(sideways)' }, 400, 'd(…) must be in, out or both'],
  [{ external_host: url, transport_data: 'f(xml)' }, 400, 'f(…) must be json or plain-text'],
  [{ external_host: url, format: 'vinyl' }, 422, 'ulaw, alaw, slin'],
  [{ external_host: '127.0.0.1:9', encapsulation: 'audiosocket', transport: 'tcp' }, 400, 'data must be a UUID'],
  [{ external_host: url, encapsulation: 'rtp' }, 501, 'none/websocket'],
])('%j is refused', async (query, status, message) => {
  const reply = await externalMedia(query as Record<string, string>)
  expect(reply).toMatchObject({ status, body: { message: expect.stringContaining(message) } })
})
