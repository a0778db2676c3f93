import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, expect, onTestFinished, test } from 'vitest'
import { createMediaEngine, toneSource } from '../../src/media/index.ts'
import { parseRtp, type RtpPacket, rtpHeaderBytes, writeRtpHeader } from '../../src/media/rtp.ts'
import type { MediaSession, RemoteMedia } from '../../src/media/types.ts'
import { amplitudeAt, ear, loudPart, strongestFrequency } from './tones-heard.ts'

const engine = createMediaEngine({ bindAddress: '127.0.0.1', portMin: 0, portMax: 0 })
afterEach(() => engine.close())

const at = (port: number, media: Partial<RemoteMedia> = {}): RemoteMedia => ({
  address: '127.0.0.1',
  port,
  codec: 'PCMU',
  telephoneEventPt: 101,
  ...media,
})

const tone = (frequency: number, durationMs?: number) =>
  toneSource({ frequencies: [frequency], durationMs, amplitude: 8000 })

async function call(media: Partial<RemoteMedia> = {}) {
  const [caller, callee] = [await engine.openSession(), await engine.openSession()]
  caller.setRemote(at(callee.localPort, media))
  callee.setRemote(at(caller.localPort, media))
  return { caller, callee }
}

function listen(session: MediaSession) {
  const heard = ear()
  session.addSink(heard)
  return heard
}

function digitsHeardBy(session: MediaSession) {
  const digits: [string, number][] = []
  session.on('dtmf', (...digit) => digits.push(digit))
  return digits
}

/** A bare socket that keeps what a session sends to it. */
async function wire() {
  const socket = createSocket('udp4')
  onTestFinished(() => void socket.close())
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  const packets: RtpPacket[] = []
  socket.on('message', (bytes) => packets.push(parseRtp(bytes)!))
  return { packets, socket, port: socket.address().port }
}

const rtp = (sequence: number, { payload = Buffer.alloc(160, 0xd5), payloadType = 8, ssrc = 7 } = {}) => {
  const bytes = Buffer.concat([Buffer.alloc(rtpHeaderBytes), payload])
  writeRtpHeader(bytes, { payloadType, marker: false, sequence: sequence & 0xffff, timestamp: sequence * 160, ssrc })
  return bytes
}

test.each(['PCMU', 'PCMA', 'G722', 'opus'] as const)(
  'a tone played over %s is heard with its frequency and level',
  async (codec) => {
    const { caller, callee } = await call({ codec })
    const heard = listen(callee)
    expect(await caller.play(tone(440, 500)).done).toBe(true)
    await sleep(150)
    const part = loudPart(heard.samples())
    expect(Math.abs(part.length / 8 - 500)).toBeLessThan(30) // it dies away within a frame
    expect(Math.abs(strongestFrequency(part) - 440)).toBeLessThanOrEqual(5)
    expect(amplitudeAt(part, 440)).toBeGreaterThan(7600)
    expect(amplitudeAt(part, 440)).toBeLessThan(8200)
  },
)

test('packets go out at the rate of the media, in sequence, with a marker at the start of each talkspurt', async () => {
  const session = await engine.openSession()
  const { packets, port } = await wire()
  session.setRemote(at(port))
  await sleep(60) // the packet that opens the way through a NAT
  const opening = packets.length
  const start = performance.now()
  await session.play(tone(440, 400)).done
  await sleep(200)
  await session.play(tone(440, 300)).done
  const elapsedMs = performance.now() - start
  await sleep(20)
  const sent = packets.slice(opening)
  expect(opening).toBe(1)
  expect(sent.length).toBe(35)
  expect(Math.abs(elapsedMs - 900)).toBeLessThan(200)
  expect(new Set(sent.map(({ ssrc }) => ssrc)).size).toBe(1)
  const spurts = sent.flatMap(({ marker }, index) => (marker ? [index] : []))
  expect(spurts).toEqual([0, 20])
  sent.slice(1).forEach((packet, index) => {
    const before = sent[index]!
    expect((packet.sequence - before.sequence) & 0xffff).toBe(1)
    const passed = (packet.timestamp - before.timestamp) >>> 0
    if (packet.marker) expect(Math.abs(passed / 8 - 220)).toBeLessThan(100)
    else expect(passed).toBe(160)
  })
})

