import { createPhone, type Phone, type PhoneOptions } from '@sidetone/e2e'
import { afterAll, afterEach, beforeAll, expect } from 'vitest'
import type { SoftswitchOptions } from '../src/index.ts'
import { type Ari, connectAri } from './ari/ari-client.ts'
import { openRawPeer, type RawPeer } from './sip/raw-peer.ts'
import { startTestSwitch } from './start-test-switch.ts'

/** A switch and its application for the file that calls it. After each test, what it opened is closed and no channel is left. */
export function openSwitchLab(options: Partial<SoftswitchOptions> = {}) {
  let server: Awaited<ReturnType<typeof startTestSwitch>>
  let ari: Ari
  const closing: (() => unknown)[] = []

  beforeAll(async () => {
    server = await startTestSwitch(options)
    ari = await connectAri(server.access)
  })
  afterEach(async () => {
    for (const close of closing.splice(0)) await close()
    for (const { id } of (await ari.get('bridges')).body) await ari.delete(`bridges/${id}`)
    for (const { id } of (await ari.get('channels')).body) await ari.delete(`channels/${id}`)
    await expect.poll(async () => (await ari.get('channels')).body, { timeout: 5000 }).toEqual([])
    ari.events.length = 0
  })
  afterAll(async () => {
    await ari.close()
    await server.close()
  })

  return {
    get server() {
      return server
    },
    get ari() {
      return ari
    },
    /** What is called after the test. */
    closing,
    async peer(host?: string): Promise<RawPeer> {
      const made = await openRawPeer(server.sipPort, host)
      closing.push(made.close)
      return made
    },
    async phone(options: Partial<PhoneOptions> = {}): Promise<Phone> {
      const made = await createPhone({ server: { host: '127.0.0.1', port: server.sipPort }, ...options })
      closing.push(made.close)
      return made
    },
  }
}
