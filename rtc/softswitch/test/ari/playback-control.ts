import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Lab } from './lab.ts'
import { serveTones } from './web.ts'

const done = { status: 204, body: undefined }

export function playbackControl(lab: () => Lab) {
  let web: Awaited<ReturnType<typeof serveTones>>
  beforeAll(async () => {
    web = await serveTones()
  })
  afterAll(() => web.close())

  const climbing = async (query: Record<string, string | number> = {}) => {
    const { ari, answered } = lab()
    const made = await answered()
    await ari.post(`${made.path}/play`, {
      query: { media: `sound:${web.url('stairs.wav')}`, playbackId: 'climb', ...query },
    })
    const control = (operation: string) => ari.post('playbacks/climb/control', { query: { operation } })
    return { ...made, control }
  }
  const stopped = async () => {
    await lab().ari.delete('playbacks/climb')
    await lab().ari.next('PlaybackFinished', { playback: { id: 'climb', state: 'done' } })
  }

  test('a pause is silent, and what follows goes on where it was', async () => {
    const { ari } = lab()
    const { call, control } = await climbing()
    await call.waitForTone(600)
    expect(await control('pause')).toEqual(done)
    await call.waitForSilence({ minMs: 700 })
    const resumedAt = call.now()
    expect(await control('unpause')).toEqual(done)
    await call.waitForTone(800, { sinceMs: resumedAt })
    expect(ari.typesAbout('climb')).toEqual(['PlaybackStarted', 'PlaybackStarted'])
    await stopped()
  })

  test('forward leaves out as much as skipms says, reverse repeats as much', async () => {
    const { call, control } = await climbing({ skipms: 1500 })
    await call.waitForTone(400)
    expect(await control('forward')).toEqual(done)
    await call.waitForTone(1000)
    expect(call.frames.length).toBeLessThan(70) // 600 and 800 were never heard
    expect(await control('reverse')).toEqual(done)
    await call.waitForTone(400)
    await stopped()
  })

  test('restart begins again', async () => {
    const { call, control } = await climbing()
    await call.waitForTone(800)
    expect(await control('restart')).toEqual(done)
    await call.waitForTone(400, { timeoutMs: 500 })
    await stopped()
  })

  test('offsetms begins in the middle', async () => {
    const { call } = await climbing({ offsetms: 3000 })
    await call.waitForTone(1600, { timeoutMs: 1000 })
    expect(call.dominantFrequency()).toBeCloseTo(1600, -2)
    await stopped()
  })

  test('what cannot be done now is refused', async () => {
    const { ari } = lab()
    const { call, path, control } = await climbing()
    await call.waitForTone(400)
    await ari.post(`${path}/play`, { query: { media: 'tone:1000', playbackId: 'waiting' } })
    const waiting = (operation: string) => ari.post('playbacks/waiting/control', { query: { operation } })
    expect(await waiting('pause')).toEqual({ status: 409, body: { message: 'Can only pause while media is playing' } })
    expect(await waiting('restart')).toEqual(done)
    expect(await control('unpause')).toEqual(done)
    await control('pause')
    expect(await control('pause')).toEqual(done)
    for (const operation of ['restart', 'reverse', 'forward']) expect((await control(operation)).status).toBe(409)
    expect(await control('fly')).toEqual({ status: 400, body: { message: 'Invalid operation fly' } })
    await ari.delete('playbacks/waiting')
    await stopped()
  })

  test('a tone pauses, and has no place to go to', async () => {
    const { ari, answered } = lab()
    const { call, path } = await answered()
    await ari.post(`${path}/play`, { query: { media: 'tone:1000', playbackId: 'tone' } })
    const control = (operation: string) => ari.post('playbacks/tone/control', { query: { operation } })
    await call.waitForTone(1000)
    for (const operation of ['forward', 'reverse', 'restart', 'pause']) expect(await control(operation)).toEqual(done)
    await call.waitForSilence({ minMs: 150 })
    expect((await ari.get('playbacks/tone')).body.state).toBe('paused')
    expect(await control('unpause')).toEqual(done)
    await call.waitForTone(1000)
    await ari.delete('playbacks/tone')
    await ari.next('PlaybackFinished', { playback: { id: 'tone' } })
  })

  test('one that is stopped before it began is neither heard nor told to have begun', async () => {
    const { ari, answered } = lab()
    const { call, path } = await answered()
    await ari.post(`${path}/play`, { query: { media: 'tone:440', playbackId: 'first' } })
    await ari.post(`${path}/play`, { query: { media: 'tone:1000', playbackId: 'second' } })
    await ari.post(`${path}/play`, { query: { media: 'tone:1700', playbackId: 'third' } })
    await call.waitForTone(440)
    await ari.delete('playbacks/second')
    await ari.delete('playbacks/first')
    await call.waitForTone(1700)
    expect(ari.typesAbout('second')).not.toContain('PlaybackStarted')
    await ari.delete('playbacks/third')
    await ari.next('PlaybackFinished', { playback: { id: 'third' } })
  })
}
