import { header } from '@sidetone/e2e/phone'
import { expect, test } from 'vitest'
import type { Lab } from './lab.ts'

const life = ['ChannelCreated', 'StasisStart', 'ChannelStateChange', 'StasisEnd', 'ChannelDestroyed']

export function outboundCalls(lab: () => Lab) {
  test('a call is placed, rings, and reaches the application when it is answered', async () => {
    const { ari, phone, originate } = lab()
    const bob = await phone({ username: 'bob' })
    const { id, path, reply } = await originate(bob, {
      appArgs: 'direction=out,leg=7',
      callerId: '"Sidetone" <+15550100000>',
    })
    expect(reply.body).toMatchObject({
      id,
      state: 'Down',
      name: expect.stringMatching(/^PJSIP\/call-out-[0-9a-f]{8}$/),
    })
    const call = await bob.nextCall()
    expect(header(call.invite, 'from')).toMatch(/^"Sidetone" <sip:\+15550100000@/)
    call.ring()
    await ari.next('ChannelStateChange', { channel: { id, state: 'Ringing' } })
    expect((await ari.get(path)).body.state).toBe('Ringing')
    await call.answer()
    const start = await ari.next('StasisStart', { channel: { id } })
    expect(start.args).toEqual(['direction=out', 'leg=7'])
    expect(start.channel).toMatchObject({
      state: 'Up',
      protocol_id: call.callId,
      dialplan: { app_name: 'Stasis', app_data: 'sidetone,direction=out,leg=7' },
    })
    const dials = ari.events.filter(({ type, peer }) => type === 'Dial' && peer.id === id)
    expect(dials.map(({ dialstatus }) => dialstatus)).toEqual(['', 'RINGING', 'ANSWER'])
    await ari.delete(path)
    expect(await call.ended).toMatchObject({ by: 'them', cause: 16 })
    await ari.next('ChannelDestroyed', { channel: { id } })
    expect(ari.typesAbout(id, life)).toEqual([
      'ChannelCreated',
      'ChannelStateChange',
      'ChannelStateChange',
      'StasisStart',
      'StasisEnd',
      'ChannelDestroyed',
    ])
  })

  test('variables and headers given at the start are there', async () => {
    const { ari, connected } = lab()
    const { call, path } = await connected({ body: { variables: { LEG: '7', 'PJSIP_HEADER(add,X-Leg)': 'seven' } } })
    expect(header(call.invite, 'x-leg')).toBe('seven')
    expect((await ari.get(`${path}/variable`, { variable: 'LEG' })).body).toEqual({ value: '7' })
  })

  // The final response of the far side, and what it becomes (RFC 4497 and Asterisk).
  test.each([
    [486, 17, 'User busy'],
    [603, 21, 'Call Rejected'],
    [403, 21, 'Call Rejected'],
    [404, 1, 'Unallocated (unassigned) number'],
    [480, 19, 'User alerting, no answer'],
    [503, 34, 'Circuit/channel congestion'],
  ])('a call refused with %i ends with cause %i', async (status, cause, cause_txt) => {
    const { ari, phone, originate } = lab()
    const bob = await phone({ username: 'bob' })
    bob.onInvite((call) => call.reject(status))
    const { id } = await originate(bob)
    const destroyed = await ari.next('ChannelDestroyed', { channel: { id } })
    expect(destroyed).toMatchObject({ cause, cause_txt })
    expect(ari.typesAbout(id, life)).toEqual(['ChannelCreated', 'ChannelDestroyed'])
  })

  test('early media of the callee is progress, not ringing', async () => {
    const { ari, phone, originate } = lab()
    const bob = await phone({ username: 'bob' })
    const { id } = await originate(bob)
    const call = await bob.nextCall()
    call.ring({ earlyMedia: true })
    await ari.next('Dial', { peer: { id }, dialstatus: 'PROGRESS' })
    call.reject(486)
    await ari.next('ChannelDestroyed', { channel: { id }, cause: 17 })
    expect(ari.typesAbout(id, ['ChannelStateChange'])).toEqual([])
  })

  test('a call that nobody answers is cancelled after its timeout', async () => {
    const { ari, phone, originate } = lab()
    const bob = await phone({ username: 'bob' })
    const { id } = await originate(bob, { timeout: 1 })
    const call = await bob.nextCall()
    call.ring()
    expect(await call.ended).toMatchObject({ by: 'them', status: 487 })
    await ari.next('ChannelDestroyed', { channel: { id }, cause: 19, cause_txt: 'User alerting, no answer' })
    expect(ari.typesAbout(id, ['StasisStart'])).toEqual([])
  })

  test('hanging up a ringing call cancels it', async () => {
    const { ari, phone, originate } = lab()
    const bob = await phone({ username: 'bob' })
    const { id, path } = await originate(bob)
    const call = await bob.nextCall()
    call.ring()
    await ari.next('ChannelStateChange', { channel: { id, state: 'Ringing' } })
    expect(await ari.delete(path, { reason: 'normal' })).toEqual({ status: 204, body: undefined })
    expect(await call.ended).toMatchObject({ by: 'them', status: 487 })
    await ari.next('ChannelDestroyed', { channel: { id } })
  })

  test('the callee hangs up', async () => {
    const { ari, connected } = lab()
    const { id, call } = await connected()
    await call.hangup()
    await ari.next('ChannelDestroyed', { channel: { id } })
    expect(ari.typesAbout(id, ['StasisEnd', 'ChannelDestroyed'])).toEqual(['StasisEnd', 'ChannelDestroyed'])
  })

  test('audio and digits pass on a call that was placed', async () => {
    const { ari, connected } = lab()
    const { id, path, call } = await connected()
    await ari.post(`${path}/play`, { query: { media: 'tone:440' } })
    await call.waitForTone(440)
    await call.sendDtmf('5')
    await ari.next('ChannelDtmfReceived', { channel: { id }, digit: '5' })
  })

  test('an id that is in use is refused', async () => {
    const { ari, connected } = lab()
    const { id, phone } = await connected()
    const query = { endpoint: `PJSIP/call-out/${phone.uri}`, app: 'sidetone', channelId: id }
    expect(await ari.post('channels', { query })).toEqual({
      status: 409,
      body: { message: 'Channel with given unique ID already exists' },
    })
  })
}
