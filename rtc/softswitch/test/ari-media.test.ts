import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { readWav, strongestTone, toneShare, writeWav } from '@sidetone/e2e/phone'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { type Lab, openLab } from './ari/lab.ts'
import { startTestSwitch } from './start-test-switch.ts'

// What the softswitch does beyond, or otherwise than, the contract it shares with Asterisk.
let lab: Lab
let server: Awaited<ReturnType<typeof startTestSwitch>>
let closed: Awaited<ReturnType<typeof startTestSwitch>>
let wav = Buffer.alloc(0)
let fetched = 0
const web = createServer((request, response) => {
  fetched++
  response.writeHead(request.url === '/tone.wav' ? 200 : 404)
  response.end(wav)
})
const url = (path: string) => `sound:http://127.0.0.1:${(web.address() as AddressInfo).port}${path}`

beforeAll(async () => {
  const samples = Int16Array.from({ length: 16_000 }, (_, i) => 8000 * Math.sin((2 * Math.PI * 600 * i) / 8000))
  wav = Buffer.from(writeWav(samples))
  await new Promise<void>((resolve) => web.listen(0, '127.0.0.1', resolve))
  server = await startTestSwitch()
  closed = await startTestSwitch({ mediaAllow: [] })
  lab = await openLab({ ...server.access, host: '127.0.0.1', sipPort: server.sipPort, stop: server.close } as never)
})
afterEach(() => lab.reset())
afterAll(async () => {
  await lab.close()
  await Promise.all([server.close(), closed.close()])
  web.close()
})

test('a WAV behind a URL of the platform is heard', async () => {
  const { ari, answered } = lab
  const { call, path } = await answered()
  await ari.post(`${path}/play`, { body: { media: [url('/tone.wav')], playbackId: 'web' } })
  await call.waitForTone(600)
})

test('one that is not there fails, and what comes after it is not played', async () => {
  const { ari, answered } = lab
  const { path } = await answered()
  await ari.post(`${path}/play`, { body: { media: [url('/gone.wav'), 'tone:440'], playbackId: 'gone' } })
  const { playback } = await ari.next('PlaybackFinished', { playback: { id: 'gone', state: 'failed' } })
  expect(playback).toMatchObject({ media_uri: url('/gone.wav'), reason: expect.stringContaining('404') })
})

test('a private address that is not allowed is never asked', async () => {
  const other = await openLab({
    ...closed.access,
    host: '127.0.0.1',
    sipPort: closed.sipPort,
    stop: closed.close,
  } as never)
  const { path } = await other.answered()
  const before = fetched
  await other.ari.post(`${path}/play`, { body: { media: url('/tone.wav'), playbackId: 'ssrf' } })
  await other.ari.next('PlaybackFinished', { playback: { id: 'ssrf', state: 'failed' } })
  expect(fetched).toBe(before)
  await other.reset()
  await other.close()
})

test('a caller who hangs up in the middle is no reason to complain', async () => {
  const { ari, answered } = lab
  const { call, path } = await answered()
  await ari.post(`${path}/play`, { body: { media: 'tone:440', playbackId: 'cut' } })
  await ari.next('PlaybackStarted', { playback: { id: 'cut' } })
  await call.hangup()
  const { playback } = await ari.next('PlaybackFinished', { playback: { id: 'cut' } })
  expect(playback).toMatchObject({ state: 'failed' })
  expect(playback).not.toHaveProperty('reason')
})

test.each([
  'sound:../../etc/passwd',
  'recording:../secret',
  'tone:constructor',
  'digits:12x',
  'file:///etc/passwd',
  'nonsense',
])('%s cannot be played', async (media) => {
  const { ari, answered } = lab
  const { path } = await answered()
  await ari.post(`${path}/play`, { body: { media, playbackId: 'bad' } })
  await ari.next('PlaybackFinished', { playback: { id: 'bad', state: 'failed' } })
})

test('what is played to the phone is listened to for tones as well', async () => {
  const { ari, answered } = lab
  const { path, id } = await answered()
  await ari.post(`${path}/variable`, { query: { variable: 'TONE_DETECT(1000,200)', value: '' } })
  await ari.post(`${path}/play`, { query: { media: 'tone:1000' } })
  await ari.next('ChannelToneDetected', { channel: { id }, frequency: 1000 })
  expect((await ari.get(`${path}/variable`, { variable: 'TONE_DETECT(tx)' })).body).toEqual({ value: '1' })
})