test('sequence, time and source of a stream begin at random', async () => {
  const { packets, port } = await wire()
  for (let i = 0; i < 4; i++) (await engine.openSession()).setRemote(at(port))
  await sleep(80)
  for (const key of ['sequence', 'timestamp', 'ssrc'] as const)
    expect(new Set(packets.map((packet) => packet[key])).size).toBeGreaterThan(2)
})

test('whispers are heard by the peer beside all else that is said, and by nobody who listens in', async () => {
  const { caller, callee } = await call()
  const [heard, said] = [listen(callee), ear()]
  caller.addSpeechSink(said)
  const whisperers = [tone(700), tone(1_000)]
  const whispering = { mix: () => whisperers.forEach((one) => void caller.whisper(one.next()!, 'out')) }
  caller.clock.add(whispering)
  await caller.play(tone(440, 500)).done
  caller.clock.remove(whispering)
  await sleep(150)
  for (const frequency of [440, 700, 1_000]) {
    expect(amplitudeAt(loudPart(heard.samples()), frequency)).toBeGreaterThan(7_000)
  }
  expect(amplitudeAt(loudPart(said.samples()), 440)).toBeGreaterThan(7_600)
  for (const frequency of [700, 1_000]) expect(amplitudeAt(said.samples(), frequency)).toBeLessThan(500)
})

test('a digit on the clock of Opus is one digit with its duration, also when it is longer than one event can be', async () => {
  const { caller, callee } = await call({ codec: 'opus', telephoneEventPt: 110, telephoneEventHz: 48_000 })
  const digits = digitsHeardBy(callee)
  await caller.sendDtmf('7', { durationMs: 1500, gapMs: 60 })
  await caller.sendDtmf('8', { durationMs: 100, gapMs: 60 })
  await sleep(100)
  expect(digits).toEqual([
    ['7', 1500],
    ['8', 100],
  ])
})

test('what one codec cannot carry is not heard as something else behind another', async () => {
  const { caller, callee } = await call({ codec: 'G722' })
  const [wide, narrow] = [ear(), listen(callee)]
  callee.addSink({ ...wide, takesWide: true })
  const sweep = { at: 0, frame: new Int16Array(320) }
  const high = {
    next() {
      for (let i = 0; i < 320; i++) sweep.frame[i] = 8000 * Math.sin((2 * Math.PI * 6000 * sweep.at++) / 16_000)
      return sweep.at < 8000 ? sweep.frame : null
    },
  }
  await caller.play(high).done
  await sleep(150)
  expect(amplitudeAt(loudPart(wide.samples()), 6000, 16_000)).toBeGreaterThan(6500)
  expect(Math.max(...narrow.samples().slice(800).map(Math.abs))).toBeLessThan(400)
})

test('digits arrive once each, with their duration', async () => {
  const { caller, callee } = await call()
  const digits = digitsHeardBy(callee)
  await caller.sendDtmf('1*', { durationMs: 100, gapMs: 60 })
  await caller.sendDtmf('D#', { durationMs: 60, gapMs: 60 })
  await sleep(100)
  expect(digits).toEqual([
    ['1', 100],
    ['*', 100],
    ['D', 60],
    ['#', 60],
  ])
})

