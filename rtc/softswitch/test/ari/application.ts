import { expect, test } from 'vitest'
import { ariRequest, connectAri } from './ari-client.ts'
import type { Lab } from './lab.ts'

export function application(lab: () => Lab) {
  test('the server says who it is', async () => {
    const { ari } = lab()
    const ping = await ari.get('asterisk/ping')
    expect(ping).toMatchObject({ status: 200, body: { ping: 'pong', asterisk_id: expect.any(String) } })
    const info = await ari.get('asterisk/info')
    expect(info.body).toMatchObject({ system: { version: expect.any(String), entity_id: ping.body.asterisk_id } })
  })

  test('the connected application is listed', async () => {
    const { ari } = lab()
    expect((await ari.get('applications')).body).toMatchObject([{ name: 'sidetone', channel_ids: expect.any(Array) }])
    expect((await ari.get('applications/sidetone')).body).toMatchObject({ name: 'sidetone' })
    expect(await ari.get('applications/none')).toEqual({ status: 404, body: { message: 'Application not found' } })
  })

  test('a wrong password is refused, by HTTP and on the socket', async () => {
    const wrong = { ...lab().target, password: 'wrong' }
    expect((await ariRequest(wrong, 'GET', 'asterisk/ping')).status).toBe(401)
    await expect(connectAri(wrong)).rejects.toThrow('401')
  })

  test('requests over the socket get what requests by HTTP get', async () => {
    const { ari, answered } = lab()
    const { id, path, call } = await answered()
    expect(await ari.rest('GET', path)).toEqual(await ari.get(path))
    expect(await ari.rest('GET', 'channels/none')).toEqual({ status: 404, body: { message: 'Channel not found' } })
    expect(await ari.rest('POST', `${path}/variable`, { query: { variable: 'A', value: '1 & 2' } })).toMatchObject({
      status: 204,
    })
    expect(await ari.rest('GET', `${path}/variable`, { query: { variable: 'A' } })).toEqual({
      status: 200,
      body: { value: '1 & 2' },
    })
    expect(await ari.rest('GET', `${path}/variable?variable=A`)).toEqual({ status: 200, body: { value: '1 & 2' } })
    const played = await ari.rest('POST', `${path}/play`, { body: { media: 'tone:440', playbackId: 'by-socket' } })
    expect(played).toMatchObject({ status: 201, body: { id: 'by-socket', target_uri: `channel:${id}` } })
    await call.waitForTone(440)
    expect(await ari.rest('DELETE', path)).toMatchObject({ status: 204 })
    await ari.next('ChannelDestroyed', { channel: { id } })
  })

  test('requests on the socket are answered in any number and by their ids', async () => {
    const { ari, answered } = lab()
    const { path } = await answered()
    const replies = await Promise.all(
      Array.from({ length: 50 }, (_, i) => ari.rest('GET', i % 2 ? path : 'asterisk/ping')),
    )
    expect(replies.filter(({ status }) => status === 200)).toHaveLength(50)
    for (const [i, { body }] of replies.entries()) expect(i % 2 ? body.state : body.ping).toBe(i % 2 ? 'Up' : 'pong')
  })

  test('a second socket takes the application over, and the first is told', async () => {
    const { ari, target } = lab()
    const app = 'replaced'
    const first = await connectAri(target, { app, subscribeAll: false })
    const second = await connectAri(target, { app, subscribeAll: false })
    await first.next('ApplicationReplaced', { application: app })
    expect(second.events).toEqual([])
    expect((await first.rest('GET', 'asterisk/ping')).status).toBe(200)
    await Promise.all([first.close(), second.close()])
    expect((await ari.get('channels')).status).toBe(200)
  })

  test('an application without subscribeAll hears of its own channels alone', async () => {
    const { ari, target, phone, inbound } = lab()
    const other = await connectAri(target, { app: 'other', subscribeAll: false })
    await inbound()
    const bob = await phone({ username: 'bob' })
    const query = { endpoint: `PJSIP/call-out/${bob.uri}`, app: 'other', channelId: 'of-other' }
    expect((await other.post('channels', { query })).status).toBe(200)
    const call = await bob.nextCall()
    call.ring()
    await other.next('ChannelStateChange', { channel: { id: 'of-other', state: 'Ringing' } })
    await call.answer()
    await other.next('StasisStart', { channel: { id: 'of-other' } })
    await ari.delete('channels/of-other')
    await other.next('StasisEnd', { channel: { id: 'of-other' } })
    await other.next('ChannelDestroyed', { channel: { id: 'of-other' } })
    const channels = other.events.flatMap((event) => (event.channel ? [event.channel.id] : []))
    expect(new Set(channels)).toEqual(new Set(['of-other']))
    await other.close()
  })

  test('calls outlive the socket of their application, which hears of them when it comes back', async () => {
    const { target, phone } = lab()
    const first = await connectAri(target, { app: 'returning', subscribeAll: false })
    const bob = await phone({ username: 'bob' })
    const query = { endpoint: `PJSIP/call-out/${bob.uri}`, app: 'returning', channelId: 'kept' }
    await first.post('channels', { query })
    const call = await bob.nextCall()
    await call.answer()
    await first.next('StasisStart', { channel: { id: 'kept' } })
    await first.close()
    const second = await connectAri(target, { app: 'returning', subscribeAll: false })
    expect((await second.get('channels/kept')).body.state).toBe('Up')
    await second.post('channels/kept/play', { query: { media: 'tone:440' } })
    await call.waitForTone(440)
    await call.sendDtmf('8')
    await call.hangup()
    await second.next('ChannelDtmfReceived', { channel: { id: 'kept' }, digit: '8' })
    await second.next('StasisEnd', { channel: { id: 'kept' } })
    await second.next('ChannelDestroyed', { channel: { id: 'kept' } })
    await second.close()
  })
}

