import { expect, test } from 'vitest'
import type { Lab } from './lab.ts'

export function holding(lab: () => Lab) {
  const holds = (id: string) => lab().ari.typesAbout(id, ['ChannelHold', 'ChannelUnhold'])

  test.each(['caller', 'callee'] as const)(
    'the %s holds: the other hears music until the call goes on',
    async (who) => {
      const { ari, talking } = lab()
      const { a, b } = await talking()
      const [holder, other] = who === 'caller' ? [a, b] : [b, a]
      await holder.call.hold()
      expect(holder.call.remoteAudio?.direction).toBe('recvonly')
      await ari.next('ChannelHold', { channel: { id: holder.id } })
      await expect
        .poll(() => other.call.dominantFrequency(other.call.now() - 300), { timeout: 3000 })
        .toBeGreaterThan(0)
      await holder.call.waitForSilence({ minMs: 200 })
      expect(other.call.requests).toEqual([])
      await holder.call.resume()
      await ari.next('ChannelUnhold', { channel: { id: holder.id } })
      const heard = other.call.waitForTone(1000)
      void holder.call.play({ frequency: 1000, durationMs: 400 })
      await heard
      expect(holds(holder.id)).toEqual(['ChannelHold', 'ChannelUnhold'])
      expect(holds(other.id)).toEqual([])
    },
  )

  test('inactive is a hold too, by UPDATE as by re-INVITE, and told once', async () => {
    const { ari, answered } = lab()
    const { call, id } = await answered()
    await call.reoffer({ direction: 'inactive', method: 'UPDATE' })
    expect(call.remoteAudio?.direction).toBe('inactive')
    await ari.next('ChannelHold', { channel: { id } })
    await call.reoffer({ direction: 'sendonly' })
    await call.reoffer({ method: 'UPDATE' })
    expect(call.remoteAudio?.direction).toBe('sendrecv')
    await ari.next('ChannelUnhold', { channel: { id } })
    expect(holds(id)).toEqual(['ChannelHold', 'ChannelUnhold'])
  })

  test('who only wants to listen does not hold', async () => {
    const { ari, answered } = lab()
    const { call, id, path } = await answered()
    await call.reoffer({ direction: 'recvonly' })
    expect(call.remoteAudio?.direction).toBe('sendonly')
    await ari.post(`${path}/play`, { query: { media: 'tone:440' } })
    await call.waitForTone(440)
    expect(holds(id)).toEqual([])
  })

  test('a re-INVITE without an offer is answered with one', async () => {
    const { ari, answered } = lab()
    const { call, path } = await answered()
    await call.hold()
    await call.reoffer({ offer: 'late' })
    await ari.post(`${path}/play`, { query: { media: 'tone:440' } })
    await call.waitForTone(440)
  })

  test('another codec is taken from the next packet on', async () => {
    const { ari, answered } = lab()
    const { call, path } = await answered()
    await call.reoffer({ codecs: ['PCMA'] })
    await ari.post(`${path}/play`, { query: { media: 'tone:440' } })
    await call.waitForTone(440)
    expect(call.frames.at(-1)!.codec).toBe('PCMA')
  })

  test('held by the application, a phone hears music and is sent no re-INVITE', async () => {
    const { ari, talking } = lab()
    const { a, b } = await talking()
    expect(await ari.post(`${a.path}/hold`)).toEqual({ status: 204, body: undefined })
    await expect.poll(() => a.call.dominantFrequency(a.call.now() - 300), { timeout: 3000 }).toBeGreaterThan(0)
    expect(await ari.delete(`${a.path}/hold`)).toEqual({ status: 204, body: undefined })
    const heard = a.call.waitForTone(1000)
    void b.call.play({ frequency: 1000, durationMs: 1000 })
    await heard
    expect(a.call.requests).toEqual([])
    expect(holds(a.id)).toEqual([])
  })

  test('digits by INFO reach the application and who is in the bridge', async () => {
    const { ari, talking } = lab()
    const { a, b } = await talking()
    await a.call.sendInfoDtmf('5', { type: 'application/dtmf' })
    await a.call.sendInfoDtmf('6', { durationMs: 250 })
    await ari.next('ChannelDtmfReceived', { channel: { id: a.id }, digit: '5', duration_ms: 100 })
    await ari.next('ChannelDtmfReceived', { channel: { id: a.id }, digit: '6', duration_ms: 250 })
    await b.call.waitForDigits('56')
  })
}
