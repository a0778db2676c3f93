import { sine } from '@sidetone/e2e/phone'
import { expect, test } from 'vitest'
import type { Lab } from './lab.ts'

/** A digit as a phone without telephone-event sends it (ITU-T Q.23). */
function digitTone(row: number, column: number, durationMs = 120): Int16Array {
  const high = sine(column, durationMs, 6000)
  return sine(row, durationMs, 6000).map((sample, i) => sample + high[i]!)
}

export function detection(lab: () => Lab) {
  const listening = async (tone: string) => {
    const made = await lab().answered()
    const set = (value: string) =>
      lab().ari.post(`${made.path}/variable`, { query: { variable: `TONE_DETECT(${value})`, value: '' } })
    expect(await set(tone)).toEqual({ status: 204, body: undefined })
    const heard = async (direction: 'rx' | 'tx') =>
      (await lab().ari.get(`${made.path}/variable`, { variable: `TONE_DETECT(${direction})` })).body
    return { ...made, set, heard }
  }
  const detected = () => lab().ari.events.filter(({ type }) => type === 'ChannelToneDetected')

  test('the calling tone of a fax is told once it has lasted, and counted', async () => {
    const { ari } = lab()
    const { call, id, heard } = await listening('1100,400,r')
    expect(await heard('rx')).toEqual({ value: '0' })
    await call.play({ frequency: 1100, durationMs: 900 })
    await ari.next('ChannelToneDetected', { channel: { id } })
    expect([await heard('rx'), await heard('tx')]).toEqual([{ value: '1' }, { value: '0' }])
    await call.play({ frequency: 700, durationMs: 900 })
    await call.play({ frequency: 1100, durationMs: 900 })
    await expect.poll(() => heard('rx')).toEqual({ value: '2' })
    expect(detected()).toHaveLength(2)
  })

  test('a second detector takes the place of the first, and x ends it', async () => {
    const { ari } = lab()
    const { call, path, id, set } = await listening('1100,200,r')
    await set('2100,200,r')
    await call.play({ frequency: 1100, durationMs: 600 })
    expect(detected()).toEqual([])
    await call.play({ frequency: 2100, durationMs: 600 })
    await ari.next('ChannelToneDetected', { channel: { id } })
    await set('0,200,x')
    await call.play({ frequency: 2100, durationMs: 600 })
    expect(detected()).toHaveLength(1)
    expect((await ari.get(`${path}/variable`, { variable: 'TONE_DETECT(rx)' })).status).toBe(500)
  })

  test('who begins and ceases to talk is told', async () => {
    const { ari, answered } = lab()
    const { call, id, path } = await answered()
    await ari.post(`${path}/variable`, { query: { variable: 'TALK_DETECT(set)', value: '400,256' } })
    await call.play({ frequency: 440, durationMs: 600 })
    await ari.next('ChannelTalkingStarted', { channel: { id } })
    const silence = call.playSamples(new Int16Array(8000)) // of Asterisk, time passes with packets alone
    const { duration } = await ari.next('ChannelTalkingFinished', { channel: { id } })
    expect(Math.abs(duration - 600)).toBeLessThan(150)
    await silence
  })

  test('digits of a phone without telephone-event are heard as tones', async () => {
    const { ari, phone, answered } = lab()
    const { call, id } = await answered({ by: await phone({ telephoneEvent: false }) })
    await call.playSamples(digitTone(770, 1336))
    await call.playSamples(new Int16Array(1200))
    await call.playSamples(digitTone(941, 1477))
    await call.playSamples(new Int16Array(1200))
    for (const digit of ['5', '#']) {
      const { duration_ms } = await ari.next('ChannelDtmfReceived', { channel: { id }, digit })
      expect(duration_ms).toBeGreaterThan(60)
    }
  })

  test('tones of a phone with telephone-event are no digits', async () => {
    const { ari, answered } = lab()
    const { call } = await answered()
    await call.playSamples(digitTone(770, 1336, 300))
    await call.sendDtmf('9')
    await ari.next('ChannelDtmfReceived', { digit: '9' })
    expect(ari.events.filter(({ type }) => type === 'ChannelDtmfReceived')).toHaveLength(1)
  })
}
