import { createServer } from 'node:http'
import { sine, strongestTone, writeWav } from '@sidetone/e2e/phone'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { type Lab, openLab } from './platform.ts'
import { asteriskAbsent, type StartNode, startAsterisk, startEmbedded } from './rtc-node.ts'
import { startRtpHost } from './rtp-host.ts'

// Asterisk hears tones of a known frequency alone, so there the end of a greeting is a silence.
describe('on the softswitch', () => suite(startEmbedded, { afterBeepMs: 900 }))
describe.skipIf(asteriskAbsent && process.env.SIDETONE_REQUIRE !== 'all')('on a real Asterisk', () =>
  suite(startAsterisk, { afterBeepMs: 6_000 }),
)

function suite(startNode: StartNode, { afterBeepMs }: { afterBeepMs: number }) {
  let lab: Lab
  const media = createServer((_, response) => {
    response.writeHead(200, { 'content-type': 'audio/wav' }).end(writeWav(sine(700, 600, 8_000)))
  })
  beforeAll(async () => {
    await new Promise<void>((resolve) => media.listen(0, '127.0.0.1', resolve))
    lab = await openLab({ startNode })
    // Asterisk cuts the path of what it fetched to the length of the URL: a short URL cannot be played.
    lab.world.speechUri = `http://127.0.0.1:${(media.address() as { port: number }).port}/files/tts/${'0'.repeat(64)}.wav`
  })
  afterAll(async () => {
    await lab.close()
    await new Promise((resolve) => media.close(resolve))
  })
  afterEach(() => lab.nothingIsLeft())

  const wait = (duration: number) => ({ type: 'sleep', option: { duration } })

  /** A call that is answered and echoes what it hears. */
  async function echoing() {
    const caller = await lab.dial(lab.number({ type: 'stream_echo', option: { duration: 60_000 } }))
    await caller.answered
    const { id } = await lab.call({ status: 'progressing', direction: 'incoming' })
    void caller.play({ frequency: 900, durationMs: 20_000 })
    await caller.waitForTone(900)
    return { caller, id }
  }
  type Caller = Awaited<ReturnType<typeof echoing>>['caller']
  /** Whether the caller hears itself now. */
  const hears = async (caller: Caller, frequency: number) => {
    const from = caller.heard().length
    await new Promise((resolve) => setTimeout(resolve, 240))
    const heard = caller.heard().slice(from)
    // Asterisk sends nothing at all while there is nothing to say.
    if (heard.length < 1_000) return false
    const tone = strongestTone(heard)
    return Math.abs(tone.frequency - frequency) < 20 && tone.share > 0.3
  }

  test('mute takes what the phone says away, or what it hears, until it is unmuted', async () => {
    const { caller, id } = await echoing()
    for (const direction of ['in', 'out'] as const) {
      await lab.calls.mute({ id, direction })
      expect(await lab.calls.get({ id })).toMatchObject({ mute_direction: direction })
      await vi.waitUntil(async () => !(await hears(caller, 900)))
      await lab.calls.unmute({ id, direction })
      expect(await lab.calls.get({ id })).toMatchObject({ mute_direction: '' })
      await vi.waitUntil(() => hears(caller, 900))
    }
    await lab.calls.mute({ id })
    await lab.calls.unmute({ id, direction: 'out' })
    expect(await lab.calls.get({ id })).toMatchObject({ mute_direction: 'in' })
    await caller.hangup()
    await lab.ended()
  })

  test('stream_echo sends digits back', async () => {
    const { caller } = await echoing()
    caller.stopPlaying()
    await caller.sendDtmf('5')
    await vi.waitUntil(() => caller.digits.includes('5'), 3_000)
    await caller.hangup()
    await lab.ended()
  })

  test('digits_send presses keys, and goes on when they have been heard', async () => {
    const option = { digits: '12#', duration: 100, interval: 100 }
    const caller = await lab.dial(lab.number({ type: 'answer' }, { type: 'digits_send', option }, wait(100)))
    await caller.answered
    await caller.ended
    expect(caller.digits).toBe('12#')
    await lab.ended()
  })

  test('talk answers the call and speaks beside the flow', async () => {
    const caller = await lab.dial(lab.number(wait(60_000)))
    const { id } = await lab.call({ status: 'ringing', direction: 'incoming' })
    await lab.calls.talk({ id, text: 'Hello' })
    await caller.answered
    await caller.waitForTone(700)
    await caller.hangup()
    await lab.ended()
    await expect(lab.calls.talk({ id, text: 'Hello' })).rejects.toMatchObject({ reason: 'CALL_STATE_INVALID' })
  })

  test('hold, moh and silence are switched on and off; not before the answer', async () => {
    const caller = await lab.dial(lab.number(wait(300), { type: 'answer' }, wait(60_000)))
    const { id } = await lab.call({ status: 'ringing', direction: 'incoming' })
    await expect(lab.calls.hold({ id })).rejects.toMatchObject({ reason: 'CALL_STATE_INVALID' })
    await caller.answered
    await lab.call({ status: 'progressing' })
    for (const [on, off] of [
      ['hold', 'unhold'],
      ['moh_start', 'moh_stop'],
      ['silence_start', 'silence_stop'],
    ] as const) {
      const before = caller.packets.received
      await lab.calls[on]({ id })
      await vi.waitUntil(() => caller.packets.received > before + 10, 3_000)
      await lab.calls[off]({ id })
    }
    await caller.hangup()
    await lab.ended()
  })

  test('early media: the caller hears what is said before the answer, and after it', async () => {
    const bob = await lab.phone('bob')
    const option = {
      destinations: [{ type: 'sip', target: `bob@127.0.0.1:${bob.port}` }],
      early_media: true,
      relay_reason: true,
    }
    const number = lab.number({ type: 'connect', option })
    const caller = await lab.dial(number)
    caller.answered.catch(() => undefined)
    const callee = await bob.nextCall()
    expect(callee.invite.headers.find(([name]) => name === 'From')?.[1]).toContain('+15559990000')
    callee.ring({ earlyMedia: true })
    void callee.play({ frequency: 1_200, durationMs: 10_000 })
    await caller.waitForTone(1_200)
    expect(caller.progress).toContain(183)
    expect(caller.status).not.toBe(200)
    callee.stopPlaying()
    await callee.answer()
    await caller.answered
    void caller.play({ frequency: 600, durationMs: 10_000 })
    await callee.waitForTone(600)
    await caller.hangup()
    await callee.ended
    await lab.ended(({ direction }) => direction === 'incoming')

    const refused = await lab.dial(number)
    const refusing = await bob.nextCall()
    refusing.ring({ earlyMedia: true })
    void refusing.play({ frequency: 1_200, durationMs: 10_000 })
    await refused.waitForTone(1_200)
    refusing.reject(486)
    await expect(refused.answered).rejects.toMatchObject({ status: 486 })
    expect(await lab.ended(({ direction }) => direction === 'incoming')).toMatchObject({ hangup_reason: 'busy' })
  })

  test('early media of the next phone is heard when the one that was heard has refused', async () => {
    const [bob, carol] = await Promise.all(['bob', 'carol'].map((name) => lab.phone(name)))
    const destinations = [bob!, carol!].map(({ port }, index) => ({
      type: 'sip',
      target: `${['bob', 'carol'][index]}@127.0.0.1:${port}`,
    }))
    const caller = await lab.dial(lab.number({ type: 'connect', option: { destinations, early_media: true } }))
    caller.answered.catch(() => undefined)
    const [first, second] = await Promise.all([bob!.nextCall(), carol!.nextCall()])
    first.ring({ earlyMedia: true })
    void first.play({ frequency: 1_200, durationMs: 10_000 })
    await caller.waitForTone(1_200)
    first.reject(486)
    await first.ended
    second.ring({ earlyMedia: true })
    void second.play({ frequency: 1_600, durationMs: 10_000 })
    await caller.waitForTone(1_600)
    second.stopPlaying()
    await second.answer()
    await caller.answered
    void caller.play({ frequency: 600, durationMs: 10_000 })
    await second.waitForTone(600)
    await caller.hangup()
    await second.ended
    await lab.ended(({ direction }) => direction === 'incoming')
  })

  /** A call of ours to a phone, with `amd` first. */
  async function detecting(option: Record<string, unknown>) {
    const bob = await lab.phone('bob')
    await lab.calls.create({
      actions: [
        { type: 'amd', option },
        { type: 'talk', option: { text: 'Hello' } },
      ],
      source: { type: 'sip', target: 'shop@example.com' },
      destinations: [{ type: 'sip', target: `bob@127.0.0.1:${bob.port}` }],
    })
    const call = await bob.nextCall()
    await call.answer()
    return call
  }

  test('amd: a machine that talks on is hung up', async () => {
    const call = await detecting({ machine_handle: 'hangup' })
    void call.play({ frequency: 500, durationMs: 10_000 })
    await call.ended
    expect(await lab.ended()).toMatchObject({ hangup_reason: 'amd', hangup_by: 'local', action: { type: 'amd' } })
  })

  test('amd: somebody who greets and waits is talked to', async () => {
    const call = await detecting({ machine_handle: 'hangup' })
    await new Promise((resolve) => setTimeout(resolve, 900))
    void call.play({ frequency: 500, durationMs: 600 })
    await call.waitForTone(700)
    await call.ended
    const { activeflow_id, hangup_reason } = await lab.ended()
    expect(hangup_reason).toBe('normal')
    expect(lab.variables(activeflow_id)['voipbin.call.amd']).toBe('human')
  })

  test('amd: async goes on meanwhile', async () => {
    const call = await detecting({ machine_handle: 'continue', async: true })
    await call.waitForTone(700)
    await call.ended
    await lab.ended()
  })

  test('amd: a message is left after the beep of a machine', async () => {
    const call = await detecting({ machine_handle: 'continue', wait_beep: true })
    const [low, high] = [sine(500, 3_500), sine(730, 3_500)]
    await call.playSamples(low.map((sample, i) => (sample + high[i]!) / 2))
    await call.playSamples(new Int16Array(2_400))
    const beepAt = call.now()
    await call.play({ frequency: 1_000, durationMs: 400 })
    expect(call.dominantFrequency(0, beepAt)).toBe(0)
    const [heardAt] = await Promise.all([
      call.waitForTone(700, { sinceMs: beepAt, timeoutMs: 8_000 }),
      call.playSamples(new Int16Array(8 * 6_000)),
    ])
    expect(heardAt - beepAt).toBeGreaterThan(380)
    expect(heardAt - beepAt).toBeLessThan(400 + afterBeepMs)
    await call.ended
    const { activeflow_id } = await lab.ended()
    expect(lab.variables(activeflow_id)['voipbin.call.amd']).toBe('machine')
  })

  test('external media: a host outside hears the phone and speaks to it, until it is taken away', async () => {
    const host = await startRtpHost()
    const start = {
      type: 'external_media_start',
      option: { external_host: `127.0.0.1:${host.port}`, direction_listen: 'in', direction_speak: 'out' },
    }
    const caller = await lab.dial(
      lab.number({ type: 'answer' }, start, wait(1_500), { type: 'external_media_stop' }, wait(60_000)),
    )
    await caller.answered
    void caller.play({ frequency: 900, durationMs: 20_000 })
    await vi.waitUntil(() => host.heard(900), 3_000)
    await caller.waitForTone(400)
    await vi.waitUntil(async () => (await lab.ari('bridges')).length === 0, 5_000)

    const { id } = await lab.call({ status: 'progressing' })
    const { external_media_id } = await lab.internally.external_media_start({
      id,
      external_host: `127.0.0.1:${host.port}`,
    })
    await vi.waitUntil(async () => (await lab.ari('channels')).length === 3, 5_000)
    await lab.internally.external_media_stop({ id, external_media_id })
    await vi.waitUntil(async () => (await lab.ari('channels')).length === 1, 5_000)
    await caller.hangup()
    await lab.ended()
    host.close()
  })

  test('the mute action mutes, and an empty direction gives the audio back', async () => {
    const mute = (direction: string) => ({ type: 'mute', option: { direction } })
    const caller = await lab.dial(lab.number({ type: 'answer' }, mute('in'), wait(300), mute(''), wait(60_000)))
    await caller.answered
    await lab.call({ mute_direction: 'in' })
    await lab.call({ mute_direction: '', status: 'progressing' })
    await caller.hangup()
    await lab.ended()
  })
}
