import { randomUUID } from 'node:crypto'
import { loudness, readWav, strongestTone, toneShare } from '@sidetone/e2e/phone'
import { expect, test } from 'vitest'
import type { Lab } from './lab.ts'

export function recording(lab: () => Lab) {
  const download = async (name: string) => {
    const { status, body } = await lab().ari.get(`recordings/stored/${name}/file`)
    expect(status).toBe(200)
    return readWav(body)
  }

  test('what the caller says is recorded until it is stopped, and downloaded as WAV', async () => {
    const { ari, answered } = lab()
    const { call, id, path } = await answered()
    const name = `call-${randomUUID()}`
    const { status, body } = await ari.post(`${path}/record`, { query: { name, format: 'wav' } })
    expect(status).toBe(201)
    expect(body).toMatchObject({
      name,
      format: 'wav',
      state: expect.stringMatching(/^(queued|recording)$/),
      target_uri: `channel:${id}`,
    })
    await ari.next('RecordingStarted', { recording: { name, state: 'recording' } })
    expect((await ari.get(`recordings/live/${name}`)).body).toMatchObject({ name, state: 'recording' })
    await call.play({ frequency: 440, durationMs: 400 })
    expect(await ari.post(`recordings/live/${name}/stop`)).toEqual({ status: 204, body: undefined })
    const { recording } = await ari.next('RecordingFinished', { recording: { name } })
    expect(recording).toMatchObject({ name, format: 'wav', state: 'done', target_uri: `channel:${id}` })
    expect(recording.duration).toBeLessThanOrEqual(1)

    expect((await ari.get(`recordings/stored/${name}`)).body).toEqual({ name, format: 'wav' })
    expect((await ari.get('recordings/stored')).body).toContainEqual({ name, format: 'wav' })
    const { rateHz, channels, samples } = await download(name)
    expect({ rateHz, channels }).toEqual({ rateHz: 8000, channels: 1 })
    expect(samples.length / 8).toBeGreaterThan(300)
    expect(strongestTone(samples).frequency).toBeCloseTo(440, -1)
    expect(strongestTone(samples).share).toBeGreaterThan(0.8)

    expect(await ari.delete(`recordings/stored/${name}`)).toEqual({ status: 204, body: undefined })
    expect((await ari.get(`recordings/stored/${name}`)).status).toBe(404)
    expect((await ari.get(`recordings/stored/${name}/file`)).status).toBe(404)
    expect(await ari.delete(`recordings/stored/${name}`)).toEqual({
      status: 404,
      body: { message: 'Recording not found' },
    })
  })

  test('a recording ends by its greatest length', async () => {
    const { ari, answered } = lab()
    const { path } = await answered()
    const name = `short-${randomUUID()}`
    await ari.post(`${path}/record`, { query: { name, format: 'wav', maxDurationSeconds: 1 } })
    const { recording } = await ari.next('RecordingFinished', { recording: { name, state: 'done' } })
    expect([1, 2]).toContain(recording.duration) // Asterisk ends it at the turn of a second
    const { samples } = await download(name)
    expect(samples.length / 8).toBeGreaterThan(900)
    expect(samples.length / 8).toBeLessThan(2100)
    await ari.delete(`recordings/stored/${name}`)
  })

  test('a recording ends by silence', async () => {
    const { ari, answered } = lab()
    const { call, path } = await answered()
    const name = `quiet-${randomUUID()}`
    await ari.post(`${path}/record`, { query: { name, format: 'wav', maxSilenceSeconds: 1, maxDurationSeconds: 8 } })
    await ari.next('RecordingStarted', { recording: { name } })
    await call.play({ frequency: 440, durationMs: 300 })
    const { recording } = await ari.next('RecordingFinished', { recording: { name, state: 'done' } })
    expect(recording.duration).toBeLessThan(3)
    await ari.delete(`recordings/stored/${name}`)
  })

  test('a recording ends by a digit', async () => {
    const { ari, answered } = lab()
    const { call, path } = await answered()
    const name = `digit-${randomUUID()}`
    await ari.post(`${path}/record`, { query: { name, format: 'wav', terminateOn: '#' } })
    await ari.next('RecordingStarted', { recording: { name } })
    await call.sendDtmf('1')
    expect((await ari.get(`recordings/live/${name}`)).status).toBe(200)
    await call.sendDtmf('#')
    await ari.next('RecordingFinished', { recording: { name, state: 'done' } })
    await ari.delete(`recordings/stored/${name}`)
  })

  test('a recording ends when the caller hangs up, and is kept', async () => {
    const { ari, answered } = lab()
    const { call, path } = await answered()
    const name = `left-${randomUUID()}`
    await ari.post(`${path}/record`, { query: { name, format: 'wav' } })
    await ari.next('RecordingStarted', { recording: { name } })
    await call.play({ frequency: 600, durationMs: 300 })
    await call.hangup()
    await ari.next('RecordingFinished', { recording: { name, state: 'done' } })
    expect(strongestTone((await download(name)).samples).frequency).toBeCloseTo(600, -1)
    await ari.delete(`recordings/stored/${name}`)
  })

  test('a beep before the recording is heard by the caller', async () => {
    const { ari, answered } = lab()
    const { call, path } = await answered()
    const name = `beep-${randomUUID()}`
    const startedAt = call.now()
    await ari.post(`${path}/record`, { query: { name, format: 'wav', beep: true } })
    await expect.poll(() => loudness(call.heard(startedAt))).toBeGreaterThan(100)
    await call.waitForSilence({ minMs: 100 }) // Asterisk forgets a stop during the beep
    await ari.post(`recordings/live/${name}/stop`)
    await ari.next('RecordingFinished', { recording: { name } })
    await ari.delete(`recordings/stored/${name}`)
  })

  test('a discarded recording leaves nothing', async () => {
    const { ari, answered } = lab()
    const { call, path } = await answered()
    const name = `gone-${randomUUID()}`
    await ari.post(`${path}/record`, { query: { name, format: 'wav' } })
    await ari.next('RecordingStarted', { recording: { name } })
    await call.play({ frequency: 440, durationMs: 100 }) // Asterisk refuses when it has only just begun
    expect(await ari.delete(`recordings/live/${name}`)).toEqual({ status: 204, body: undefined })
    await expect.poll(async () => (await ari.get(`recordings/live/${name}`)).status).toBe(404)
    expect((await ari.get(`recordings/stored/${name}`)).status).toBe(404)
  })

  test('a name that is taken is refused, or replaced when that is asked for', async () => {
    const { ari, answered } = lab()
    const { call, path } = await answered()
    const name = `twice-${randomUUID()}`
    const record = (query = {}) => ari.post(`${path}/record`, { query: { name, format: 'wav', ...query } })
    await record()
    await ari.next('RecordingStarted', { recording: { name } })
    await call.play({ frequency: 440, durationMs: 100 })
    expect((await record()).status).toBe(409)
    await ari.post(`recordings/live/${name}/stop`)
    await ari.next('RecordingFinished', { recording: { name } })
    expect(await record()).toMatchObject({ status: 409, body: { message: expect.any(String) } })
    expect((await record({ ifExists: 'overwrite' })).status).toBe(201)
    await expect.poll(() => ari.events.filter(({ type }) => type === 'RecordingStarted')).toHaveLength(2)
    await call.play({ frequency: 440, durationMs: 100 })
    await ari.post(`recordings/live/${name}/stop`)
    await expect
      .poll(() => ari.events.filter(({ type }) => type === 'RecordingFinished'), { timeout: 3000 })
      .toHaveLength(2)
    await ari.delete(`recordings/stored/${name}`)
  })

  test('a stored recording is played', async () => {
    const { ari, answered } = lab()
    const { call, path } = await answered()
    const name = `played-${randomUUID()}`
    await ari.post(`${path}/record`, { query: { name, format: 'wav' } })
    await ari.next('RecordingStarted', { recording: { name } })
    await call.play({ frequency: 700, durationMs: 400 })
    await ari.post(`recordings/live/${name}/stop`)
    await ari.next('RecordingFinished', { recording: { name } })
    await ari.post(`${path}/play`, { query: { media: `recording:${name}`, playbackId: 'again' } })
    await call.waitForTone(700)
    await ari.next('PlaybackFinished', { playback: { id: 'again', state: 'done' } })
    await ari.delete(`recordings/stored/${name}`)
  })

  test('a pause leaves out what is said, and a mute makes it silent', async () => {
    const { ari, answered } = lab()
    const { call, path } = await answered()
    const name = `paused-${randomUUID()}`
    await ari.post(`${path}/record`, { query: { name, format: 'wav' } })
    await ari.next('RecordingStarted', { recording: { name } })
    // What was said is on its way for a while.
    const say = async (frequency: number) => {
      await call.play({ frequency, durationMs: 400 })
      await call.playSamples(new Int16Array(2400))
    }
    await say(440)
    expect(await ari.post(`recordings/live/${name}/pause`)).toEqual({ status: 204, body: undefined })
    await expect.poll(async () => (await ari.get(`recordings/live/${name}`)).body.state).toBe('paused')
    await say(1000)
    expect(await ari.delete(`recordings/live/${name}/pause`)).toEqual({ status: 204, body: undefined })
    await expect.poll(async () => (await ari.get(`recordings/live/${name}`)).body.state).toBe('recording')
    expect(await ari.post(`recordings/live/${name}/mute`)).toEqual({ status: 204, body: undefined })
    await say(1600)
    expect(await ari.delete(`recordings/live/${name}/mute`)).toEqual({ status: 204, body: undefined })
    await say(700)
    await ari.post(`recordings/live/${name}/stop`)
    await ari.next('RecordingFinished', { recording: { name } })
    const { samples } = await download(name)
    const heard = (frequency: number) => {
      const parts = Array.from({ length: Math.floor(samples.length / 800) }, (_, i) =>
        samples.subarray(800 * i, 800 * i + 800),
      )
      return parts.filter((part) => loudness(part) > 500 && toneShare(part, frequency) > 0.5).length
    }
    expect(heard(440)).toBeGreaterThan(1)
    expect(heard(700)).toBeGreaterThan(1)
    expect([heard(1000), heard(1600)].every((count) => count <= 1)).toBe(true)
    await ari.delete(`recordings/stored/${name}`)
  })

  test('a recording that is not there is a 404', async () => {
    const { ari } = lab()
    const missing = { status: 404, body: { message: 'Recording not found' } }
    expect(await ari.get('recordings/live/none')).toEqual(missing)
    expect(await ari.post('recordings/live/none/stop')).toEqual(missing)
    expect(await ari.get('recordings/stored/none')).toEqual(missing)
    expect(await ari.get('recordings/stored/none/file')).toEqual(missing)
  })

  test('a format that is not known is refused', async () => {
    const { ari, answered } = lab()
    const { path } = await answered()
    expect((await ari.post(`${path}/record`, { query: { name: 'x', format: 'vinyl' } })).status).toBe(422)
  })
}
