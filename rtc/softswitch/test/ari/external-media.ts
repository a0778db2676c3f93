import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { sine, strongestTone } from '@sidetone/e2e/phone'
import { expect, test } from 'vitest'
import type { Lab } from './lab.ts'
import { connectMediaSocket } from './media-socket-client.ts'

const second = (frequency: number) => sine(frequency, 1000)

export function externalMedia(lab: () => Lab) {
  const create = async (query: Record<string, string> = {}) => {
    const { ari } = lab()
    const id = randomUUID()
    const made = await ari.post('channels/externalMedia', {
      query: {
        app: ari.app,
        channelId: id,
        external_host: 'INCOMING',
        encapsulation: 'none',
        transport: 'websocket',
        connection_type: 'server',
        format: 'slin',
        ...query,
      },
    })
    return { id, ...made }
  }
  /** A call and an application that are in one bridge. */
  const connected = async ({
    json = true,
    ...query
  }: {
    json?: boolean
    transport_data?: string
    format?: string
  } = {}) => {
    const { ari, answered, target } = lab()
    const { call, id } = await answered()
    const media = await create(query)
    const app = await connectMediaSocket(target.ariUrl, media.body.channelvars.MEDIA_WEBSOCKET_CONNECTION_ID, { json })
    await ari.next('StasisStart', { channel: { id: media.id, state: 'Up' } })
    const bridge = randomUUID()
    await ari.post('bridges', { query: { type: 'mixing,dtmf_events', bridgeId: bridge } })
    await ari.post(`bridges/${bridge}/addChannel`, { query: { channel: `${id},${media.id}` } })
    return { call, app, media }
  }

  test('an application that connects by the id of a channel is told about it, and the channel is up', async () => {
    const { ari, target } = lab()
    const { id, status, body } = await create()
    expect(status).toBe(200)
    expect(body).toMatchObject({ id, state: 'Down', name: expect.stringMatching(/^WebSocket\/INCOMING\/0x/) })
    const { MEDIA_WEBSOCKET_CONNECTION_ID: connectionId } = body.channelvars
    expect(body.channelvars.MEDIA_WEBSOCKET_OPTIMAL_FRAME_SIZE).toBe('320')
    const variable = await ari.get(`channels/${id}/variable`, { variable: 'MEDIA_WEBSOCKET_CONNECTION_ID' })
    expect(variable.body).toEqual({ value: connectionId })
    const app = await connectMediaSocket(target.ariUrl, connectionId)
    expect(app.ws.protocol).toBe('media')
    expect(await app.next('MEDIA_START')).toMatchObject({
      connection_id: connectionId,
      channel: body.name,
      channel_id: id,
      format: 'slin',
      optimal_frame_size: 320,
      ptime: 20,
      channel_variables: { MEDIA_WEBSOCKET_CONNECTION_ID: connectionId },
    })
    await ari.next('StasisStart', { channel: { id, state: 'Up' } })
    await expect(connectMediaSocket(target.ariUrl, connectionId)).rejects.toThrow('409')
    await expect(connectMediaSocket(target.ariUrl, randomUUID())).rejects.toThrow('404')
    await ari.delete(`channels/${id}`)
    expect(await app.closed).toBe(1000)
  })

  test('an application hears the call and is heard by it, in time however fast it sends', async () => {
    const { call, app } = await connected()
    void call.play({ frequency: 440, durationMs: 1000 })
    await app.waitForTone(440)
    expect(app.audio.every(({ length }) => length === 320)).toBe(true)
    app.command('START_MEDIA_BUFFERING')
    app.say(second(600))
    app.say(second(1000))
    app.command('STOP_MEDIA_BUFFERING', 'spoken')
    const [low, high] = [await call.waitForTone(600), await call.waitForTone(1000)]
    expect(high - low).toBeGreaterThan(700)
    expect(high - low).toBeLessThan(1300)
    expect(app.told.map(({ event }) => event)).not.toContain('MEDIA_BUFFERING_COMPLETED')
    expect(await app.next('MEDIA_BUFFERING_COMPLETED')).toMatchObject({ correlation_id: 'spoken' })
    expect(call.now() - high).toBeGreaterThan(600)
  })

  test('marks are told of when they have been played, and that nothing is left when that was asked for', async () => {
    const { app } = await connected()
    app.say(sine(600, 400))
    app.command('MARK_MEDIA', 'first')
    app.say(sine(600, 400))
    app.command('MARK_MEDIA', 'second')
    app.command('REPORT_QUEUE_DRAINED')
    await app.next('QUEUE_DRAINED')
    const told = app.told.slice(1).map(({ event, correlation_id }) => [event, correlation_id])
    expect(told).toEqual([
      ['MEDIA_MARK_PROCESSED', 'first'],
      ['MEDIA_MARK_PROCESSED', 'second'],
      ['QUEUE_DRAINED', undefined],
    ])
  })

  test('a pause is silent and keeps what waits; a flush forgets it, and its marks', async () => {
    const { call, app, media } = await connected()
    app.say(second(600))
    app.say(second(600))
    app.command('MARK_MEDIA', 'never')
    await call.waitForTone(600)
    app.command('PAUSE_MEDIA')
    await call.waitForSilence({ minMs: 300 })
    app.command('GET_STATUS')
    const paused = await app.next('STATUS')
    expect(paused).toMatchObject({ channel_id: media.id, media_paused: true, queue_full: false, bulk_media: false })
    expect(paused).toMatchObject({ xon_level: 800, xoff_level: 900 })
    expect(paused.queue_length).toBeGreaterThan(60)
    app.command('CONTINUE_MEDIA')
    await call.waitForTone(600)
    app.told.length = 0
    app.command('FLUSH_MEDIA')
    await call.waitForSilence({ minMs: 300 })
    app.command('GET_STATUS')
    expect(await app.next('STATUS')).toMatchObject({ queue_length: 0, media_paused: false })
    expect(app.told.map(({ event }) => event)).not.toContain('MEDIA_MARK_PROCESSED')
  })

  test('who sends too far ahead is told to wait, and to go on', async () => {
    const { app } = await connected()
    for (let i = 0; i < 19; i++) app.say(second(600))
    await app.next('MEDIA_XOFF')
    app.command('GET_STATUS')
    expect(await app.next('STATUS')).toMatchObject({ queue_full: true })
    app.command('REPORT_QUEUE_DRAINED')
    app.command('FLUSH_MEDIA')
    await app.next('MEDIA_XON')
    await app.next('QUEUE_DRAINED')
  })

  test('digits are told', async () => {
    const { call, app, media } = await connected()
    await call.sendDtmf('7')
    expect(await app.next('DTMF_END')).toEqual({ event: 'DTMF_END', channel_id: media.id, digit: '7' })
  })

  test('a direction is taken away and given back', async () => {
    const { call, app } = await connected()
    void call.play({ frequency: 440, durationMs: 4000 })
    await app.waitForTone(440)
    app.command('SET_MEDIA_DIRECTION', 'out', 'direction')
    await expect
      .poll(async () => {
        const before = app.audio.length
        await new Promise((resolve) => setTimeout(resolve, 150))
        return app.audio.length - before
      })
      .toBe(0)
    app.say(second(1000))
    await call.waitForTone(1000)
    app.command('SET_MEDIA_DIRECTION', 'both', 'direction')
    const before = app.audio.length
    await expect.poll(() => app.audio.length).toBeGreaterThan(before + 10)
    app.command('SET_MEDIA_DIRECTION', 'sideways', 'direction')
    expect((await app.next('ERROR')).error_text).toContain("'sideways' is not a valid direction")
  })

  test('what is no command is answered with an error', async () => {
    const { app, media } = await connected()
    app.ws.send('GET_STATUS')
    expect(await app.next('ERROR')).toMatchObject({ channel_id: media.id, error_text: 'Unable to parse JSON command' })
  })

  test('the older form of control is plain text', async () => {
    const { call, app, media } = await connected({ json: false, transport_data: 'f(plain-text)' })
    expect(await app.next('MEDIA_START')).toMatch(
      new RegExp(
        `^MEDIA_START connection_id:[0-9a-f-]{36} channel:WebSocket/\\S+ channel_id:${media.id} format:slin optimal_frame_size:320 ptime:20$`,
      ),
    )
    app.say(sine(600, 300))
    app.command('MARK_MEDIA', 'here')
    expect(await app.next('MEDIA_MARK_PROCESSED')).toBe('MEDIA_MARK_PROCESSED here')
    app.command('START_MEDIA_BUFFERING')
    app.command('STOP_MEDIA_BUFFERING', 'there')
    expect(await app.next('MEDIA_BUFFERING_COMPLETED')).toBe('MEDIA_BUFFERING_COMPLETED there')
    app.command('REPORT_QUEUE_DRAINED')
    expect(await app.next('QUEUE_DRAINED')).toBe('QUEUE_DRAINED')
    app.command('GET_STATUS')
    expect(await app.next('STATUS')).toBe(
      `STATUS channel_id:${media.id} queue_length:0 xon_level:800 xoff_level:900 queue_full:false bulk_media:false media_paused:false`,
    )
    await call.sendDtmf('5')
    expect(await app.next('DTMF_END')).toBe(`DTMF_END digit:5 channel_id:${media.id}`)
    app.command('SET_MEDIA_DIRECTION', 'in')
    expect((await app.next('ERROR')).trim()).toBe(
      `ERROR channel_id:${media.id} error_text:SET_MEDIA_DIRECTION only supports JSON format.`,
    )
  })

  test.each(['HANGUP', 'closing'])('%s ends the channel of the application alone', async (how) => {
    const { ari } = lab()
    const { app, media } = await connected()
    if (how === 'HANGUP') app.command('HANGUP')
    else app.ws.close()
    await ari.next('ChannelDestroyed', { channel: { id: media.id }, cause: 16 })
    expect((await ari.get('channels')).body).toHaveLength(1)
    await app.closed
  })

  test.each([
    ['ulaw', 160],
    ['alaw', 160],
    ['slin16', 640],
  ])('20 ms of %s are %i bytes', async (format, bytes) => {
    const { ari, target } = lab()
    const { id, body } = await create({ format })
    expect(body.channelvars.MEDIA_WEBSOCKET_OPTIMAL_FRAME_SIZE).toBe(String(bytes))
    const app = await connectMediaSocket(target.ariUrl, body.channelvars.MEDIA_WEBSOCKET_CONNECTION_ID)
    expect(await app.next('MEDIA_START')).toMatchObject({ format, optimal_frame_size: bytes })
    await ari.delete(`channels/${id}`)
  })

  test('slin16 is the same audio at twice the rate, both ways', async () => {
    const { call, app } = await connected({ format: 'slin16' })
    void call.play({ frequency: 880, durationMs: 1500 })
    await app.waitForTone(440) // as if at 8 kHz
    expect(app.audio.every(({ length }) => length === 640)).toBe(true)
    app.say(sine(300, 2000))
    await call.waitForTone(600)
  })

  test('with n the channel waits for ANSWER', async () => {
    const { ari, target } = lab()
    const { id, body } = await create({ transport_data: 'n' })
    const app = await connectMediaSocket(target.ariUrl, body.channelvars.MEDIA_WEBSOCKET_CONNECTION_ID)
    await app.next('MEDIA_START')
    expect((await ari.get(`channels/${id}`)).body.state).not.toBe('Up')
    app.command('ANSWER')
    await ari.next('StasisStart', { channel: { id, state: 'Up' } })
  })

  test('a format that is not known is refused', async () => {
    expect((await create({ format: 'vinyl' })).status).toBeGreaterThanOrEqual(400)
  })

  test('an AudioSocket server gets the id and the audio, and is heard until it hangs up', async () => {
    const { ari, answered } = lab()
    const [uuid, messages, sockets] = [randomUUID(), [] as { kind: number; payload: Buffer }[], [] as Socket[]]
    const server = createServer((socket) => {
      sockets.push(socket)
      let rest = Buffer.of()
      socket.on('data', (bytes) => {
        rest = Buffer.concat([rest, bytes])
        while (rest.length >= 3 && rest.length >= 3 + rest.readUInt16BE(1)) {
          const size = 3 + rest.readUInt16BE(1)
          messages.push({ kind: rest[0]!, payload: Buffer.from(rest.subarray(3, size)) })
          rest = rest.subarray(size)
        }
      })
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const { call, id } = await answered()
    const query = { encapsulation: 'audiosocket', transport: 'tcp', external_host: `127.0.0.1:${port}`, data: uuid }
    const media = await create({ ...query, connection_type: 'client' })
    expect(media.status).toBe(200)
    await ari.next('StasisStart', { channel: { id: media.id, state: 'Up' } })
    await ari.post('bridges', { query: { type: 'mixing,dtmf_events', bridgeId: 'with-audiosocket' } })
    await ari.post('bridges/with-audiosocket/addChannel', { query: { channel: `${id},${media.id}` } })
    void call.play({ frequency: 440, durationMs: 2000 })
    await expect.poll(() => messages.length, { timeout: 5000 }).toBeGreaterThan(20)
    expect(messages[0]).toEqual({ kind: 0x01, payload: Buffer.from(uuid.replaceAll('-', ''), 'hex') })
    const audio = messages.slice(-10)
    expect(audio.every(({ kind, payload }) => kind === 0x10 && payload.length === 320)).toBe(true)
    const bytes = Buffer.concat(audio.map(({ payload }) => payload))
    const samples = Int16Array.from({ length: bytes.length / 2 }, (_, i) => bytes.readInt16LE(2 * i))
    expect(strongestTone(samples).frequency).toBeCloseTo(440, -1)

    // At the speed of speech: Asterisk does not pace an AudioSocket.
    const speech = second(1000)
    let at = 0
    const timer = setInterval(() => {
      const payload = Buffer.alloc(323, Buffer.of(0x10, 1, 64))
      for (let i = 0; i < 160; i++) payload.writeInt16LE(speech[(at + i) % speech.length]!, 3 + 2 * i)
      at += 160
      sockets[0]!.write(payload)
    }, 20)
    await call.waitForTone(1000)
    clearInterval(timer)
    sockets[0]!.end(Buffer.of(0, 0, 0))
    await ari.next('ChannelDestroyed', { channel: { id: media.id } })
    server.close()
  })
}
