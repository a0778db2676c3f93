import { randomUUID } from 'node:crypto'
import { loudness, readWav, toneShare } from '@sidetone/e2e/phone'
import { expect, test } from 'vitest'
import type { Lab } from './lab.ts'

export function listeningIn(lab: () => Lab) {
  /** A caller and an agent who talk, and a supervisor whose channel is in a bridge with one that snoops on the agent. */
  const supervised = async (query: { spy: string; whisper: string }) => {
    const { ari, answered, connected, phone } = lab()
    const [caller, agent] = [await answered(), await connected()]
    const supervisor = await connected({ by: await phone({ username: 'carol' }) })
    const [talk, aside, snoop] = [randomUUID(), randomUUID(), randomUUID()]
    for (const bridgeId of [talk, aside]) await ari.post('bridges', { query: { type: 'mixing', bridgeId } })
    await ari.post(`bridges/${talk}/addChannel`, { query: { channel: `${caller.id},${agent.id}` } })
    await ari.post(`${agent.path}/snoop/${snoop}`, { query: { app: ari.app, ...query } })
    await ari.next('StasisStart', { channel: { id: snoop } })
    await ari.post(`bridges/${aside}/addChannel`, { query: { channel: `${supervisor.id},${snoop}` } })
    for (const [call, frequency] of [
      [caller.call, 500],
      [agent.call, 900],
      [supervisor.call, 1500],
    ] as const) {
      void call.play({ frequency, durationMs: 8000, amplitude: 4000 })
    }
    await caller.call.waitForTone(900)
    return { caller, agent, supervisor }
  }
  type Calls = Awaited<ReturnType<typeof supervised>>
  /** Which of the three voices one hears, once that is so. */
  const hears = (call: Calls['caller']['call'], voices: number[]) =>
    expect
      .poll(
        () => {
          const last = call.heard(call.now() - 300)
          return [500, 900, 1500].filter((frequency) => toneShare(last, frequency) > 0.15)
        },
        { timeout: 3000, interval: 50 },
      )
      .toEqual(voices)

  test.each([
    ['out', [500, 1500], [900]],
    ['in', [500], [900, 1500]],
    ['both', [500, 1500], [900, 1500]],
  ])('who whispers %s is heard by the agent, the caller, or both', async (whisper, byAgent, byCaller) => {
    const { caller, agent, supervisor } = await supervised({ spy: 'both', whisper })
    await hears(agent.call, byAgent as number[])
    await hears(caller.call, byCaller as number[])
    await hears(supervisor.call, [500, 900])
  })

  test('who listens in is heard by nobody', async () => {
    const { caller, agent, supervisor } = await supervised({ spy: 'both', whisper: 'none' })
    await hears(supervisor.call, [500, 900])
    await hears(agent.call, [500])
    await hears(caller.call, [900])
  })

  test('whispering alone hears nothing', async () => {
    const { agent, supervisor } = await supervised({ spy: 'none', whisper: 'out' })
    await hears(agent.call, [500, 1500])
    await hears(supervisor.call, [])
  })

  test('a snoop without a direction, or of an unknown one, is refused', async () => {
    const { ari, answered } = lab()
    const { path } = await answered()
    const snoop = (query: Record<string, string>) => ari.post(`${path}/snoop`, { query: { app: ari.app, ...query } })
    expect((await snoop({})).status).toBe(400)
    expect((await snoop({ spy: 'sideways' })).status).toBe(400)
    expect((await snoop({ whisper: 'sideways' })).status).toBe(400)
    expect((await snoop({ spy: 'none', whisper: 'none' })).status).toBe(400)
  })

  test('who is muted is still heard by who listens in', async () => {
    const { ari } = lab()
    const { caller, agent, supervisor } = await supervised({ spy: 'in', whisper: 'none' })
    await ari.post(`${agent.path}/mute`, { query: { direction: 'in' } })
    await caller.call.waitForSilence({ minMs: 200 })
    await hears(supervisor.call, [900])
  })

  test('the volume of what a phone says and hears is set, and read', async () => {
    const { ari, answered } = lab()
    const { call, path } = await answered()
    const set = (variable: string, value: string) => ari.post(`${path}/variable`, { query: { variable, value } })
    // Asterisk sets it when nothing plays.
    const level = async () => {
      await ari.post(`${path}/play`, { query: { media: 'tone:700', playbackId: 'tone' } })
      await call.waitForTone(700)
      const from = call.now()
      await call.waitForTone(700, { minMs: 200, sinceMs: from })
      await ari.delete('playbacks/tone')
      await call.waitForSilence({ minMs: 100 })
      return loudness(call.heard(from, from + 200))
    }
    const before = await level()
    expect(await set('VOLUME(TX)', '-4')).toEqual({ status: 204, body: undefined })
    expect((await level()) / before).toBeCloseTo(0.25, 1)
    expect((await ari.get(`${path}/variable`, { variable: 'VOLUME(TX)' })).body).toEqual({ value: '-4.000000' })
    await set('VOLUME(TX)', '2')
    expect((await level()) / before).toBeCloseTo(2, 0)

    await set('VOLUME(RX)', '3')
    const name = `loud-${randomUUID()}`
    await ari.post(`${path}/record`, { query: { name, format: 'wav' } })
    await ari.next('RecordingStarted', { recording: { name } })
    await call.play({ frequency: 600, durationMs: 500, amplitude: 2000 })
    await ari.post(`recordings/live/${name}/stop`)
    await ari.next('RecordingFinished', { recording: { name } })
    const { samples } = readWav((await ari.get(`recordings/stored/${name}/file`)).body)
    expect(Math.max(...samples)).toBeGreaterThan(5500)
    expect(Math.max(...samples)).toBeLessThan(6500)
    await ari.delete(`recordings/stored/${name}`)
  })
}
