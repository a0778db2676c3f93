import { createPhone } from '@sidetone/e2e'
import { afterEach, describe, expect, test } from 'vitest'
import { header } from '../src/sip/message.ts'
import { connectAri } from './ari/ari-client.ts'
import { offer, openRawPeer } from './sip/raw-peer.ts'
import { lookup, startTestSwitch } from './start-test-switch.ts'

const audio = offer('m=audio 40000 RTP/AVP 0 101', 'a=rtpmap:101 telephone-event/8000')
const closing: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closing.splice(0)) await close()
})
describe('the switch itself', () => {
  test('says 503 with Retry-After when no application is there, or it is full', async () => {
    const small = await startTestSwitch({ maxCalls: 1 })
    const raw = await openRawPeer(small.sipPort)
    closing.push(raw.close, small.close)
    const uri = `sip:1@127.0.0.1:${small.sipPort}`
    const busy = async () => {
      const response = await raw.ask('INVITE', { from: 'sip:+44@carrier.example', uri, body: audio })
      expect(Number(header(response, 'retry-after'))).toBeGreaterThan(0)
      return response.status
    }
    expect(await busy()).toBe(503)
    const app = await connectAri(small.access)
    raw.send('INVITE', { from: 'sip:+44@carrier.example', uri, body: audio })
    await app.next('StasisStart')
    expect(await busy()).toBe(503)
    await app.close()
  })

  test('ends its calls with BYE when it closes', async () => {
    const other = await startTestSwitch()
    const app = await connectAri(other.access)
    const caller = await createPhone({ server: { host: '127.0.0.1', port: other.sipPort } })
    closing.push(caller.close)
    const ringing = await caller.call(`sip:2@127.0.0.1:${other.sipPort}`)
    await app.next('StasisStart', { channel: { protocol_id: ringing.callId } })
    const call = await caller.call(`sip:1@127.0.0.1:${other.sipPort}`)
    const { channel } = await app.next('StasisStart', { channel: { protocol_id: call.callId } })
    await app.post(`channels/${channel.id}/answer`)
    await call.answered
    await other.close()
    expect(await call.ended).toMatchObject({ by: 'them', cause: 16 })
    expect(await ringing.ended).toMatchObject({ by: 'them', status: 503 })
    await app.close()
  })

  test('names the port and the setting when a port is taken', async () => {
    const server = await startTestSwitch()
    closing.push(server.close)
    await expect(startTestSwitch({ sipPort: server.sipPort })).rejects.toThrow(
      /port \d+ is already in use; set SIP_PORT/,
    )
  })

  test('refuses settings that make no sense', async () => {
    await expect(startTestSwitch({ sipPort: 70_000 })).rejects.toThrow(/sipPort/)
    await expect(startTestSwitch({ trustedCidrs: ['localhost'] })).rejects.toThrow(/trustedCidrs/)
  })

  test('answers 503 while nobody tells it who a caller is', async () => {
    const deaf = await startTestSwitch({ lookup: () => Promise.reject(new Error('the database is away')) })
    const raw = await openRawPeer(deaf.sipPort)
    closing.push(raw.close, deaf.close)
    const response = await raw.askAs('1000', 'pass1000', 'REGISTER', {
      to: '<sip:1000@127.0.0.1>',
      from: 'sip:1000@127.0.0.1',
    })
    expect(response.status).toBe(503)
  })

  test('an account is looked up once for a burst of requests', async () => {
    let asked = 0
    const counted = await startTestSwitch({
      lookup: (who) => {
        asked++
        return lookup(who)
      },
    })
    const raw = await openRawPeer(counted.sipPort)
    closing.push(raw.close, counted.close)
    for (let i = 0; i < 3; i++) {
      const response = await raw.askAs('1000', 'pass1000', 'REGISTER', {
        to: '<sip:1000@127.0.0.1>',
        from: 'sip:1000@127.0.0.1',
      })
      expect(response.status).toBe(200)
    }
    expect(asked).toBe(1)
  })
})
