import { expect, test } from 'vitest'
import type { Lab } from './lab.ts'

/** What an INVITE offers, best first, without what is not audio. */
function offeredIn(sdp: string): string[] {
  const formats = /^m=audio \d+ RTP\/AVP (.*)$/m.exec(sdp)?.[1]?.trim().split(' ') ?? []
  return formats.flatMap((format) => {
    const name = new RegExp(`^a=rtpmap:${format} (\\S+)`, 'm').exec(sdp)?.[1]
    return name && !name.startsWith('telephone-event') ? [name] : []
  })
}

export function codecs(lab: () => Lab) {
  test('a phone is offered all codecs, or those that are asked for, best first', async () => {
    const { ari, phone, originate } = lab()
    const bob = await phone({ username: 'bob' })
    const offered = async (options = {}) => {
      const { id } = await originate(bob, options)
      const call = await bob.nextCall()
      await call.reject(486)
      await ari.next('ChannelDestroyed', { channel: { id } })
      return offeredIn(call.invite.body)
    }
    expect(await offered()).toEqual(['PCMU/8000', 'PCMA/8000', 'G722/8000', 'opus/48000/2'])
    expect(await offered({ formats: 'g722,ulaw' })).toEqual(['G722/8000', 'PCMU/8000'])
    expect(await offered({ formats: 'alaw' })).toEqual(['PCMA/8000'])
  })

  test('formats that do not exist are an error', async () => {
    const { phone, ari } = lab()
    const bob = await phone({ username: 'bob' })
    const query = { endpoint: `PJSIP/call-out/${bob.uri}`, app: ari.app, formats: 'nonsense' }
    expect((await ari.post('channels', { query })).status).toBe(400)
  })

  test('how well a call is heard can be asked while it lasts, and is told when it ends', async () => {
    const { ari, answered } = lab()
    const { call, id, path } = await answered()
    await call.play({ frequency: 440, durationMs: 400 })
    await expect.poll(async () => (await ari.get(`${path}/rtp_statistics`)).body.rxcount).toBeGreaterThan(10)
    const { body } = await ari.get(`${path}/rtp_statistics`)
    const times = ['txjitter', 'rxjitter', 'rtt', 'maxrtt', 'minrtt', 'normdevrtt', 'stdevrtt']
    for (const side of ['remote', 'local']) {
      for (const kind of ['max', 'min', 'normdev', 'stdev']) {
        times.push(`${side}_${kind}jitter`, `${side}_${kind}rxploss`)
      }
    }
    for (const name of times) expect(body[name], name).toBeGreaterThanOrEqual(0)
    expect(body.txjitter).toBeLessThan(0.1)
    expect(body).toMatchObject({ channel_uniqueid: id, rxploss: 0, txploss: 0 })
    expect(body.rxoctetcount).toBe(160 * body.rxcount)
    await call.hangup()
    const { value } = await ari.next('ChannelVarset', { channel: { id }, variable: 'RTPAUDIOQOS' })
    expect(value).toMatch(
      new RegExp(
        `^ssrc=${body.local_ssrc};themssrc=${body.remote_ssrc};lp=0;rxjitter=0\\.0{6};rxcount=\\d+;txjitter=0\\.\\d{6};txcount=\\d+;rlp=0;rtt=0\\.0{6}`,
      ),
    )
    await ari.next('ChannelDestroyed', { channel: { id } })
    const told = ari.events.filter(({ channel }) => channel?.id === id).map(({ type, variable }) => variable ?? type)
    expect(told.indexOf('RTPAUDIOQOS')).toBeLessThan(told.indexOf('ChannelDestroyed'))
  })

  test('there are no statistics of what is not there, or has no RTP', async () => {
    const { ari } = lab()
    expect(await ari.get('channels/none/rtp_statistics')).toMatchObject({ status: 404 })
    const query = { endpoint: 'Local/echo@svc-echo', app: ari.app }
    const { id } = (await ari.post('channels', { query })).body
    expect((await ari.get(`channels/${id}/rtp_statistics`)).status).toBe(403)
  })

  test.each([
    ['PCMU', 'PCMA'],
    ['G722', 'PCMU'],
    ['opus', 'PCMA'],
    ['opus', 'G722'],
    ['opus', 'opus'],
  ] as const)('%s and %s hear each other in a bridge, and digits pass', async (first, second) => {
    const { ari, phone, answered } = lab()
    const ann = await answered({ by: await phone({ username: 'ann', codecs: [first] }) })
    const bob = await answered({ by: await phone({ username: 'bob', codecs: [second] }) })
    expect([...ann.call.remoteAudio!.codecs.values()]).toEqual([first])
    expect([...bob.call.remoteAudio!.codecs.values()]).toEqual([second])
    const bridge = (await ari.post('bridges', { query: { type: 'mixing,dtmf_events' } })).body
    await ari.post(`bridges/${bridge.id}/addChannel`, { query: { channel: `${ann.id},${bob.id}` } })
    const talking = [
      ann.call.play({ frequency: 500, durationMs: 4000 }),
      bob.call.play({ frequency: 900, durationMs: 4000 }),
    ]
    await Promise.all([bob.call.waitForTone(500), ann.call.waitForTone(900)])
    ann.call.stopPlaying()
    bob.call.stopPlaying()
    await Promise.all(talking)
    await ann.call.sendDtmf('59', { durationMs: 160 })
    await bob.call.waitForDigits('59')
    await bob.call.sendDtmf('#')
    await ann.call.waitForDigits('#')
    const pressed = ari.events.filter(({ type, channel }) => type === 'ChannelDtmfReceived' && channel.id === ann.id)
    expect(pressed.map(({ digit }) => digit)).toEqual(['5', '9'])
    for (const { duration_ms } of pressed) expect(Math.abs(duration_ms - 160)).toBeLessThanOrEqual(40)
  })
}
