import { createSocket } from 'node:dgram'
import { createSidetone } from '@sidetone/sdk'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createPhone, type Phone, type SidetoneProcess, startSidetone } from '../src/index.ts'

let sidetone: SidetoneProcess
let server: { host: string; port: number }
const phones: Phone[] = []
beforeAll(async () => {
  sidetone = await startSidetone({ env: { OUTBOUND_ALLOW: '' } })
  server = { host: sidetone.host, port: sidetone.sipPort }
})
afterAll(async () => {
  await Promise.all(phones.map((phone) => phone.close()))
  await sidetone.stop()
})

async function phoneOf(username: string, password?: string): Promise<Phone> {
  const phone = await createPhone({ server, username, password })
  phones.push(phone)
  return phone
}
const uri = (user: string) => `sip:${user}@${sidetone.host}`

test('the demo number speaks, takes a key, and speaks again', async () => {
  const caller = await phoneOf('carrier')
  const call = await caller.call(uri('+15550100000'))
  await call.answered
  await call.waitForSpeech({ timeoutMs: 5_000 })
  await call.sendDtmf('1')
  // The key ends the menu and leads to the greeting.
  const api = createSidetone({ baseUrl: sidetone.url, token: sidetone.accesskey })
  const spoken = async () => {
    const [flow] = (await api.activeflow.list({ page_size: 1 })).result
    return flow!.current_action.option.text
  }
  await expect.poll(spoken, { timeout: 5_000 }).toContain('runs on your own machine')
  await call.hangup()
}, 30_000)

test('the echo number gives back what it hears', async () => {
  const caller = await phoneOf('carrier')
  const call = await caller.call(uri('+15550100001'))
  await call.answered
  await new Promise((resolve) => setTimeout(resolve, 1_500))
  await Promise.all([call.play({ frequency: 700, durationMs: 1_500 }), call.waitForTone(700, { timeoutMs: 5_000 })])
  await call.hangup()
}, 20_000)

test('one extension reaches another by its number', async () => {
  const [alice, bob] = [await phoneOf('1002', 'pass1002'), await phoneOf('1003', 'pass1003')]
  await alice.register()
  await bob.register()
  const call = await alice.call(uri('1003'))
  const incoming = await bob.nextCall()
  await incoming.answer()
  await call.answered
  await Promise.all([incoming.play({ frequency: 500, durationMs: 1_000 }), call.waitForTone(500, { timeoutMs: 5_000 })])
  await incoming.hangup()
  expect(await call.ended).toMatchObject({ by: 'them' })
}, 20_000)

test('a number that nobody has is 404, an extension that is not registered does not ring for ever', async () => {
  const caller = await phoneOf('carrier')
  const unknown = await caller.call(uri('+15559999999'))
  await expect(unknown.answered).rejects.toMatchObject({ status: 404 })
}, 20_000)

test('a wrong password is refused, and after some tries no longer looked at', async () => {
  const thief = await phoneOf('1004', 'guess')
  const statuses: number[] = []
  for (let attempt = 0; attempt < 8; attempt += 1) {
    await thief.register().catch((error: { status: number }) => statuses.push(error.status))
  }
  expect(statuses[0]).toBe(401)
  expect(statuses.at(-1)).toBe(403)
})

test('what is not SIP is counted and dropped, and calls go on', async () => {
  const socket = createSocket('udp4')
  for (const junk of ['', '\0\0\0', 'INVITE', 'REGISTER sip:x SIP/2.0\r\nVia: \r\n\r\n', 'x'.repeat(5_000)]) {
    await new Promise((resolve) => socket.send(junk, server.port, server.host, resolve))
  }
  socket.close()
  await expect.poll(malformed, { timeout: 10_000 }).toBeGreaterThanOrEqual(3)
  const caller = await phoneOf('carrier')
  const call = await caller.call(uri('+15550100001'))
  await call.answered
  await call.hangup()
}, 20_000)

async function malformed(): Promise<number> {
  const text = await (await fetch(`${sidetone.url}/metrics`)).text()
  return Number(/^softswitch_sip_packets_malformed (\d+)/m.exec(text)?.[1] ?? 0)
}
