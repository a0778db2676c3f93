import { createHash } from 'node:crypto'
import { createServer } from 'node:http'
import { nilId } from '@sidetone/contract'
import type { Call } from '@sidetone/e2e/phone'
import { readWav, sine, strongestTone, toneShare, writeWav } from '@sidetone/e2e/phone'
import { newId } from '@sidetone/store'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { type Lab, openLab, repeatEvents } from './platform.ts'
import { asteriskAbsent, startAsterisk } from './rtc-node.ts'

// The same code on a real Asterisk 22: what the softswitch's ARI promises must hold where it comes from.
describe.skipIf(asteriskAbsent && process.env.SIDETONE_REQUIRE !== 'all')('on a real Asterisk', () => {
  let lab: Lab
  const media = createServer((_, response) => {
    response.writeHead(200, { 'content-type': 'audio/wav' }).end(writeWav(sine(700, 350, 8_000)))
  })
  beforeAll(async () => {
    await new Promise<void>((resolve) => media.listen(0, '127.0.0.1', resolve))
    lab = await openLab({ env: { CALL_DIAL_TIMEOUT_SECONDS: '1' }, startNode: startAsterisk })
    // Asterisk cuts the path of what it fetched to the length of the URL: a short URL cannot be played.
    lab.world.speechUri = `http://127.0.0.1:${(media.address() as { port: number }).port}/files/tts/${'0'.repeat(64)}.wav`
  })
  afterAll(async () => {
    await lab.close()
    await new Promise((resolve) => media.close(resolve))
  })
  afterEach(() => lab.nothingIsLeft())

  const isIncoming = ({ direction }: { direction: string }) => direction === 'incoming'
  const isOutgoing = ({ direction }: { direction: string }) => direction === 'outgoing'
  const bobAt = (port: number) => ({ type: 'sip' as const, target: `bob@127.0.0.1:${port}` })

  test('a flow speaks, takes digits, beeps and hangs up', async () => {
    const number = lab.number(
      { type: 'talk', option: { text: 'Your number, please' } },
      { type: 'digits_receive', option: { duration: 4_000, key: '#', length: 0 } },
      { type: 'beep' },
    )
    const caller = await lab.dial(number)
    await caller.waitForTone(700)
    await caller.sendDtmf('12#')
    expect(await caller.ended).toMatchObject({ by: 'them' })
    const call = await lab.ended()
    expect(call).toMatchObject({ hangup_by: 'local', hangup_reason: 'normal', source: { target: '+15559990000' } })
    expect(lab.variables(call.activeflow_id)['voipbin.call.digits']).toBe('12')
    expect((await lab.told(call.id)).filter((type) => type === 'call_hangup')).toHaveLength(1)
  })

  test('echo sends back what is said', async () => {
    const caller = await lab.dial(lab.number({ type: 'echo', option: { duration: 700 } }))
    await caller.answered
    void caller.play({ frequency: 1_200, durationMs: 3_000 })
    await caller.waitForTone(1_200)
    await caller.ended
    await lab.ended()
  })

  test('a call is connected, both sides are recorded, and both legs end once', async () => {
    const bob = await lab.phone('bob')
    const number = lab.number(
      { type: 'answer' },
      { type: 'recording_start' },
      {
        type: 'connect',
        option: { destinations: [bobAt(bob.port)] },
      },
    )
    const caller = await lab.dial(number)
    const callee = await bob.nextCall()
    callee.ring()
    await caller.waitForTone(440)
    await callee.answer()
    void caller.play({ frequency: 600, durationMs: 5_000 })
    await callee.waitForTone(600)
    caller.stopPlaying()
    void callee.play({ frequency: 1_100, durationMs: 5_000 })
    await caller.waitForTone(1_100)
    await new Promise((resolve) => setTimeout(resolve, 300))
    await callee.hangup()
    await caller.ended

    const [call, leg] = [await lab.ended(isIncoming), await lab.ended(isOutgoing)]
    for (const { id } of [call, leg]) {
      expect((await lab.told(id)).filter((type) => type === 'call_hangup')).toHaveLength(1)
    }
    expect(leg).toMatchObject({ hangup_by: 'remote', hangup_reason: 'normal', master_call_id: call.id })
    const [id] = call.recording_ids
    await vi.waitUntil(async () => (await lab.recordings.get({ id: id! })).status === 'ended', 5_000)
    const file = await lab.platform.files.get(`recordings/${lab.customer}/${id}.wav`)
    const { samples } = readWav(Buffer.from(await new Response(file!.body).arrayBuffer()))
    const tones = new Set<number>()
    for (let at = 0; at + 1_600 <= samples.length; at += 800) {
      tones.add(Math.round(strongestTone(samples.subarray(at, at + 1_600)).frequency / 50) * 50)
    }
    expect([...tones]).toEqual(expect.arrayContaining([600, 1_100]))
    expect(await lab.ari('recordings/stored')).toEqual([])
  })

  /** A call that is recorded in two channels and connected, once that is so. */
  async function recordedApart(option: Record<string, unknown> = {}) {
    const bob = await lab.phone('bob')
    const start = { type: 'recording_start', option: { channels: 2, ...option } }
    const connect = { type: 'connect', option: { destinations: [bobAt(bob.port)] } }
    const caller = await lab.dial(lab.number({ type: 'answer' }, start, connect))
    const callee = await bob.nextCall()
    await callee.answer()
    await lab.call({ status: 'progressing' }, isOutgoing)
    const { id, recording_id } = await lab.call({ status: 'progressing' }, isIncoming)
    await vi.waitUntil(async () => (await lab.recordings.get({ id: recording_id })).status === 'recording', 5_000)
    const play = (left: number, right: number, durationMs: number) =>
      Promise.all([caller.play({ frequency: left, durationMs }), callee.play({ frequency: right, durationMs })])
    /** The recording once it has ended, and when each side begins to have a tone, in milliseconds; -1 for never. */
    const recorded = async () => {
      await vi.waitUntil(async () => (await lab.recordings.get({ id: recording_id })).status === 'ended', 10_000)
      const recording = await lab.recordings.get({ id: recording_id })
      const file = await lab.platform.files.get(`recordings/${lab.customer}/${recording_id}.wav`)
      const bytes = Buffer.from(await new Response(file!.body).arrayBuffer())
      const { channels, samples } = readWav(bytes)
      const sides = [0, 1].map((side) => samples.filter((_, i) => i % 2 === side))
      const begin = (side: number, frequency: number) => {
        for (let at = 0; at + 320 <= sides[side]!.length; at += 80)
          if (toneShare(sides[side]!.subarray(at, at + 320), frequency) > 0.6) return at / 8
        return -1
      }
      return { recording, bytes, channels, begin }
    }
    return { caller, callee, id, recording_id, play, recorded }
  }

  test('two channels keep what the phone says apart from what it hears, and a pause is in neither', async () => {
    const repeating = await repeatEvents(lab)
    const { caller, id, play, recorded } = await recordedApart()
    await play(600, 1_100, 600)
    await lab.calls.recording_pause({ id })
    await play(1_700, 2_300, 600)
    await lab.calls.recording_resume({ id })
    await play(800, 1_400, 600)
    await caller.hangup()
    const { recording, bytes, channels, begin } = await recorded()
    expect(channels).toBe(2)
    expect(recording).toMatchObject({
      filesize: bytes.length,
      sha256: createHash('sha256').update(bytes).digest('hex'),
      uri_download: expect.stringContaining(recording.id),
    })
    for (const frequency of [600, 800]) expect([begin(0, frequency) >= 0, begin(1, frequency)]).toEqual([true, -1])
    for (const frequency of [1_100, 1_400]) expect([begin(0, frequency), begin(1, frequency) >= 0]).toEqual([-1, true])
    // At the end of a pause a frame may pass, of 20 ms.
    expect([begin(0, 2_300), begin(1, 1_700)]).toEqual([-1, -1])
    expect(begin(0, 800) - begin(0, 600)).toBeLessThan(1_000)
    for (const [left, right] of [
      [600, 1_100],
      [800, 1_400],
    ] as const) {
      expect(Math.abs(begin(0, left) - begin(1, right))).toBeLessThan(120)
    }
    expect(await lab.ari('recordings/stored')).toEqual([])
    expect(await lab.told(recording.id)).toEqual(['recording_started', 'recording_finished'])
    await repeating.close()
    await lab.ended(isIncoming)
  })

  test('a silence on one side ends no recording of two channels; one on both does, while the call goes on', async () => {
    const { caller, callee, id, recorded } = await recordedApart({ end_of_silence: 1 })
    await callee.play({ frequency: 1_100, durationMs: 2_000 })
    await caller.play({ frequency: 600, durationMs: 400 })
    const { begin } = await recorded()
    expect(Math.abs(begin(0, 600) - begin(1, 1_100) - 2_000)).toBeLessThan(200)
    expect(await lab.calls.get({ id })).toMatchObject({ status: 'progressing', recording_id: nilId })
    expect(await lab.ari('channels')).toHaveLength(2)
    await caller.hangup()
    await lab.ended(isIncoming)
  })

  test('two channels of a call that ended while the node could not be heard are stored, and no part is left', async () => {
    const { caller, play, recorded } = await recordedApart()
    await play(600, 1_100, 600)
    const start = await lab.stopProxy()
    await caller.hangup()
    await vi.waitUntil(async () => (await lab.ari('channels')).length === 1, 5_000)
    await start()
    const { channels, begin } = await recorded()
    expect({ channels, left: begin(0, 600) >= 0, right: begin(1, 1_100) >= 0 }).toEqual({
      channels: 2,
      left: true,
      right: true,
    })
    expect(await lab.ari('recordings/stored')).toEqual([])
    await lab.ended(isIncoming)
  })

  test('of a recording of two channels that is deleted, or whose call ends as it begins, the node keeps nothing', async () => {
    const deleted = await recordedApart()
    await lab.recordings.delete({ id: deleted.recording_id })
    await vi.waitUntil(async () => (await lab.ari('recordings/stored')).length === 0, 5_000)
    expect(await lab.ari('channels')).toHaveLength(2)
    const { recording_id } = await lab.calls.recording_start({ id: deleted.id, channels: 2 })
    await deleted.caller.hangup()
    await vi.waitUntil(async () => (await lab.recordings.get({ id: recording_id })).status === 'ended', 5_000)
    expect(await lab.ari('recordings/stored')).toEqual([])
    await lab.ended(isIncoming)
  })

  test.each([
    [486, 'busy'],
    [404, 'failed'],
    [480, 'noanswer'],
  ] as const)('a phone that answers %i ends the leg as %s', async (status, hangup_reason) => {
    const bob = await lab.phone('bob')
    await lab.calls.create({ actions: [{ type: 'beep' }], destinations: [bobAt(bob.port)] })
    ;(await bob.nextCall()).reject(status)
    expect(await lab.ended()).toMatchObject({ hangup_reason, hangup_by: 'remote' })
  })

  test('a phone that answers runs the flow; one that never does is given up, or cancelled', async () => {
    const bob = await lab.phone('bob')
    const dial = () => lab.calls.create({ actions: [{ type: 'beep' }], destinations: [bobAt(bob.port)] })
    await dial()
    const answered = await bob.nextCall()
    await answered.answer()
    expect(await answered.ended).toMatchObject({ by: 'them' })
    expect(await lab.ended()).toMatchObject({ hangup_reason: 'normal', hangup_by: 'local' })

    await dial()
    const given = await bob.nextCall()
    given.answered.catch(() => undefined)
    given.ring()
    await given.ended
    expect(await lab.ended()).toMatchObject({ hangup_reason: 'dialout' })

    const { calls } = await dial()
    const cancelled = await bob.nextCall()
    cancelled.answered.catch(() => undefined)
    cancelled.ring()
    await lab.calls.hangup({ id: calls[0]!.id })
    await cancelled.ended
    expect(await lab.ended()).toMatchObject({ hangup_reason: 'cancel', hangup_by: 'local' })
  })

  test('a call to nobody gets 404, and a flow can refuse', async () => {
    await expect((await lab.dial('+15550009999')).answered).rejects.toMatchObject({ status: 404 })
    const number = lab.number({ type: 'hangup', option: { reason: 'busy' } })
    await expect((await lab.dial(number)).answered).rejects.toMatchObject({ status: 486 })
    expect(await lab.ended()).toMatchObject({ hangup_reason: 'busy' })
  })

  /** The customer's phone 1000, as the edge describes it, in a call that is put through to a phone outside. */
  async function aliceTalksTo(to: Awaited<ReturnType<Lab['sipPhone']>>) {
    const alice = await lab.phone('1000')
    const headers = { 'X-Sidetone-Username': '1000', 'X-Sidetone-Customer-Id': lab.customer }
    const number = lab.number({ type: 'connect', option: { destinations: [to.address] } })
    const call = await alice.call(`sip:${number}@127.0.0.1`, { headers })
    const answering = await to.phone.nextCall()
    await answering.answer()
    await call.answered
    return { call, other: answering, alice, number }
  }
  async function hear(one: Call, other: Call) {
    const heard = [other.waitForTone(600), one.waitForTone(1_100)]
    void one.play({ frequency: 600, durationMs: 2_000 })
    void other.play({ frequency: 1_100, durationMs: 2_000 })
    await Promise.all(heard)
  }

  test('a phone puts its call through, blind and attended, and is told how it went', async () => {
    lab.world.extensions.push({ id: newId(), customer_id: lab.customer, extension: '1000' })
    const [bob, carol] = [await lab.sipPhone('bob'), await lab.sipPhone('carol')]
    const far = await lab.phone('far')
    lab.world.carriers = [`127.0.0.1:${far.port}`]
    const first = await aliceTalksTo(bob)
    const id = newId()
    lab.world.numbers.get(first.number)!.id = id
    await lab.outboundConfigs.update_own({ destination_whitelist: ['us'], default_outgoing_source_number_id: id })
    const blind = await first.call.refer('sip:+14155550123@127.0.0.1')
    const answering = await far.nextCall()
    await answering.answer()
    expect(await blind.done).toBe(200)
    await first.call.ended
    await hear(first.other, answering)
    await answering.hangup()
    await first.other.ended

    const [one, two] = [await aliceTalksTo(bob), await aliceTalksTo(carol)]
    const attended = await one.call.refer(carol.phone.uri, { attended: two.call })
    expect(await attended.done).toBe(200)
    await Promise.all([one.call.ended, two.call.ended])
    await hear(one.other, two.other)
    await two.other.hangup()
    await one.other.ended
    await lab.ended()
  })

  test('a call that ended while the node could not be heard is closed once', async () => {
    const caller = await lab.dial(lab.number({ type: 'answer' }, { type: 'sleep', option: { duration: 60_000 } }))
    await caller.answered
    const { id } = await lab.call({ status: 'progressing' })
    const start = await lab.stopProxy()
    await caller.hangup()
    await start()
    await lab.ended()
    expect((await lab.told(id)).filter((type) => type === 'call_hangup')).toHaveLength(1)
  })
})
