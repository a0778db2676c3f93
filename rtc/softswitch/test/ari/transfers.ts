import { expect, test } from 'vitest'
import type { Lab } from './lab.ts'

export function transfers(lab: () => Lab) {
  const target = () => `sip:+15559999@${lab().target.host}`

  test.each(['caller', 'callee'] as const)('the %s asks for a transfer, and the application decides', async (who) => {
    const { ari, talking } = lab()
    const { a, b, bridge } = await talking()
    const [asks, other] = who === 'caller' ? [a, b] : [b, a]
    const referral = await asks.call.refer(target(), { headers: { 'Referred-By': `<${asks.phone.uri}>` } })
    expect(referral.status).toBe(202)
    const event = await ari.next('ChannelTransfer', { referred_by: { source_channel: { id: asks.id } } })
    expect(event.refer_to).toEqual({ requested_destination: { destination: '+15559999' } })
    expect(event.referred_by).toMatchObject({ connected_channel: { id: other.id }, bridge: { id: bridge.id } })
    expect(event).not.toHaveProperty('state')
    const say = (states: string) => ari.post(`${asks.path}/transfer_progress`, { query: { states } })
    expect(await say('channel_progress')).toEqual({ status: 204, body: undefined })
    await expect.poll(() => referral.progress).toContain(100)
    expect(referral.subscription).toMatch(/^active/)
    expect(await say('channel_answered')).toEqual({ status: 204, body: undefined })
    expect(await referral.done).toBe(200)
    await ari.next('ChannelTransfer', { state: 'channel_answered' })
    // Nothing has happened to the calls by itself.
    expect((await ari.get(bridge.path)).body.channels).toHaveLength(2)
  })

  test.each([
    ['channel_unavailable', 503],
    ['channel_declined', 603],
  ])('%s is told to the phone as %i, which may ask again', async (states, status) => {
    const { ari, answered } = lab()
    const { call, path, takeTransfers } = await answered()
    await takeTransfers()
    for (let times = 0; times < 2; times++) {
      const referral = await call.refer(target())
      await ari.post(`${path}/transfer_progress`, { query: { states } })
      expect(await referral.done).toBe(status)
    }
  })

  test('an attended transfer names both calls of the phone that asks', async () => {
    const { ari, talking, answered, connected, phone, bridged } = lab()
    const { a, b } = await talking()
    const c = await connected({ by: await phone({ username: 'carol' }) })
    const second = await answered({ by: a.phone })
    const bridge = await bridged(second.id, c.id)
    const referral = await a.call.refer(c.phone.uri, { attended: second.call })
    expect(referral.status).toBe(202)
    const { refer_to, referred_by } = await ari.next('ChannelTransfer')
    expect(refer_to).toMatchObject({
      requested_destination: { destination: 'carol', protocol_id: second.call.callId },
      destination_channel: { id: second.id },
      connected_channel: { id: c.id },
      bridge: { id: bridge.id },
    })
    expect(referred_by).toMatchObject({ source_channel: { id: a.id }, connected_channel: { id: b.id } })
  })

  test('what names nobody is refused', async () => {
    const { ari, answered } = lab()
    const { call, path, takeTransfers } = await answered()
    await takeTransfers()
    for (const nobody of ['http://example.com', 'tel:+15559999']) expect((await call.refer(nobody)).status).toBe(400)
    expect(ari.events.filter(({ type }) => type === 'ChannelTransfer')).toEqual([])
    expect(await ari.post(`${path}/transfer_progress`)).toMatchObject({ status: 400 })
    expect(await ari.post(`${path}/transfer_progress`, { query: { states: 'bogus' } })).toEqual({
      status: 400,
      body: { message: 'Invalid states value' },
    })
    const gone = await ari.post('channels/none/transfer_progress', { query: { states: 'channel_answered' } })
    expect(gone).toEqual({ status: 404, body: { message: 'Channel not found' } })
  })
}
