import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { afterEach, expect, test } from 'vitest'
import { createPhone, header, type Phone, type PhoneOptions } from '../src/phone/index.ts'

const phones: Phone[] = []
const phone = async (options: Partial<PhoneOptions> = {}) => {
  const made = await createPhone({ server: { host: '127.0.0.1', port: 9 }, ...options })
  phones.push(made)
  return made
}
/** Two phones; the first sends what it sends to the second. */
const pair = async (options: Partial<PhoneOptions> = {}) => {
  const bob = await phone({ username: 'bob' })
  const alice = await phone({ username: 'alice', server: bob, ...options })
  return { alice, bob }
}
const talking = async (options: Partial<PhoneOptions> = {}) => {
  const { alice, bob } = await pair(options)
  const out = await alice.call(bob.uri)
  const into = await bob.nextCall()
  await into.answer()
  await out.answered
  return { alice, bob, out, into }
}

afterEach(async () => {
  await Promise.all(phones.splice(0).map((one) => one.close()))
})

test('a call rings, is answered, and ends when the caller hangs up', async () => {
  const { alice, bob } = await pair()
  const out = await alice.call(bob.uri, { headers: { 'X-Note': 'hello' }, from: 'sip:+15551234@example.com' })
  const into = await bob.nextCall()
  expect(header(into.invite, 'x-note')).toBe('hello')
  expect(header(into.invite, 'from')).toContain('<sip:+15551234@example.com>')
  into.ring()
  await into.answer()
  await out.answered
  expect(out.progress).toEqual([100, 180])
  expect(out.status).toBe(200)
  await out.hangup()
  expect(await out.ended).toMatchObject({ by: 'us' })
  expect(await into.ended).toMatchObject({ by: 'them' })
})

test('the callee hangs up', async () => {
  const { out, into } = await talking()
  await into.hangup()
  expect(await out.ended).toMatchObject({ by: 'them' })
})

test('a refused call ends with the status of the refusal and its reason', async () => {
  const { alice, bob } = await pair()
  bob.onInvite((call) => call.reject(486, { headers: { Reason: 'Q.850;cause=17;text="busy"' } }))
  const out = await alice.call(bob.uri)
  await expect(out.answered).rejects.toMatchObject({ status: 486 })
  expect(await out.ended).toMatchObject({ by: 'them', status: 486, cause: 17 })
})

test('hanging up before the answer cancels the call', async () => {
  const { alice, bob } = await pair()
  const out = await alice.call(bob.uri)
  const into = await bob.nextCall()
  into.ring()
  await out.hangup()
  expect(await out.ended).toMatchObject({ by: 'us', status: 487 })
  expect(await into.ended).toMatchObject({ by: 'them', status: 487 })
})

test.each(['PCMU', 'PCMA'] as const)('tones are heard both ways in %s', async (codec) => {
  const { out, into } = await talking({ codecs: [codec] })
  const heard = [into.waitForTone(440), out.waitForTone(1000)]
  void out.play({ frequency: 440, durationMs: 400 })
  void into.play({ frequency: 1000, durationMs: 400 })
  await Promise.all(heard)
  expect(into.frames.every((frame) => frame.codec === codec)).toBe(true)
  expect(into.dominantFrequency(into.now() - 100)).toBeCloseTo(440, -1)
  await expect(into.waitForTone(700, { timeoutMs: 150 })).rejects.toThrow(/700 Hz did not come within 150 ms.*440 Hz/)
})

test('packets leave every 20 ms and none is lost', async () => {
  const { out, into } = await talking()
  await out.play({ frequency: 440, durationMs: 1000 })
  expect(into.packets).toMatchObject({ lost: 0, duplicates: 0, outOfOrder: 0, streams: 1 })
  expect(into.packets.received).toBeGreaterThanOrEqual(50)
  expect(into.packets.meanGapMs).toBeGreaterThan(17)
  expect(into.packets.meanGapMs).toBeLessThan(25)
})

test('digits arrive once each, as telephone events and by INFO', async () => {
  const { out, into } = await talking()
  await out.sendDtmf('12#', { durationMs: 60, gapMs: 40 })
  await into.waitForDigits('12#')
  await out.sendInfoDtmf('7')
  expect(into.digits).toBe('12#')
  expect(into.dtmf).toEqual([
    { digit: '1', durationMs: 60, via: 'rtp' },
    { digit: '2', durationMs: 60, via: 'rtp' },
    { digit: '#', durationMs: 60, via: 'rtp' },
    { digit: '7', durationMs: 160, via: 'info' },
  ])
})

test('hold stops the other side from sending, and resume lets it', async () => {
  const { out, into } = await talking()
  await out.hold()
  expect(into.remoteAudio?.direction).toBe('sendonly')
  await into.waitForSilence({ minMs: 100 })
  const held = into.packets.sent
  await new Promise((resolve) => setTimeout(resolve, 100))
  expect(into.packets.sent).toBe(held)
  await out.resume()
  void into.play({ frequency: 600, durationMs: 300 })
  await out.waitForTone(600)
})

test('early media is heard before the answer', async () => {
  const { alice, bob } = await pair()
  const out = await alice.call(bob.uri)
  const into = await bob.nextCall()
  into.ring({ earlyMedia: true })
  void into.play({ frequency: 425, durationMs: 400 })
  await out.waitForTone(425)
  expect(out.status).toBe(183)
  await into.answer()
  await out.answered
})

test('a call without an offer in the INVITE has audio both ways', async () => {
  const { alice, bob } = await pair()
  const out = await alice.call(bob.uri, { offer: 'late' })
  const into = await bob.nextCall()
  await into.answer()
  await out.answered
  const heard = [into.waitForTone(440), out.waitForTone(1000)]
  void out.play({ frequency: 440, durationMs: 400 })
  void into.play({ frequency: 1000, durationMs: 400 })
  await Promise.all(heard)
})

test('OPTIONS is answered and rubbish is counted', async () => {
  const { alice, bob } = await pair()
  expect((await alice.request('OPTIONS', bob.uri)).status).toBe(200)
  const socket = createSocket('udp4')
  await new Promise((sent) => socket.send('INVITE me\r\n\r\n', bob.port, bob.host, sent))
  socket.close()
  await expect.poll(() => bob.malformedCount()).toBe(1)
})

test('an INVITE that gets no response is sent again, and its refusal is acknowledged', async () => {
  const server = createSocket('udp4').bind(0, '127.0.0.1')
  await once(server, 'listening')
  const received: string[] = []
  server.on('message', (datagram, from) => {
    const text = datagram.toString()
    received.push(text)
    if (text.startsWith('ACK') || received.length < 2) return
    const copied = text.split('\r\n').filter((line) => /^(Via|From|To|Call-ID|CSeq):/.test(line))
    server.send(['SIP/2.0 486 Busy Here', ...copied, '', ''].join('\r\n'), from.port, from.address)
  })
  const alice = await phone({ server: { host: '127.0.0.1', port: server.address().port } })
  const call = await alice.call('sip:nobody@127.0.0.1')
  expect(await call.ended).toMatchObject({ status: 486 })
  await expect.poll(() => received.length).toBe(3)
  expect(received[1]).toBe(received[0])
  expect(received[2]).toMatch(/^ACK /)
  server.close()
})

test('a call without a common codec is refused with 488', async () => {
  const bob = await phone({ codecs: ['PCMA'] })
  const alice = await phone({ server: bob, codecs: ['PCMU'] })
  const out = await alice.call(bob.uri)
  expect(await out.ended).toMatchObject({ status: 488 })
})
