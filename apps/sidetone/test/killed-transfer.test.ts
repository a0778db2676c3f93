import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  type Call,
  createPhone,
  hear,
  openEvents,
  type Phone,
  type SidetoneProcess,
  startSidetone,
} from '@sidetone/e2e'
import { ha1, type Softswitch, startSoftswitch } from '@sidetone/softswitch'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type AriRelay, startAriRelay } from './ari-relay.ts'

const realm = 'sidetone'
const password = 'secret'
/** What a dead process was at is taken over after so long. */
const leaseMs = 31_000

let node: Softswitch
let relay: AriRelay
let dataDir: string
let customer_id = ''
let [alice, bob, carol]: Phone[] = []
let sidetone: SidetoneProcess
let aheadMs = 0
let allLegs = 0

/** The platform as one process, on a switch that outlives it. */
const start = () => {
  const ARI_URL = `http://${node.ariUser}:${node.ariPassword}@127.0.0.1:${relay.port}`
  return startSidetone({ dataDir, aheadMs, env: { ARI_URL } })
}
async function startAgain() {
  aheadMs += leaseMs
  sidetone = await start()
}

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'sidetone-killed-'))
  node = await startSoftswitch({
    ...{ sipPort: 0, bindAddress: '127.0.0.1', rtpPortMin: 0, rtpPortMax: 0, recordingDir: dataDir },
    lookup: async ({ user }) => ({
      ...{ username: user, customer_id },
      ha1_md5: ha1('MD5', user, realm, password),
      ha1_sha256: ha1('SHA-256', user, realm, password),
    }),
  })
  relay = await startAriRelay(node.ariUrl)
  sidetone = await start()
  const response = await fetch(`${sidetone.url}/v1.0/customer?accesskey=${sidetone.accesskey}`)
  customer_id = ((await response.json()) as { id: string }).id
  const server = { host: '127.0.0.1', port: node.sipPort }
  const phoneOf = async (username: string) => {
    const phone = await createPhone({ server, username, password })
    await phone.register()
    return phone
  }
  ;[alice, bob, carol] = await Promise.all(['1001', '1002', '1003'].map(phoneOf))
}, 60_000)
afterAll(async () => {
  await sidetone.stop()
  await Promise.all([alice, bob, carol].map((phone) => phone?.close()))
  await node.close()
  relay.close()
  await rm(dataDir, { recursive: true })
}, 30_000)

async function talk(from: Phone, to: Phone, number: string): Promise<[Call, Call]> {
  const caller = await from.call(`sip:${number}@127.0.0.1`)
  const callee = await to.nextCall()
  await callee.answer()
  await caller.answered
  await hear(caller, callee)
  return [caller, callee]
}

/** Kills the platform when it asks its switch for that. */
function killedAt(point: RegExp): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  relay.cutAt(point, () => resolve(sidetone.kill()))
  return promise
}

/** Each of the calls ends, and has ended once. */
async function allEnd(one: Call, other: Call, legs: number) {
  await other.hangup()
  await one.ended
  const events = await openEvents({
    ...{ url: sidetone.url, accesskey: sidetone.accesskey },
    ...{ customerId: customer_id, cursor: 0 },
  })
  const ids = (type: string) => events.frames.filter((one) => one.type === type).map(({ resource_id }) => resource_id)
  allLegs += legs
  await expect.poll(() => new Set(ids('call_hangup')).size, { timeout: 10_000 }).toBe(allLegs)
  expect(ids('call_hangup').toSorted()).toEqual(ids('call_created').toSorted())
  events.close()
}

test.each([
  ['the two are to be joined', /addChannel/],
  ['the phone is to be told', /transfer_progress/],
  ['the calls of the phone are to end', /"method":"DELETE","uri":"channels/],
])('an attended transfer is done after a kill -9 when %s', { timeout: 120_000 }, async (_when, point) => {
  const [a, b] = await talk(alice!, bob!, '1002')
  const [a2, c] = await talk(alice!, carol!, '1003')
  const killed = killedAt(point)
  const referral = await a.refer('sip:1003@127.0.0.1', { attended: a2 })
  await killed
  await startAgain()
  expect(await referral.done).toBe(200)
  await Promise.all([a.ended, a2.ended])
  await hear(b, c)
  await allEnd(b, c, 4)
})

test('a blind transfer is done after a kill -9 when the two are to be joined', { timeout: 120_000 }, async () => {
  const [a, b] = await talk(alice!, bob!, '1002')
  const referral = await a.refer('sip:1003@127.0.0.1')
  const c = await carol!.nextCall()
  const killed = killedAt(/addChannel/)
  await c.answer()
  await killed
  await startAgain()
  expect(await referral.done).toBe(200)
  await a.ended
  await hear(b, c)
  await allEnd(b, c, 3)
})
