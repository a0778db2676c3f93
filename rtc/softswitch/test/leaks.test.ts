import { Socket } from 'node:dgram'
import { EventEmitter } from 'node:events'
import { readdirSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { queryObjects } from 'node:v8'
import { createPhone } from '@sidetone/e2e/phone'
import { expect, test } from 'vitest'
import { softswitchConfig } from '../src/config.ts'
import { startSwitch } from '../src/switch.ts'
import { connectAri } from './ari/ari-client.ts'

const host = '127.0.0.1'
const sipT1Ms = 5 // transactions are kept for 64 of these
const atOnce = 5

const alive = (kind: new (...args: never[]) => unknown) => queryObjects(kind, { format: 'count' })

const held = () => ({
  /** Media sessions and servers. The phone of the test keeps what it had of sockets, closed ones, so they do not count. */
  emitters: alive(EventEmitter) - alive(Socket),
  files: readdirSync('/proc/self/fd').length,
  resources: process.getActiveResourcesInfo().length,
})

// In this thread, where what the switch holds can be counted; many more calls, and the bytes, are bench/src/switch-leaks.ts.
test('fifty calls leave no session, socket, timer or file behind', { timeout: 120_000 }, async () => {
  const recordingDir = await mkdtemp(join(tmpdir(), 'softswitch-'))
  const config = softswitchConfig.parse({
    sipPort: 0,
    bindAddress: host,
    rtpPortMin: 0,
    rtpPortMax: 0,
    recordingDir,
    sipT1Ms,
    maxUtilization: 1, // the phones work in the same thread
  })
  const outside = { lookup: async () => null, onRegistration() {}, log: (entry: unknown) => console.error(entry) }
  const running = await startSwitch(config, outside, [])
  const { ariUser: user, ariPassword: password } = config
  const ari = await connectAri({ ariUrl: `http://${host}:${running.ariPort}/ari`, user, password })

  async function oneCall(phone: Awaited<ReturnType<typeof createPhone>>) {
    const call = await phone.call(`sip:+15550100000@${host}:${running.sipPort}`)
    const { channel } = await ari.next('StasisStart', { channel: { protocol_id: call.callId } })
    await ari.rest('POST', `channels/${channel.id}/answer`)
    await ari.rest('POST', `channels/${channel.id}/play`, { query: { media: 'tone:440' } })
    await call.waitForTone(440)
    await call.hangup()
    await ari.next('ChannelDestroyed', { channel: { id: channel.id } })
  }

  async function round(calls: number) {
    const phone = await createPhone({ server: { host, port: running.sipPort } })
    for (let n = 0; n < calls; n += atOnce) {
      await Promise.all(Array.from({ length: atOnce }, () => oneCall(phone)))
    }
    await phone.close()
    ari.events.length = 0
    const active = () => {
      const { channels_active, media_sessions_active, sip_transactions_active } = running.metrics()
      return { channels_active, media_sessions_active, sip_transactions_active }
    }
    const none = { channels_active: 0, media_sessions_active: 0, sip_transactions_active: 0 }
    await expect.poll(active, { timeout: 10_000 }).toEqual(none)
  }

  try {
    await round(4 * atOnce)
    const before = held()
    await round(50)
    // What belongs to the test itself may come and go in between, but not grow with the calls.
    await expect.poll(() => held().emitters - before.emitters, { timeout: 5_000 }).toBeLessThan(10)
    const after = held()
    expect(after.files - before.files).toBeLessThan(10)
    expect(after.resources - before.resources).toBeLessThan(10)
  } finally {
    await ari.close()
    await running.close()
    await rm(recordingDir, { recursive: true, force: true })
  }
})