test('the beep of an answering machine is told when it has ended', async () => {
  const { ari, answered } = lab
  const { path, id, call } = await answered()
  await ari.post(`${path}/variable`, { query: { variable: 'TONE_DETECT(beep,0,r)', value: '' } })
  await call.play({ frequency: 1400, durationMs: 500 })
  const { frequency } = await ari.next('ChannelToneDetected', { channel: { id } })
  expect(Math.abs(frequency - 1400)).toBeLessThan(10)
})

test('a recording of two channels keeps the voices apart, also by listening in', async () => {
  const { ari, answered, connected } = lab
  expect((await ari.get('asterisk/info')).body).toMatchObject({ config: { record_channels: 2 } })
  const [a, b] = [await answered(), await connected()]
  await ari.post('bridges/pair', { query: { type: 'mixing' } })
  await ari.post('bridges/pair/addChannel', { query: { channel: `${a.id},${b.id}` } })
  await ari.post(`${a.path}/snoop/spy`, { query: { app: ari.app, spy: 'both' } })
  await ari.next('StasisStart', { channel: { id: 'spy' } })
  await ari.post('channels/spy/record', { query: { name: 'sides', format: 'wav', channels: 2 } })
  await ari.next('RecordingStarted', { recording: { name: 'sides' } })
  await Promise.all([
    a.call.play({ frequency: 500, durationMs: 600 }),
    b.call.play({ frequency: 900, durationMs: 600 }),
  ])
  await ari.post('recordings/live/sides/stop')
  await ari.next('RecordingFinished', { recording: { name: 'sides' } })
  const { channels, samples } = readWav((await ari.get('recordings/stored/sides/file')).body)
  expect(channels).toBe(2)
  const side = (which: number) => samples.filter((_, i) => i % 2 === which).subarray(-4000, -800)
  expect(strongestTone(side(0)).frequency).toBeCloseTo(500, -1)
  expect(strongestTone(side(1)).frequency).toBeCloseTo(900, -1)
  expect(toneShare(side(0), 900)).toBeLessThan(0.01)
})

test('a recording is played again', async () => {
  const { ari, answered } = lab
  const { call, path } = await answered()
  await ari.post(`${path}/record`, { body: { name: 'again', format: 'wav' } })
  await ari.next('RecordingStarted')
  await call.play({ frequency: 700, durationMs: 500 })
  await ari.post('recordings/live/again/stop')
  await ari.next('RecordingFinished', { recording: { name: 'again' } })
  await ari.post(`${path}/play`, { query: { media: 'recording:again' } })
  await call.waitForTone(700)
})

test.each(['constructor', 'bogus'])('"%s" is no reason to hang up', async (reason) => {
  const { ari, inbound } = lab
  const { path } = await inbound()
  expect((await ari.delete(path, { reason })).status).toBe(400)
})

test('two originates with one id make one channel', async () => {
  const { ari, phone } = lab
  const bob = await phone({ username: 'bob' })
  const query = { endpoint: `PJSIP/call-out/${bob.uri}`, app: ari.app, channelId: 'twin' }
  const replies = await Promise.all([ari.rest('POST', 'channels', { query }), ari.rest('POST', 'channels', { query })])
  expect(replies.filter(({ status }) => status === 200)).toHaveLength(1)
  expect((await ari.get('channels')).body).toHaveLength(1)
})

test('a body too large is refused', async () => {
  const { ari, inbound } = lab
  const { path } = await inbound()
  expect((await ari.post(`${path}/play`, { body: { media: 'x'.repeat(100_000) } })).status).toBe(413)
})

test('an application that does not read its events is cut off', async () => {
  const { ari, inbound, target } = lab
  const socket = new WebSocket(
    `${target.ariUrl.replace('http', 'ws')}/events?app=slow&subscribeAll=true&api_key=${target.user}:${target.password}`,
  )
  await new Promise((resolve) => socket.once('open', resolve))
  socket.pause()
  const left = new Promise<number>((resolve) => socket.once('close', resolve))
  const { path } = await inbound()
  const value = 'v'.repeat(60_000)
  for (let i = 0; i < 500; i++) await ari.post(`${path}/variable`, { body: { variable: 'X', value } })
  socket.resume()
  expect(await left).toBe(1013)
})
