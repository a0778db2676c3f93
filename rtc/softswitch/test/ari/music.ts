import { randomUUID } from 'node:crypto'
import { loudness } from '@sidetone/e2e/phone'
import { expect, test } from 'vitest'
import type { Lab } from './lab.ts'

export function music(lab: () => Lab) {
  const done = { status: 204, body: undefined }
  type Call = Awaited<ReturnType<Lab['answered']>>['call']
  const sounds = (call: Call) =>
    expect.poll(() => loudness(call.heard(call.now() - 400)), { timeout: 3000, interval: 50 }).toBeGreaterThan(100)

  test('a channel hears music until it is taken away', async () => {
    const { ari, answered } = lab()
    const { call, path } = await answered()
    expect(await ari.post(`${path}/moh`)).toEqual(done)
    await sounds(call)
    expect(await ari.delete(`${path}/moh`)).toEqual(done)
    await call.waitForSilence({ minMs: 300 })
    expect(await ari.delete(`${path}/moh`)).toEqual(done)
  })

  test('what is played is heard instead of the music', async () => {
    const { ari, answered } = lab()
    const { call, path } = await answered()
    await ari.post(`${path}/moh`)
    await sounds(call)
    await ari.post(`${path}/play`, { query: { media: 'tone:1700', playbackId: 'over' } })
    await call.waitForTone(1700, { minMs: 300 })
    await ari.delete('playbacks/over')
    await ari.next('PlaybackFinished', { playback: { id: 'over', state: 'done' } })
    await ari.delete(`${path}/moh`)
    await call.waitForSilence({ minMs: 300 })
  })

  test('a bridge hears music, all of it, and each other', async () => {
    const { ari, answered, connected } = lab()
    const [a, b, id] = [await answered(), await connected(), randomUUID()]
    await ari.post('bridges', { query: { type: 'mixing', bridgeId: id } })
    await ari.post(`bridges/${id}/addChannel`, { query: { channel: `${a.id},${b.id}` } })
    expect(await ari.post(`bridges/${id}/moh`)).toEqual(done)
    await Promise.all([sounds(a.call), sounds(b.call)])
    void a.call.play({ frequency: 1700, durationMs: 1500, amplitude: 16_000 })
    await b.call.waitForTone(1700)
    a.call.stopPlaying()
    expect((await ari.get(`bridges/${id}`)).body.channels).toEqual(expect.arrayContaining([a.id, b.id]))
    expect(await ari.delete(`bridges/${id}/moh`)).toEqual(done)
    await Promise.all([a.call, b.call].map((call) => call.waitForSilence({ minMs: 300 })))
    expect(await ari.delete(`bridges/${id}/moh`)).toEqual({
      status: 409,
      body: { message: "Bridge isn't playing music" },
    })
    expect((await ari.post('bridges/none/moh')).status).toBe(404)
  })

  test('a bridge that plays music and one party hear it, and it ends with the bridge', async () => {
    const { ari, answered } = lab()
    const [{ call, id: channel }, id] = [await answered(), randomUUID()]
    await ari.post('bridges', { query: { type: 'mixing', bridgeId: id } })
    await ari.post(`bridges/${id}/moh`)
    await ari.post(`bridges/${id}/addChannel`, { query: { channel } })
    await sounds(call)
    await ari.delete(`bridges/${id}`)
    await call.waitForSilence({ minMs: 300 })
  })
}