test('digits and audio go through a network that loses and reorders', async () => {
  const [caller, callee] = [await engine.openSession(), await engine.openSession()]
  const network = createSocket('udp4')
  onTestFinished(() => void network.close())
  network.bind(0, '127.0.0.1')
  await once(network, 'listening')
  const { port } = network.address()
  let passed = 0
  let kept: Buffer | undefined
  network.on('message', (bytes, from) => {
    if (from.port !== caller.localPort) return
    const number = passed++
    if (number % 7 === 3) return // lost
    if (number % 5 === 2)
      kept = bytes // overtaken by the next
    else {
      network.send(bytes, callee.localPort, '127.0.0.1')
      if (kept) network.send(kept, callee.localPort, '127.0.0.1')
      kept = undefined
    }
  })
  caller.setRemote(at(port))
  callee.setRemote(at(port))
  const digits = digitsHeardBy(callee)
  const heard = listen(callee)
  const talk = caller.play(tone(440))
  await sleep(300)
  await caller.sendDtmf('0123', { durationMs: 80, gapMs: 40 })
  await sleep(300)
  talk.stop()
  await sleep(100)
  expect(digits.map(([digit]) => digit).join('')).toBe('0123')
  expect(Math.abs(strongestFrequency(loudPart(heard.samples())) - 440)).toBeLessThanOrEqual(5)
  const { packetsLost, packetsReordered, packetsReceived } = callee.stats
  expect(Math.abs(packetsLost - passed / 7)).toBeLessThan(3)
  expect(packetsReordered).toBeGreaterThan(4)
  expect(packetsReceived + packetsLost).toBeGreaterThan(passed - 3)
})

test('digits are tones to a peer that takes no events', async () => {
  const { caller, callee } = await call({ telephoneEventPt: undefined })
  const heard = listen(callee)
  await caller.sendDtmf('5', { durationMs: 200, gapMs: 0 })
  await sleep(100)
  const part = loudPart(heard.samples())
  for (const frequency of [770, 1336]) expect(amplitudeAt(part, frequency)).toBeGreaterThan(3800)
})

test('digits come in the place of what is played, in the same sequence, and it goes on after them', async () => {
  const session = await engine.openSession()
  const { packets, port } = await wire()
  session.setRemote(at(port, { telephoneEventPt: 96 }))
  const talk = session.play(tone(440, 200))
  await sleep(60)
  await session.sendDtmf('7', { durationMs: 60, gapMs: 0 })
  expect(await talk.done).toBe(true)
  await sleep(20)
  const events = packets.filter(({ payloadType }) => payloadType === 96)
  expect(events.map(({ payload }) => payload.readUInt16BE(2))).toEqual([160, 320, 480, 480, 480])
  expect(new Set(events.map(({ timestamp }) => timestamp)).size).toBe(1)
  expect(events.map(({ marker }) => marker)).toEqual([true, false, false, false, false])
  expect(packets.length - events.length).toBe(10)
  const first = packets[0]!.sequence
  expect(packets.map(({ sequence }) => (sequence - first) & 0xffff)).toEqual(packets.map((_, index) => index))
})

test('a peer behind a NAT is answered where its packets come from, and a stranger can neither speak nor listen', async () => {
  const session = await engine.openSession()
  const [nat, stranger] = [await wire(), await wire()]
  session.setRemote(at(9)) // what the SDP said
  for (let sequence = 0; sequence < 5; sequence++) {
    nat.socket.send(rtp(sequence), session.localPort, '127.0.0.1')
    await sleep(5)
    stranger.socket.send(rtp(sequence + 900, { ssrc: 666 }), session.localPort, '127.0.0.1')
  }
  await sleep(20)
  await session.play(tone(440, 100)).done
  await sleep(20)
  expect(nat.packets.length).toBeGreaterThanOrEqual(5)
  expect(stranger.packets).toEqual([])
  expect(session.stats).toMatchObject({ packetsReceived: 5, packetsForeign: 5, packetsLost: 0 })
})

