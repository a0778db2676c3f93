import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Lab } from './lab.ts'
import { serveTones } from './web.ts'

export function playback(lab: () => Lab) {
  let web: Awaited<ReturnType<typeof serveTones>>
  beforeAll(async () => {
    web = await serveTones()
  })
  afterAll(() => web.close())

  test('a tone plays until it is stopped', async () => {
    const { ari, answered } = lab()
    const { call, id, path } = await answered()
    const { status, body } = await ari.post(`${path}/play`, { query: { media: 'tone:1004', playbackId: 'beeping' } })
    expect(status).toBe(201)
    expect(body).toEqual({
      id: 'beeping',
      media_uri: 'tone:1004',
      target_uri: `channel:${id}`,
      language: 'en',
      state: expect.stringMatching(/^(queued|playing)$/),
    })
    await ari.next('PlaybackStarted', { playback: { id: 'beeping', state: 'playing' } })
    await call.waitForTone(1004)
    expect((await ari.get('playbacks/beeping')).body.state).toBe('playing')
    expect(await ari.delete('playbacks/beeping')).toEqual({ status: 204, body: undefined })
    await ari.next('PlaybackFinished', { playback: { id: 'beeping', state: 'done' } })
    await call.waitForSilence({ minMs: 150 })
    expect(await ari.get('playbacks/beeping')).toEqual({ status: 404, body: { message: 'Playback not found' } })
    expect(await ari.delete('playbacks/beeping')).toEqual({ status: 404, body: { message: 'Playback not found' } })
  })

  test('tones have names and cadences', async () => {
    const { ari, answered } = lab()
    const { call, path } = await answered()
    await ari.post(`${path}/play`, { query: { media: 'tone:ring', playbackId: 'ring' } })
    await Promise.all([call.waitForTone(440), call.waitForTone(480)])
    await ari.delete('playbacks/ring')
    await ari.post(`${path}/play`, { body: { media: ['tone:600/200,0/200'], playbackId: 'cadence' } })
    await call.waitForTone(600)
    await call.waitForSilence({ minMs: 120 })
    await call.waitForTone(600)
    await ari.delete('playbacks/cadence')
  })

  test('a sound file plays once', async () => {
    const { ari, answered } = lab()
    const { call, path } = await answered()
    const { body } = await ari.post(`${path}/play`, { query: { media: 'sound:beep' } })
    expect(body.id).toMatch(/^[0-9a-f-]{36}$/)
    const startedAt = call.now()
    await ari.next('PlaybackFinished', { playback: { id: body.id, state: 'done' } })
    expect(call.dominantFrequency(startedAt)).toBeGreaterThan(300)
  })

  test('a file behind a URL is fetched and played', async () => {
    const { ari, answered } = lab()
    const { call, path } = await answered()
    const startedAt = call.now()
    await ari.post(`${path}/play`, { query: { media: `sound:${web.url('440.wav')}`, playbackId: 'fetched' } })
    await ari.next('PlaybackFinished', { playback: { id: 'fetched', state: 'done' } })
    await call.waitForSilence({ minMs: 100 })
    expect(call.dominantFrequency(startedAt)).toBeCloseTo(440, -1)
    expect(call.heard(startedAt).length / 8).toBeGreaterThan(250)
    expect(web.requests).toContainEqual(expect.stringMatching(/440\.wav$/))
  })

  test('several media play one after the other as one playback', async () => {
    const { ari, answered } = lab()
    const { call, path } = await answered()
    const media = [`sound:${web.url('500.wav')}`, `sound:${web.url('700.wav')}`]
    const { body } = await ari.post(`${path}/play`, { body: { media, playbackId: 'both' } })
    expect(body).toMatchObject({ media_uri: media[0], next_media_uri: media[1] })
    const second = call.waitForTone(500).then(() => call.waitForTone(700))
    await ari.next('PlaybackFinished', { playback: { id: 'both', state: 'done' } })
    await second
    expect(ari.typesAbout('both')).toEqual([
      'PlaybackStarted',
      'PlaybackContinuing',
      'PlaybackStarted',
      'PlaybackFinished',
    ])
  })

  test('a list of media in the query is separated by commas', async () => {
    const { ari, answered } = lab()
    const { path } = await answered()
    const media = `sound:${web.url('500.wav')},sound:${web.url('700.wav')}`
    const { body } = await ari.post(`${path}/play`, { query: { media, playbackId: 'listed' } })
    expect([body.media_uri, body.next_media_uri]).toEqual(media.split(','))
    await ari.next('PlaybackFinished', { playback: { id: 'listed', state: 'done' } })
  })

  test('a second playback waits for the first', async () => {
    const { ari, answered } = lab()
    const { call, path } = await answered()
    await ari.post(`${path}/play`, { query: { media: 'tone:440', playbackId: 'first' } })
    const { body } = await ari.post(`${path}/play`, { query: { media: 'tone:1000', playbackId: 'second' } })
    expect(body.state).toBe('queued')
    await call.waitForTone(440)
    expect((await ari.get('playbacks/second')).body.state).toBe('queued')
    await ari.delete('playbacks/first')
    await call.waitForTone(1000)
    await ari.delete('playbacks/second')
    await ari.next('PlaybackFinished', { playback: { id: 'second' } })
  })

  test('the path may name the playback', async () => {
    const { ari, answered } = lab()
    const { path } = await answered()
    expect((await ari.post(`${path}/play/named`, { query: { media: 'tone:440' } })).body.id).toBe('named')
    await ari.delete('playbacks/named')
    await ari.next('PlaybackFinished', { playback: { id: 'named' } })
  })

  test.each(['sound:no-such-sound', 'url that is not there'])(
    '%s fails as an event, not as a status',
    async (media) => {
      const { ari, answered } = lab()
      const { path } = await answered()
      const query = { media: media.startsWith('url') ? `sound:${web.url('nothing')}` : media, playbackId: 'failing' }
      expect((await ari.post(`${path}/play`, { query })).status).toBe(201)
      await ari.next('PlaybackFinished', { playback: { id: 'failing', state: 'failed' } })
    },
  )

  test('playbacks finish when the caller hangs up', async () => {
    const { ari, answered } = lab()
    const { call, path } = await answered()
    await ari.post(`${path}/play`, { query: { media: 'tone:440', playbackId: 'playing' } })
    await call.waitForTone(440)
    await call.hangup()
    await ari.next('PlaybackFinished', { playback: { id: 'playing' } })
    expect((await ari.get('playbacks/playing')).status).toBe(404)
  })

  test('silence keeps packets flowing until it is stopped', async () => {
    const { ari, answered } = lab()
    const { call, path } = await answered()
    expect(await ari.post(`${path}/silence`)).toEqual({ status: 204, body: undefined })
    await expect.poll(() => call.packets.received).toBeGreaterThan(10)
    expect(call.dominantFrequency()).toBe(0)
    expect(await ari.delete(`${path}/silence`)).toEqual({ status: 204, body: undefined })
  })
}
