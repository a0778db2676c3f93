import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { asteriskAbsent, startAsterisk } from './ari/asterisk.ts'
import { type Lab, openLab } from './ari/lab.ts'
import { startTestSwitch } from './start-test-switch.ts'

// A phone calls through the softswitch to an Asterisk that gives back what it hears: both code, both decode.
describe.skipIf(asteriskAbsent && process.env.SIDETONE_REQUIRE !== 'all')('with Asterisk as the peer', () => {
  let here: Lab
  let there: Lab
  beforeAll(async () => {
    const [asterisk, softswitch] = [await startAsterisk(), await startTestSwitch()]
    there = await openLab(asterisk)
    here = await openLab({
      ...softswitch.access,
      host: '127.0.0.1',
      sipPort: softswitch.sipPort,
      stop: softswitch.close,
    })
  })
  afterAll(async () => {
    for (const lab of [here, there]) {
      await lab.close()
      await lab.target.stop()
    }
  })

  async function echoFromAsterisk(caller: { channel: { id: string } }) {
    const { ari } = there
    const bridge = (await ari.post('bridges', { query: { type: 'mixing' } })).body
    const echo = (await ari.post('channels', { query: { endpoint: 'Local/echo@svc-echo', app: ari.app } })).body
    await ari.next('StasisStart', { channel: { id: echo.id } })
    await ari.post(`channels/${caller.channel.id}/answer`)
    await ari.post(`bridges/${bridge.id}/addChannel`, { query: { channel: `${caller.channel.id},${echo.id}` } })
  }

  test.each([
    ['g722', 'G722'],
    ['opus', 'opus'],
    ['alaw', 'PCMA'],
  ])('sound goes there and back in %s', async (format, codec) => {
    const { call, id } = await here.answered()
    const endpoint = `PJSIP/call-out/sip:+15550100000@127.0.0.1:${there.target.sipPort}`
    const query = { endpoint, app: here.ari.app, formats: format }
    const outbound = (await here.ari.post('channels', { query })).body
    const caller = await there.ari.next('StasisStart')
    await echoFromAsterisk(caller as never)
    await here.ari.next('StasisStart', { channel: { id: outbound.id } })
    const bridge = (await here.ari.post('bridges', { query: { type: 'mixing' } })).body
    await here.ari.post(`bridges/${bridge.id}/addChannel`, { query: { channel: `${id},${outbound.id}` } })
    const asked = { variable: 'CHANNEL(audionativeformat)' }
    const spoken = await there.ari.get(`channels/${caller.channel.id}/variable`, asked)
    expect(spoken.body.value).toContain(format)
    const talk = call.play({ frequency: 600, durationMs: 5000 })
    await call.waitForTone(600, { minMs: 400 })
    call.stopPlaying()
    await talk
    const { body } = await here.ari.get(`channels/${outbound.id}/rtp_statistics`)
    expect(body.rxcount, codec).toBeGreaterThan(10)
    await here.reset()
    await there.reset()
  })
})
