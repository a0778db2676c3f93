import fc from 'fast-check'
import { beforeEach, expect, test } from 'vitest'
import { Message, parseMessage } from 'werift'
import { createIceLite } from '../../src/webrtc/ice-lite.ts'

const [home, office] = [
  { address: '192.0.2.1', port: 40_000 },
  { address: '198.51.100.7', port: 50_000 },
]
let sent: { message: Message | undefined; to: typeof home }[]
let ice: ReturnType<typeof createIceLite>
beforeEach(() => {
  sent = []
  ice = createIceLite((datagram, to) => {
    sent.push({ message: parseMessage(datagram, Buffer.from(ice.credentials.pwd)), to })
  })
})

/** A check as a browser sends it. */
function check(
  more: Partial<Record<'USE-CANDIDATE' | 'ICE-CONTROLLED', unknown>> = {},
  { ufrag, pwd } = ice.credentials,
) {
  const message = new Message(1, 0).setAttribute('USERNAME', `${ufrag}:peer`).setAttribute('PRIORITY', 1)
  for (const [name, value] of Object.entries(more)) message.setAttribute(name as 'PRIORITY', value)
  return (message as Message).addMessageIntegrity(Buffer.from(pwd)).addFingerprint().bytes
}
const nominate = { 'USE-CANDIDATE': null }

test('a check is answered to where it came from, and the answer says where that is', () => {
  expect(ice.receive(check(), home)).toBe(true)
  expect(sent).toHaveLength(1)
  expect(sent[0]!.to).toEqual(home)
  expect(sent[0]!.message!.getAttributeValue('XOR-MAPPED-ADDRESS')).toEqual(['192.0.2.1', 40_000])
  expect([ice.hasChecked(home), ice.hasChecked(office), ice.chosen]).toEqual([true, false, false])
})

test('media goes the way that the peer chose last', () => {
  ice.receive(check(), office)
  expect(ice.peer).toEqual(office)
  ice.receive(check(nominate), home)
  ice.receive(check(), office)
  expect([ice.peer, ice.chosen]).toEqual([home, true])
  ice.receive(check(nominate), office)
  expect(ice.peer).toEqual(office)
})

test('who does not know our password gets no answer and opens no way', () => {
  expect(ice.receive(check(nominate, { ...ice.credentials, pwd: 'guessed' }), home)).toBe(false)
  expect(ice.receive(check(nominate, { ...ice.credentials, ufrag: 'other' }), home)).toBe(false)
  expect([sent, ice.peer, ice.hasChecked(home)]).toEqual([[], undefined, false])
})

test('a peer that wants to be controlled is told that we are', () => {
  expect(ice.receive(check({ 'ICE-CONTROLLED': 1n }), home)).toBe(false)
  expect(sent[0]!.message!.getAttributeValue('ERROR-CODE')).toEqual([487, 'Role Conflict'])
})

test('after a restart the old credentials are good until the next one', () => {
  const old = ice.credentials
  ice.restart()
  expect(ice.credentials).not.toEqual(old)
  expect(ice.receive(check({}, old), home)).toBe(true)
  expect(ice.receive(check(), home)).toBe(true)
  ice.restart()
  expect(ice.receive(check({}, old), home)).toBe(false)
})

test('nonsense is no check, nor is what was changed on the way', () => {
  const good = check(nominate)
  const signedBytes = good.length - 8 // then comes the FINGERPRINT, which anybody can make
  fc.assert(
    fc.property(fc.nat(signedBytes - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
      const damaged = Buffer.from(good)
      damaged[at]! ^= change
      return !ice.receive(damaged, home)
    }),
  )
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => !ice.receive(Buffer.from(bytes), home)))
  expect(ice.peer).toBe(undefined)
})