test('loss, reordering, restarts and rubbish are counted', async () => {
  const session = await engine.openSession()
  const { socket, port } = await wire()
  session.setRemote(at(port))
  const send = async (...packets: Buffer[]) => {
    for (const packet of packets) socket.send(packet, session.localPort, '127.0.0.1')
    await sleep(40)
  }
  await send(...[65_533, 65_534, 0, 65_535, 4].map((sequence) => rtp(sequence)))
  expect(session.stats).toMatchObject({ packetsReceived: 5, packetsLost: 3, packetsReordered: 1 })
  await send(rtp(30_000), rtp(30_001), rtp(5, { ssrc: 8 }), rtp(6, { ssrc: 8 }))
  expect(session.stats).toMatchObject({ packetsReceived: 9, packetsLost: 3 })
  await send(Buffer.from('rubbish'), Buffer.of(), rtp(7, { ssrc: 8, payloadType: 101, payload: Buffer.of(1) }))
  expect(session.stats.packetsMalformed).toBe(3)
  expect(engine.metrics()).toMatchObject({ sessionsActive: 1, packetsMalformed: 3 })
})

test('a muted session neither hears nor is heard, and its time goes on', async () => {
  const { caller, callee } = await call()
  const heard = listen(callee)
  const talk = caller.play(tone(440, 400))
  await sleep(100)
  caller.mute('out', true)
  await sleep(100)
  caller.mute('out', false)
  expect(await talk.done).toBe(true)
  await sleep(100)
  const part = loudPart(heard.samples())
  expect(part.length / 8).toBeGreaterThan(370)
  expect(amplitudeAt(part, 440)).toBeLessThan(7000)

  callee.mute('in', true)
  const deaf = listen(callee)
  await caller.play(tone(440, 100)).done
  expect(deaf.samples().length).toBeGreaterThan(0)
  expect(deaf.samples().every((sample) => sample === 0)).toBe(true)
})

test('what pauses goes on where it was, and a stop or another play ends it early', async () => {
  const { caller, callee } = await call()
  const heard = listen(callee)
  const talk = caller.play(tone(440, 200))
  await sleep(100)
  talk.pause()
  await sleep(200)
  talk.resume()
  expect(await talk.done).toBe(true)
  await sleep(100)
  expect(loudPart(heard.samples()).length / 8).toBeGreaterThan(350)

  const endless = caller.play(tone(440))
  const next = caller.play(tone(500))
  expect(await endless.done).toBe(false)
  next.stop()
  expect(await next.done).toBe(false)
})

test('a source is closed once however it ends, and one that throws rejects', async () => {
  const { caller } = await call()
  let closed = 0
  const source = (ms?: number) => ({ ...tone(440, ms), close: () => void closed++ })
  await caller.play(source(40)).done
  const stopped = caller.play(source())
  stopped.stop()
  stopped.stop()
  const broken = caller.play({
    next: () => {
      throw new Error('broken source')
    },
  })
  await expect(broken.done).rejects.toThrow('broken source')
  const last = caller.play(source())
  caller.close()
  expect(await last.done).toBe(false)
  expect(await caller.play(source()).done).toBe(false)
  expect(closed).toBe(4)
})

test('nothing is sent to a peer that holds the call', async () => {
  const session = await engine.openSession()
  const { packets, port } = await wire()
  session.setRemote(at(port, { address: '0.0.0.0' }))
  expect(await session.play(tone(440, 60)).done).toBe(true)
  session.setRemote(at(port))
  await session.play(tone(440, 60)).done
  await sleep(20)
  expect(packets.length).toBe(3)
  expect(session.stats.packetsSent).toBe(3)
})

test('a peer that has gone silent is told of once', async () => {
  const [quiet, peer] = [await engine.openSession({ timeoutMs: 100 }), await engine.openSession()]
  let timeouts = 0
  quiet.on('timeout', () => timeouts++)
  await sleep(150)
  expect(timeouts).toBe(0) // nothing is expected yet
  quiet.setRemote(at(peer.localPort))
  peer.setRemote(at(quiet.localPort))
  await peer.play(tone(440, 200)).done
  expect(timeouts).toBe(0)
  await sleep(300)
  expect(timeouts).toBe(1)
})

test('digits that wait when a session closes hold nobody up', async () => {
  const { caller } = await call()
  const waiting = caller.sendDtmf('123')
  caller.close()
  await waiting
  await caller.sendDtmf('4')
})
