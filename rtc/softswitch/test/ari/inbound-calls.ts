import { expect, test } from 'vitest'
import { argsOf, type Lab } from './lab.ts'

const life = ['ChannelCreated', 'StasisStart', 'ChannelStateChange', 'StasisEnd', 'ChannelDestroyed']

export function inboundCalls(lab: () => Lab) {
  test('a call reaches the application with what is known about it', async () => {
    const { ari, inbound, target } = lab()
    const { call, start, id } = await inbound()
    expect(argsOf(start)).toEqual({
      direction: 'in',
      domain: target.host,
      source: '127.0.0.1',
      transport: 'udp',
      sip_call_id: call.callId,
      username: '',
      customer_id: '',
    })
    expect(start).toMatchObject({ type: 'StasisStart', application: 'sidetone', asterisk_id: expect.any(String) })
    expect(start.timestamp).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+0000$/)
    expect(start.channel).toEqual({
      id,
      name: expect.stringMatching(/^PJSIP\/call-in-[0-9a-f]{8}$/),
      state: 'Ring',
      protocol_id: call.callId,
      caller: { name: '', number: 'alice' },
      connected: { name: '', number: '' },
      accountcode: '',
      dialplan: {
        context: 'call-in',
        exten: '+15550100000',
        priority: expect.any(Number),
        app_name: 'Stasis',
        app_data: expect.stringMatching(/^sidetone,direction=in,/),
      },
      creationtime: expect.any(String),
      language: 'en',
    })
    expect(ari.typesAbout(id, life)).toEqual(['ChannelCreated', 'StasisStart'])
    expect((await ari.get(`channels/${id}`)).body).toEqual(start.channel)
    expect((await ari.get('channels')).body).toEqual([start.channel])
    expect(call.progress).toEqual([100])
  })

  test('the caller is the user and the display name of the From header', async () => {
    const { start } = await lab().inbound({ from: '"Ann Example" <sip:+15551234@example.com>' })
    expect(start.channel.caller).toEqual({ name: 'Ann Example', number: '+15551234' })
  })

  test('ring sends 180, and answering makes the channel Up', async () => {
    const { ari, inbound } = lab()
    const { call, id, path } = await inbound()
    expect(await ari.post(`${path}/ring`)).toEqual({ status: 204, body: undefined })
    await expect.poll(() => call.progress).toEqual([100, 180])
    expect((await ari.get(path)).body.state).toBe('Ring')
    expect(await ari.post(`${path}/answer`)).toEqual({ status: 204, body: undefined })
    await call.answered
    await ari.next('ChannelStateChange', { channel: { id, state: 'Up' } })
    expect((await ari.get(path)).body.state).toBe('Up')
  })

  test('answering twice is not an error', async () => {
    const { ari, answered } = lab()
    const { path } = await answered()
    expect(await ari.post(`${path}/answer`)).toEqual({ status: 204, body: undefined })
  })

  test('a call without an offer in its INVITE is answered with one', async () => {
    const { ari, answered } = lab()
    const { call, path } = await answered({ offer: 'late' })
    await ari.post(`${path}/play`, { query: { media: 'tone:440' } })
    await call.waitForTone(440)
  })

  test('media before the answer goes out as early media', async () => {
    const { ari, inbound } = lab()
    const { call, path } = await inbound()
    await ari.post(`${path}/play`, { query: { media: 'tone:440', playbackId: 'early' } })
    await call.waitForTone(440)
    expect(call.progress).toEqual([100, 183])
    await ari.delete('playbacks/early') // an answer would wait for the end of the playback
    await ari.post(`${path}/answer`)
    await call.answered
  })

  // Q.850 causes and the responses that they become (RFC 4497 and Asterisk).
  test.each([
    [{ reason: 'busy' }, 486, 17, 'User busy'],
    [{ reason: 'no_answer' }, 480, 19, 'User alerting, no answer'],
    [{ reason: 'rejected' }, 403, 21, 'Call Rejected'],
    [{ reason: 'congestion' }, 503, 34, 'Circuit/channel congestion'],
    [{ reason_code: 1 }, 404, 1, 'Unallocated (unassigned) number'],
    [{ reason_code: 3 }, 404, 3, 'No route to destination'],
    [{ reason_code: 18 }, 408, 18, 'No user responding'],
    [{ reason_code: 20 }, 480, 20, 'Subscriber absent'],
    [{ reason_code: 22 }, 410, 22, 'Number changed'],
    [{ reason_code: 27 }, 502, 27, 'Destination out of order'],
    [{ reason_code: 28 }, 484, 28, 'Invalid number format'],
    [{ reason_code: 31 }, 480, 31, 'Normal, unspecified'],
    [{ reason_code: 38 }, 500, 38, 'Network out of order'],
    [{ reason_code: 42 }, 503, 42, 'Switching equipment congestion'],
    [{ reason_code: 58 }, 488, 58, 'Bearer capability not available'],
    [{ reason_code: 127 }, 500, 127, 'Interworking, unspecified'],
    [{}, 603, 16, 'Normal Clearing'],
  ])('hanging up before the answer with %j is a %i', async (query, status, cause, cause_txt) => {
    const { ari, inbound } = lab()
    const { call, id, path } = await inbound()
    expect(await ari.delete(path, query)).toEqual({ status: 204, body: undefined })
    expect(await call.ended).toMatchObject({ by: 'them', status, cause })
    await ari.next('ChannelDestroyed', { channel: { id }, cause, cause_txt })
    expect(ari.typesAbout(id, life)).toEqual(['ChannelCreated', 'StasisStart', 'StasisEnd', 'ChannelDestroyed'])
  })

  test('hanging up after the answer sends BYE with the cause', async () => {
    const { ari, answered } = lab()
    const { call, id, path } = await answered()
    await ari.delete(path, { reason_code: 16 })
    expect(await call.ended).toMatchObject({ by: 'them', cause: 16 })
    await ari.next('ChannelDestroyed', { channel: { id }, cause: 16, cause_txt: 'Normal Clearing' })
    expect(ari.typesAbout(id, life)).toEqual(life)
    expect(await ari.get(path)).toEqual({ status: 404, body: { message: 'Channel not found' } })
    expect(await ari.delete(path)).toEqual({ status: 404, body: { message: 'Channel not found' } })
  })

  test('when the caller hangs up, the channel leaves the application and is destroyed, once each', async () => {
    const { ari, answered } = lab()
    const { call, id } = await answered()
    await call.hangup()
    const { cause } = await ari.next('ChannelDestroyed', { channel: { id } })
    expect([0, 16]).toContain(cause) // Asterisk has no cause for a BYE without a Reason header
    expect(ari.typesAbout(id, life)).toEqual(life)
    expect(ari.typesAbout(id, ['ChannelHangupRequest'])).not.toEqual([])
  })

  test('when the caller cancels before the answer, the channel ends the same way', async () => {
    const { ari, inbound } = lab()
    const { call, id } = await inbound()
    await call.hangup()
    expect(await call.ended).toMatchObject({ status: 487 })
    await ari.next('ChannelDestroyed', { channel: { id } })
    expect(ari.typesAbout(id, life)).toEqual(['ChannelCreated', 'StasisStart', 'StasisEnd', 'ChannelDestroyed'])
  })

  test('digits arrive as telephone events and by INFO', async () => {
    const { ari, answered } = lab()
    const { call, id } = await answered()
    await call.sendDtmf('1#')
    await call.sendInfoDtmf('9')
    await ari.next('ChannelDtmfReceived', { channel: { id }, digit: '9' })
    const digits = ari.events.filter(({ type }) => type === 'ChannelDtmfReceived')
    expect(digits.map(({ digit }) => digit)).toEqual(['1', '#', '9'])
    for (const { duration_ms } of digits) expect(duration_ms).toBeGreaterThanOrEqual(80)
  })

  test('digits are sent to the caller', async () => {
    const { ari, answered } = lab()
    const { call, path } = await answered()
    const query = { dtmf: '12*', duration: 80, between: 60 }
    expect(await ari.post(`${path}/dtmf`, { query })).toEqual({ status: 204, body: undefined })
    await call.waitForDigits('12*')
    expect(call.digits).toBe('12*')
    for (const { durationMs } of call.dtmf) expect(durationMs).toBeGreaterThanOrEqual(60)
  })

  test('the caller can put the call on hold and come back', async () => {
    const { ari, answered } = lab()
    const { call, id, path } = await answered()
    await call.hold()
    await ari.next('ChannelHold', { channel: { id } })
    await call.resume()
    await ari.next('ChannelUnhold', { channel: { id } })
    await ari.post(`${path}/play`, { query: { media: 'tone:440' } })
    await call.waitForTone(440)
  })

  test('variables are kept with the channel, and functions read the call', async () => {
    const { ari, inbound } = lab()
    const { call, id, path } = await inbound({ headers: { 'X-Note': 'hello' } })
    const variable = (name: string) => ari.get(`${path}/variable`, { variable: name })
    expect(await variable('COLOUR')).toEqual({ status: 404, body: { message: 'Provided variable was not found' } })
    expect(await ari.post(`${path}/variable`, { query: { variable: 'COLOUR', value: 'blue' } })).toMatchObject({
      status: 204,
    })
    expect(await variable('COLOUR')).toEqual({ status: 200, body: { value: 'blue' } })
    await ari.next('ChannelVarset', { channel: { id }, variable: 'COLOUR', value: 'blue' })
    expect((await variable('PJSIP_HEADER(read,X-Note)')).body).toEqual({ value: 'hello' })
    expect((await variable('CHANNEL(pjsip,call-id)')).body).toEqual({ value: call.callId })
    expect((await ari.get(`${path}/variable`)).status).toBe(400)
  })

  test('music on hold is heard until it is stopped', async () => {
    const { ari, answered } = lab()
    const { call, path } = await answered()
    expect(await ari.post(`${path}/moh`)).toEqual({ status: 204, body: undefined })
    const startedAt = call.now()
    await expect.poll(() => call.dominantFrequency(startedAt), { timeout: 3000 }).toBeGreaterThan(0)
    expect(await ari.delete(`${path}/moh`)).toEqual({ status: 204, body: undefined })
    await call.waitForSilence()
  })
}