/** Needs the platform's own application to be away, so it comes last. */
export function applicationAway(lab: () => Lab) {
  test('a call is refused with 503 while no application is connected', async () => {
    const { ari, phone, target } = lab()
    await ari.close()
    await expect.poll(async () => (await ari.get('applications')).body).toEqual([])
    const alice = await phone()
    const call = await alice.call(`sip:+15550100000@${target.host}:${target.sipPort}`)
    expect(await call.ended).toMatchObject({ by: 'them', status: 503 })
  })

  test('the end of a call that came in is told to an application that subscribes to its channel', async () => {
    const { ari, target, phone } = lab()
    await ari.close()
    const own = await connectAri(target, { subscribeAll: false })
    const call = await (await phone()).call(`sip:+15550100000@${target.host}:${target.sipPort}`)
    const { id } = (await own.next('StasisStart')).channel
    const eventSource = `channel:${id}`
    const subscribed = await own.post('applications/sidetone/subscription', { query: { eventSource } })
    expect([subscribed.status, subscribed.body.channel_ids]).toEqual([200, [id]])
    await own.post(`channels/${id}/answer`)
    await call.answered
    await own.close()
    const back = await connectAri(target, { subscribeAll: false })
    await call.sendDtmf('4')
    await back.next('ChannelDtmfReceived', { channel: { id }, digit: '4' })
    await call.hangup()
    await back.next('StasisEnd', { channel: { id } })
    await back.next('ChannelDestroyed', { channel: { id } })
    expect(back.typesAbout(id, ['ChannelDtmfReceived', 'ChannelDestroyed'])).toHaveLength(2)
    const gone = await back.post('applications/sidetone/subscription', { query: { eventSource } })
    expect(gone).toEqual({ status: 422, body: { message: 'Event source does not exist' } })
    await expect.poll(async () => (await back.get('applications/sidetone')).body.channel_ids).toEqual([])
    await back.close()
  })
}
