import { randomUUID } from 'node:crypto'
import { type Call, readWav, sampleRateHz, strongestTone, toneShare } from '@sidetone/e2e/phone'
import { expect, test } from 'vitest'
import type { Lab } from './lab.ts'

export function bridges(lab: () => Lab) {
  const bridge = async (...channels: string[]) => {
    const { ari } = lab()
    const bridgeId = randomUUID()
    const { status } = await ari.post('bridges', { query: { type: 'mixing', bridgeId } })
    expect(status).toBe(200)
    for (const channel of channels) {
      const reply = await ari.post(`bridges/${bridgeId}/addChannel`, { query: { channel } })
      expect(reply).toEqual({ status: 204, body: undefined })
    }
    return { id: bridgeId, path: `bridges/${bridgeId}` }
  }
  /** An inbound and an outbound call in one bridge. */
  const two = async () => {
    const a = await lab().answered()
    const b = await lab().connected()
    return { a, b, bridge: await bridge(a.id, b.id) }
  }
  /** What the channel or bridge records while one says 440 Hz, and the other 1,000. */
  const recorded = async (path: string, one: Call, other: Call) => {
    const { ari } = lab()
    const name = `both-${randomUUID()}`
    expect((await ari.post(`${path}/record`, { query: { name, format: 'wav' } })).status).toBe(201)
    const target_uri = path.replace('s/', ':')
    await ari.next('RecordingStarted', { recording: { name, target_uri } })
    await Promise.all([one.play({ frequency: 440, durationMs: 400 }), other.play({ frequency: 1000, durationMs: 400 })])
    await ari.post(`recordings/live/${name}/stop`)
    await ari.next('RecordingFinished', { recording: { name } })
    const { samples } = readWav((await ari.get(`recordings/stored/${name}/file`)).body)
    await ari.delete(`recordings/stored/${name}`)
    return samples
  }
  const hears = async (listener: Call, speaker: Call, frequency: number) => {
    const heard = listener.waitForTone(frequency)
    void speaker.play({ frequency, durationMs: 400 })
    await heard
    speaker.stopPlaying()
  }

  test('a bridge is made, listed and destroyed', async () => {
    const { ari } = lab()
    const id = randomUUID()
    const name = 'reference_type=call,reference_id=7'
    const made = await ari.post('bridges', { query: { type: 'mixing', bridgeId: id, name } })
    expect(made).toEqual({
      status: 200,
      body: {
        id,
        name,
        technology: expect.any(String),
        bridge_type: 'mixing',
        bridge_class: 'stasis',
        creator: 'Stasis',
        channels: [],
        creationtime: expect.any(String),
        video_mode: expect.any(String),
      },
    })
    await ari.next('BridgeCreated', { bridge: { id, name } })
    expect((await ari.get('bridges')).body).toMatchObject([{ id }])
    expect((await ari.get(`bridges/${id}`)).body).toMatchObject({ id, name, channels: [] })
    expect(await ari.delete(`bridges/${id}`)).toEqual({ status: 204, body: undefined })
    await ari.next('BridgeDestroyed', { bridge: { id } })
    expect(await ari.get(`bridges/${id}`)).toEqual({ status: 404, body: { message: 'Bridge not found' } })
    expect(await ari.delete(`bridges/${id}`)).toEqual({ status: 404, body: { message: 'Bridge not found' } })
  })

  test('the path may name the bridge, and a name that is taken is refused', async () => {
    const { ari } = lab()
    const id = randomUUID()
    expect(await ari.post(`bridges/${id}`, { query: { type: 'mixing' } })).toMatchObject({ status: 200, body: { id } })
    expect((await ari.post(`bridges/${id}`, { query: { type: 'mixing' } })).status).toBe(409)
    expect((await ari.get('bridges')).body).toHaveLength(1)
  })

  test('two calls in a bridge hear each other', async () => {
    const { ari } = lab()
    const { a, b, bridge } = await two()
    await ari.next('ChannelEnteredBridge', { channel: { id: a.id }, bridge: { id: bridge.id } })
    const entered = await ari.next('ChannelEnteredBridge', { channel: { id: b.id }, bridge: { id: bridge.id } })
    expect([...entered.bridge.channels].sort()).toEqual([a.id, b.id].sort())
    await hears(a.call, b.call, 440)
    await hears(b.call, a.call, 1000)
    expect(toneShare(a.call.heard(a.call.now() - 300), 1000)).toBeLessThan(0.1) // nobody hears himself
  })

  test('several channels enter in one request, and three hear one another', async () => {
    const { ari, answered, connected, phone } = lab()
    const [a, b] = [await answered(), await connected()]
    const c = await connected({ by: await phone({ username: 'carol' }) })
    const { path } = await bridge()
    await ari.post(`${path}/addChannel`, { query: { channel: [a.id, b.id, c.id].join(',') } })
    void a.call.play({ frequency: 440, durationMs: 1500 })
    void b.call.play({ frequency: 1000, durationMs: 1500 })
    await Promise.all([
      c.call.waitForTone(440),
      c.call.waitForTone(1000),
      a.call.waitForTone(1000),
      b.call.waitForTone(440),
    ])
  })

  test('a channel that is taken out hears no more and can come back', async () => {
    const { ari } = lab()
    const { a, b, bridge } = await two()
    expect(await ari.post(`${bridge.path}/removeChannel`, { query: { channel: b.id } })).toEqual({
      status: 204,
      body: undefined,
    })
    await ari.next('ChannelLeftBridge', { channel: { id: b.id }, bridge: { id: bridge.id } })
    void a.call.play({ frequency: 440, durationMs: 4000 })
    await b.call.waitForSilence({ minMs: 150 })
    await ari.post(`${bridge.path}/addChannel`, { query: { channel: b.id } })
    await b.call.waitForTone(440)
  })

  test('destroying a bridge lets its channels go, and they stay in the application', async () => {
    const { ari } = lab()
    const { a, b, bridge } = await two()
    await ari.delete(bridge.path)
    for (const { id } of [a, b]) await ari.next('ChannelLeftBridge', { channel: { id } })
    await ari.next('BridgeDestroyed', { bridge: { id: bridge.id } })
    for (const { path, call } of [a, b]) {
      expect((await ari.get(path)).body.state).toBe('Up')
      await ari.post(`${path}/play`, { query: { media: 'tone:600' } })
      await call.waitForTone(600)
    }
  })

  test('a party that hangs up leaves the bridge before it ends, and the other stays', async () => {
    const { ari } = lab()
    const { a, b, bridge } = await two()
    await b.call.hangup()
    await ari.next('ChannelDestroyed', { channel: { id: b.id } })
    const end = ['ChannelEnteredBridge', 'ChannelLeftBridge', 'StasisEnd', 'ChannelDestroyed']
    expect(ari.typesAbout(b.id, end)).toEqual(end)
    expect((await ari.get(bridge.path)).body.channels).toEqual([a.id])
  })

  test('moving to another bridge leaves the first', async () => {
    const { ari, answered } = lab()
    const a = await answered()
    const [first, second] = [await bridge(a.id), await bridge(a.id)]
    await ari.next('ChannelLeftBridge', { channel: { id: a.id }, bridge: { id: first.id } })
    await ari.next('ChannelEnteredBridge', { channel: { id: a.id }, bridge: { id: second.id } })
    expect((await ari.get(first.path)).body.channels).toEqual([])
    expect((await ari.get(second.path)).body.channels).toEqual([a.id])
  })

  test('digits in a bridge reach the other side, and the application when the bridge is made for that', async () => {
    const { ari, answered, connected } = lab()
    const [a, b] = [await answered(), await connected()]
    await ari.post('bridges', { query: { type: 'mixing,dtmf_events', bridgeId: 'with-digits' } })
    await ari.post('bridges/with-digits/addChannel', { query: { channel: `${a.id},${b.id}` } })
    await a.call.sendDtmf('3')
    await ari.next('ChannelDtmfReceived', { channel: { id: a.id }, digit: '3' })
    await b.call.waitForDigits('3')
  })

  // Whether the application hears of them too is not defined: Asterisk says nothing where it joins two RTP streams natively.
  test('digits in a bridge that is not made for them reach the other side', async () => {
    const { a, b } = await two()
    await a.call.sendDtmf('4')
    await b.call.waitForDigits('4')
  })

  test('what is played to a channel in a bridge is heard by that channel alone', async () => {
    const { ari } = lab()
    const { a, b } = await two()
    await ari.post(`${a.path}/play/aside`, { body: { media: ['tone:600'] } })
    const startedAt = b.call.now()
    await a.call.waitForTone(600)
    expect(b.call.dominantFrequency(startedAt)).toBe(0)
    await ari.delete('playbacks/aside')
    await ari.next('PlaybackFinished', { playback: { id: 'aside' } })
    await hears(a.call, b.call, 440)
  })

  test('a muted direction is silent, in each sense', async () => {
    const { ari } = lab()
    const { a, b } = await two()
    void a.call.play({ frequency: 440, durationMs: 6000 })
    void b.call.play({ frequency: 1000, durationMs: 6000 })
    await Promise.all([b.call.waitForTone(440), a.call.waitForTone(1000)])
    expect(await ari.post(`${a.path}/mute`, { query: { direction: 'in' } })).toEqual({ status: 204, body: undefined })
    await b.call.waitForSilence({ minMs: 150 })
    await a.call.waitForTone(1000)
    expect(await ari.delete(`${a.path}/mute`, { direction: 'in' })).toEqual({ status: 204, body: undefined })
    await b.call.waitForTone(440)
    await ari.post(`${a.path}/mute`, { query: { direction: 'out' } })
    await a.call.waitForSilence({ minMs: 150 })
    await b.call.waitForTone(440)
  })

  test('what is played to a bridge is heard by all of it', async () => {
    const { ari } = lab()
    const { a, b, bridge } = await two()
    const { status, body } = await ari.post(`${bridge.path}/play`, { query: { media: 'tone:700', playbackId: 'all' } })
    expect(status).toBe(201)
    expect(body).toMatchObject({ id: 'all', target_uri: `bridge:${bridge.id}` })
    await Promise.all([a.call.waitForTone(700), b.call.waitForTone(700)])
    await ari.delete('playbacks/all')
    await ari.next('PlaybackFinished', { playback: { id: 'all' } })
  })

  test('a bridge is recorded with all its voices', async () => {
    const { a, b, bridge } = await two()
    expect(soundTogether(await recorded(bridge.path, a.call, b.call), 440, 1000)).toBe(true)
  })

  test('snooping on both directions of a channel records both voices', async () => {
    const { ari } = lab()
    const { a, b } = await two()
    const snoopId = randomUUID()
    const { status, body } = await ari.post(`${a.path}/snoop`, {
      query: { spy: 'both', app: 'sidetone', appArgs: 'type=snoop', snoopId },
    })
    expect(status).toBe(200)
    expect(body).toMatchObject({ id: snoopId, name: expect.stringMatching(/^Snoop\//) })
    expect((await ari.next('StasisStart', { channel: { id: snoopId } })).args).toEqual(['type=snoop'])
    expect(soundTogether(await recorded(`channels/${snoopId}`, a.call, b.call), 440, 1000)).toBe(true)
    await ari.delete(`channels/${snoopId}`)
    await ari.next('ChannelDestroyed', { channel: { id: snoopId } })
  })

  test.each([
    ['in', 440],
    ['out', 1000],
  ])('snooping on %s hears that direction alone', async (spy, frequency) => {
    const { ari } = lab()
    const { a, b } = await two()
    const snoopId = randomUUID()
    await ari.post(`${a.path}/snoop/${snoopId}`, { query: { spy, app: 'sidetone' } })
    await ari.next('StasisStart', { channel: { id: snoopId } })
    const samples = await recorded(`channels/${snoopId}`, a.call, b.call)
    expect(strongestTone(samples.subarray(1600)).frequency).toBeCloseTo(frequency, -1)
  })

  test('a snooping channel is recorded at once, without limits', async () => {
    const { ari } = lab()
    const { a } = await two()
    const [snoopId, name] = [randomUUID(), `snoop-${randomUUID()}`]
    await ari.post(`${a.path}/snoop/${snoopId}`, { query: { spy: 'both', app: 'sidetone' } })
    expect((await ari.post(`${a.path}/snoop/${snoopId}`, { query: { spy: 'both', app: 'sidetone' } })).status).not.toBe(
      200,
    )
    const query = { name, format: 'wav', ifExists: 'overwrite', maxDurationSeconds: 0, maxSilenceSeconds: 0 }
    expect((await ari.post(`channels/${snoopId}/record`, { query })).status).toBe(201)
    await ari.next('RecordingStarted', { recording: { name } })
    await a.call.play({ frequency: 440, durationMs: 200 })
    await a.call.hangup()
    await ari.next('RecordingFinished', { recording: { name, state: 'done' } })
    expect(
      strongestTone(readWav((await ari.get(`recordings/stored/${name}/file`)).body).samples).frequency,
    ).toBeCloseTo(440, -1)
    await ari.delete(`recordings/stored/${name}`)
  })

  test('a snooping channel ends with the channel that it listens to', async () => {
    const { ari, answered } = lab()
    const a = await answered()
    const snoopId = randomUUID()
    await ari.post(`${a.path}/snoop`, { query: { spy: 'both', app: 'sidetone', snoopId } })
    await ari.next('StasisStart', { channel: { id: snoopId } })
    await a.call.hangup()
    await ari.next('ChannelDestroyed', { channel: { id: snoopId } })
  })

  test('Local/echo@svc-echo in a bridge gives back what the other says', async () => {
    const { ari, answered } = lab()
    const a = await answered()
    const id = randomUUID()
    const query = { endpoint: 'Local/echo@svc-echo', app: 'sidetone', appArgs: 'type=echo', channelId: id }
    const made = await ari.post('channels', { query })
    expect(made).toMatchObject({ status: 200, body: { id, name: expect.stringMatching(/^Local\/echo@svc-echo-/) } })
    const start = await ari.next('StasisStart', { channel: { id } })
    expect(start).toMatchObject({ args: ['type=echo'], channel: { state: 'Up' } })
    const { path } = await bridge(a.id, id)
    await hears(a.call, a.call, 440)
    await ari.delete(`channels/${id}`)
    await ari.next('ChannelDestroyed', { channel: { id } })
    expect((await ari.get(path)).body.channels).toEqual([a.id])
  })

  test('a bridge or a channel that is not there is refused', async () => {
    const { ari } = lab()
    const { path } = await bridge()
    const add = (at: string, query = {}) => ari.post(`${at}/addChannel`, { query })
    expect(await add('bridges/none', { channel: 'x' })).toEqual({ status: 404, body: { message: 'Bridge not found' } })
    expect(await add(path, { channel: 'none' })).toEqual({ status: 400, body: { message: 'Channel not found' } })
    expect((await add(path)).status).toBe(400)
    expect((await ari.post(`${path}/removeChannel`, { query: { channel: 'none' } })).status).toBe(400)
  })

  test('a channel that is not in the bridge cannot be taken out of it', async () => {
    const { ari, answered } = lab()
    const a = await answered()
    const { path } = await bridge()
    expect((await ari.post(`${path}/removeChannel`, { query: { channel: a.id } })).status).toBe(422)
  })
}

/** Whether some tenth of a second holds both frequencies. */
function soundTogether(samples: Int16Array, ...frequencies: number[]): boolean {
  const tenth = sampleRateHz / 10
  return Array.from({ length: Math.floor(samples.length / tenth) }, (_, i) =>
    samples.subarray(i * tenth, (i + 1) * tenth),
  ).some((part) => frequencies.every((frequency) => toneShare(part, frequency) > 0.2))
}
