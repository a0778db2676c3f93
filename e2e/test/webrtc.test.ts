import { createSidetone } from '@sidetone/sdk'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { type BrowserPhone, chromiumAbsent, startBrowser } from '../src/browser/browser-phone.ts'
import {
  createPhone,
  openEvents,
  type Phone,
  readWav,
  type SidetoneProcess,
  startSidetone,
  toneShare,
} from '../src/index.ts'

const MICROPHONE_HZ = 700

describe('a phone in a real browser', () => {
  if (chromiumAbsent) console.info(`skipped: ${chromiumAbsent}`)
  test.runIf(chromiumAbsent && process.env.SIDETONE_REQUIRE === 'all')('Chromium is there', () => {
    throw new Error(chromiumAbsent)
  })
  describe.skipIf(chromiumAbsent)(chromiumAbsent ?? 'over WebSocket, ICE and DTLS-SRTP', stories)
})

function stories() {
  let sidetone: SidetoneProcess
  let api: ReturnType<typeof createSidetone>
  let events: Awaited<ReturnType<typeof openEvents>>
  let browser: Awaited<ReturnType<typeof startBrowser>>
  const closing: (() => unknown)[] = []

  beforeAll(async () => {
    sidetone = await startSidetone()
    api = createSidetone({ baseUrl: sidetone.url, token: sidetone.accesskey })
    const { id: customerId } = await api.customer.own()
    events = await openEvents({ url: sidetone.url, accesskey: sidetone.accesskey, customerId })
    browser = await startBrowser()
  }, 60_000)
  afterEach(async () => {
    for (const close of closing.splice(0)) await close()
  })
  afterAll(async () => {
    await browser?.close()
    events?.close()
    await sidetone?.stop()
  })

  async function page(user: string): Promise<BrowserPhone> {
    const wsPort = sidetone.sipWsPort
    const phone = await browser.openPhone({ wsPort, user, password: `pass${user}`, microphoneHz: MICROPHONE_HZ })
    closing.push(() => phone.page.close())
    return phone
  }
  async function sipPhone(username: string): Promise<Phone> {
    const server = { host: sidetone.host, port: sidetone.sipPort }
    const phone = await createPhone({ server, username, password: `pass${username}` })
    closing.push(phone.close)
    await phone.register()
    return phone
  }
  /** What became of the newest calls, once they have all ended. */
  async function ended(count: number) {
    const before = events.frames.filter(({ type }) => type === 'call_hangup').length
    return async () => {
      const hangups = () => events.frames.filter(({ type }) => type === 'call_hangup').slice(before)
      await expect.poll(() => hangups().length, { timeout: 25_000 }).toBe(count)
      return hangups().map(({ data }) => data as Record<string, unknown>)
    }
  }

  test('calls the echo number and hears what its microphone says', async () => {
    const phone = await page('1000')
    await phone.call('+15550100001')
    await phone.waitForState(/^in a call$/)
    await phone.waitForTones([MICROPHONE_HZ])
    const stats = await phone.stats()
    expect(stats).toMatchObject({ dtlsState: 'connected', packetsLost: 0 })
    expect(stats.packetsReceived).toBeGreaterThan(10)
    const hangups = await ended(1)
    await phone.hangup()
    expect(await hangups()).toMatchObject([{ hangup_reason: 'normal', hangup_by: 'remote' }])
  }, 30_000)

  test('calls a number with a flow: it is recorded, its key goes on, it hears the tone, and the flow ends the call', async () => {
    const flow = await api.flow.create({
      name: 'browser',
      actions: [
        { type: 'answer' },
        { type: 'recording_start', option: { format: 'wav' } },
        { type: 'digits_receive', option: { duration: 15_000, length: 1 } },
        { type: 'beep' },
        { type: 'recording_stop' },
        { type: 'hangup' },
      ],
    })
    await api.number.create({ number: '+899555200001', type: 'virtual', name: 'browser', call_flow_id: flow.id })
    const phone = await page('1000')
    await phone.call('+899555200001')
    await phone.waitForState(/^in a call$/)
    const hears = phone.waitForTones([BEEP_HZ])
    await phone.page.waitForTimeout(800)
    await phone.press('4')
    await hears
    await phone.waitForState(/^ended by remote/)

    const finished = () => events.frames.find(({ type }) => type === 'recording_finished')
    await expect.poll(finished, { timeout: 10_000 }).toBeDefined()
    const { location } = (await api.recording.file({ id: finished()!.resource_id })) as { location: string }
    const { samples } = readWav(Buffer.from(await (await fetch(location)).arrayBuffer()))
    const spoken = Array.from({ length: Math.floor(samples.length / 800) }, (_, i) =>
      toneShare(samples.subarray(i * 800, i * 800 + 800), MICROPHONE_HZ),
    )
    expect(Math.max(...spoken)).toBeGreaterThan(0.7)
  }, 40_000)

  test('calls a SIP phone: both hear each other, keys go both ways, hold and resume, and the browser hangs up', async () => {
    const phone = await page('1000')
    const other = await sipPhone('1001')
    await phone.call('1001')
    const incoming = await other.nextCall()
    await incoming.answer()
    await phone.waitForState(/^in a call$/)
    await incoming.waitForTone(MICROPHONE_HZ)
    void incoming.play({ frequency: 1100, durationMs: 20_000 })
    await phone.waitForTones([1100])

    await phone.press('5')
    await incoming.waitForDigits('5')
    incoming.stopPlaying()
    const hears = phone.waitForTones([852, 1209]) // a browser plays the digits it gets
    await incoming.sendDtmf('7', { durationMs: 400 })
    await hears

    await phone.hold()
    await phone.waitForState(/^held by local$/)
    await expect
      .poll(() => toneShare(incoming.heard(incoming.now() - 400), MICROPHONE_HZ), { timeout: 8_000 })
      .toBeLessThan(0.1) // there is music instead
    await phone.resume()
    await phone.waitForState(/^in a call$/)
    await incoming.waitForTone(MICROPHONE_HZ)
    void incoming.play({ frequency: 900, durationMs: 5000 })
    await phone.waitForTones([900])

    await phone.hangup()
    expect(await incoming.ended).toMatchObject({ by: 'them' })
  }, 60_000)

  test('is called by a SIP phone, which holds it, resumes and hangs up', async () => {
    const phone = await page('1000')
    const other = await sipPhone('1001')
    const call = await other.call(`sip:1000@${sidetone.host}`)
    await phone.waitForState(/1001 is calling$/)
    await phone.answer()
    await call.answered
    await call.waitForTone(MICROPHONE_HZ)
    void call.play({ frequency: 1300, durationMs: 20_000 })
    await phone.waitForTones([1300])
    await call.hold()
    await call.waitForSilence()
    await call.resume()
    await call.waitForTone(MICROPHONE_HZ)
    await phone.waitForTones([1300])
    await call.hangup()
    await phone.waitForState(/^ended by remote/)
  }, 60_000)

  test.each(['the browser', 'the SIP phone'])(
    'rings together with a SIP phone of the same extension: %s answers',
    async (who) => {
      const phone = await page('1000')
      const desk = await sipPhone('1000')
      const caller = await sipPhone('1001')
      const call = await caller.call(`sip:1000@${sidetone.host}`)
      await phone.waitForState(/1001 is calling$/)
      const ringing = await desk.nextCall()
      ringing.answered.catch(() => undefined)
      if (who === 'the browser') {
        await phone.answer()
        await call.answered
        await call.waitForTone(MICROPHONE_HZ)
        void call.play({ frequency: 1300, durationMs: 10_000 })
        await phone.waitForTones([1300])
        await ringing.ended
      } else {
        await ringing.answer()
        await call.answered
        void ringing.play({ frequency: 1500, durationMs: 10_000 })
        await call.waitForTone(1500)
        await phone.waitForState(/^ended/)
      }
      await call.hangup()
    },
    60_000,
  )

  test('a page that is closed in a call ends it for the other side too', async () => {
    const phone = await page('1000')
    const other = await sipPhone('1001')
    await phone.call('1001')
    const incoming = await other.nextCall()
    await incoming.answer()
    await incoming.waitForTone(MICROPHONE_HZ)
    const hangups = await ended(2)
    await phone.page.close()
    expect(await incoming.ended).toMatchObject({ by: 'them' })
    expect(await hangups()).toMatchObject([{ hangup_reason: 'normal' }, { hangup_reason: 'normal' }])
    expect((await api.call.list({})).result.filter(({ status }) => status !== 'hangup')).toEqual([])
  }, 60_000)

  test('who has another certificate than its SDP says is not let in: the call ends with a cause that says so', async () => {
    const phone = await page('1000')
    await phone.page.evaluate(`phone.on('newRTCSession', ({ session }) => {
      session.on('sdp', (description) => {
        if (description.originator === 'local')
          description.sdp = description.sdp.replace(/(fingerprint:sha-256 )../g, '$1' + '00')
      })
      session.on('ended', ({ message }) => { window.reason = message?.getHeader('Reason') })
    })`)
    await phone.call('+15550100001')
    await phone.waitForState(/^ended by remote/, 15_000)
    expect(await phone.page.evaluate('window.reason')).toBe('Q.850;cause=58')
  }, 30_000)
}

const BEEP_HZ = 1000
