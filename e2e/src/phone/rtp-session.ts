import { randomInt } from 'node:crypto'
import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { type Codec, formats, openCoding } from './codec.ts'
import type { Address } from './sip-message.ts'

const frameMs = 20
const frameSamples = 160
const digitNames = '0123456789*#ABCD'
const silence = new Int16Array(frameSamples)

/** Where and how to send: the result of offer and answer. */
export type RtpTarget = {
  address: Address
  payload: number
  codec: Codec
  event: { payload: number; hz: number } | undefined
  sending: boolean
}
type HeardFrame = { atMs: number; sequence: number; timestamp: number; codec: Codec; samples: Int16Array }
type HeardDigit = { digit: string; durationMs: number; atMs: number; ended: boolean }
type Outgoing = { samples: Int16Array } | { digit: number; durationMs: number }
type Arrival = { atMs: number; sequence: number; ssrc: number }

export type RtpSession = Awaited<ReturnType<typeof openRtp>>

/** One RTP stream each way (RFC 3550) with telephone events (RFC 4733): a frame every 20 ms from the moment it has a target. */
export async function openRtp(host: string, codecs: Codec[]) {
  const codings = new Map(await Promise.all(codecs.map(async (codec) => [codec, await openCoding(codec)] as const)))
  const socket = await bindEvenPort(host)
  const startedAt = performance.now()
  const nowMs = () => performance.now() - startedAt
  const ssrc = randomInt(2 ** 32)
  let sequence = randomInt(2 ** 16)
  let timestamp = randomInt(2 ** 32)
  let target: RtpTarget | undefined
  let receiving = new Map<number, Codec | number>() // a number is the clock of telephone events
  let sent = 0
  let ticker: NodeJS.Timeout | undefined
  const queue: { item: Outgoing; done: () => void }[] = []
  let position = 0 // samples of queue[0] that are sent
  const frames: HeardFrame[] = []
  const digits: HeardDigit[] = []
  const arrivals: Arrival[] = []
  const listeners = new Set<() => void>()
  let lastEvent: { timestamp: number; ssrc: number } | undefined

  /** Steps of the timestamp for each sample at 8 kHz. */
  const perSample = () => (target ? formats[target.codec].clockHz / 8000 : 1)

  const packet = (payload: number, marker: boolean, at: number, body: Uint8Array) => {
    if (!target?.sending) return
    const head = Buffer.alloc(12)
    head[0] = 0x80
    head[1] = (marker ? 0x80 : 0) | payload
    head.writeUInt16BE(sequence, 2)
    head.writeUInt32BE(at, 4)
    head.writeUInt32BE(ssrc, 8)
    sequence = (sequence + 1) & 0xffff
    sent++
    socket.send([head, body], target.address.port, target.address.host)
  }

  type EventPacket = { digit: number; end: boolean; marker: boolean; elapsed: number; at: number }
  const sendEvent = ({ digit, end, marker, elapsed, at }: EventPacket) => {
    if (!target?.event) return
    const duration = (elapsed * target.event.hz) / 8000
    packet(
      target.event.payload,
      marker,
      at,
      Buffer.from([digit, (end ? 0x80 : 0) | 10, duration >> 8, duration & 0xff]),
    )
  }

  const sendFrame = () => {
    const item = queue[0]?.item ?? { samples: silence }
    let total: number
    if ('digit' in item) {
      total = Math.max(1, Math.round(item.durationMs / frameMs)) * frameSamples
      const at = (timestamp - position * perSample()) >>> 0 // every packet of an event has the time of its start (2.5.1.3)
      const elapsed = position + frameSamples
      // The end goes out three times, so that two losses do not lose it (2.5.1.4).
      for (let i = 0; i < (elapsed >= total ? 3 : 1); i++) {
        sendEvent({ digit: item.digit, end: elapsed >= total, marker: position === 0, elapsed, at })
      }
    } else {
      total = item.samples.length
      const frame = new Int16Array(frameSamples)
      frame.set(item.samples.subarray(position, position + frameSamples))
      if (target) packet(target.payload, false, timestamp, codings.get(target.codec)!.encode(frame))
    }
    timestamp = (timestamp + frameSamples * perSample()) >>> 0
    position += frameSamples
    if (position >= total) {
      position = 0
      queue.shift()?.done()
    }
  }

  const startSending = () => {
    let dueAt = performance.now()
    const tick = () => {
      for (let burst = 0; dueAt <= performance.now() && burst < 10; burst++, dueAt += frameMs) sendFrame()
      if (dueAt <= performance.now()) dueAt = performance.now() + frameMs // the machine stood still: do not flood
      ticker = setTimeout(tick, dueAt - performance.now())
    }
    tick()
  }

  socket.on('message', (datagram) => {
    if (datagram.length < 12 || datagram[0]! >> 6 !== 2) return
    const extension = datagram[0]! & 0x10
    let offset = 12 + 4 * (datagram[0]! & 0x0f)
    if (extension && datagram.length >= offset + 4) offset += 4 + 4 * datagram.readUInt16BE(offset + 2)
    const codec = receiving.get(datagram[1]! & 0x7f)
    const from = {
      sequence: datagram.readUInt16BE(2),
      timestamp: datagram.readUInt32BE(4),
      ssrc: datagram.readUInt32BE(8),
    }
    if (codec === undefined) return
    arrivals.push({ atMs: nowMs(), sequence: from.sequence, ssrc: from.ssrc })
    const body = datagram.subarray(offset)
    if (typeof codec === 'number') heardEvent(body, from, codec)
    else
      frames.push({
        atMs: nowMs(),
        sequence: from.sequence,
        timestamp: from.timestamp,
        codec,
        samples: codings.get(codec)!.decode(body),
      })
    for (const listener of listeners) listener()
  })

  const heardEvent = (body: Buffer, from: { timestamp: number; ssrc: number }, clockHz: number) => {
    const digit = body.length >= 4 ? digitNames[body[0]!] : undefined
    if (digit === undefined) return
    if (lastEvent?.timestamp !== from.timestamp || lastEvent.ssrc !== from.ssrc) {
      lastEvent = { timestamp: from.timestamp, ssrc: from.ssrc }
      digits.push({ digit, durationMs: 0, atMs: nowMs(), ended: false })
    }
    const event = digits.at(-1)!
    event.durationMs = Math.max(event.durationMs, (body.readUInt16BE(2) * 1000) / clockHz)
    event.ended ||= (body[1]! & 0x80) !== 0
  }

  const enqueue = (item: Outgoing) => new Promise<void>((done) => queue.push({ item, done }))

  return {
    port: socket.address().port,
    nowMs,
    frames,
    digits,
    listeners,
    /** What each payload type will mean, as our SDP says. */
    receive(payloads: Map<number, Codec | number>) {
      receiving = payloads
    },
    send(to: RtpTarget) {
      target = to
      if (ticker === undefined) startSending()
    },
    /** Resolves when the last sample has gone out; silence follows. */
    play: (samples: Int16Array) => enqueue({ samples }),
    async sendDigits(text: string, { durationMs = 100, gapMs = 60 }: { durationMs?: number; gapMs?: number } = {}) {
      if (!target?.event) throw new Error('the other side did not negotiate telephone-event')
      const codes = [...text.toUpperCase()].map((digit) => digitNames.indexOf(digit))
      if (codes.includes(-1)) throw new Error(`not DTMF digits: ${text}`)
      await Promise.all(
        codes.flatMap((digit) => [
          enqueue({ digit, durationMs }),
          enqueue({ samples: new Int16Array((gapMs / frameMs) * frameSamples) }),
        ]),
      )
    },
    stopPlaying() {
      position = 0
      for (const { done } of queue.splice(0)) done()
    },
    stats: () => ({ sent, ...receiveStats(arrivals) }),
    close() {
      clearTimeout(ticker)
      for (const { done } of queue.splice(0)) done()
      for (const coding of codings.values()) coding.close()
      socket.close()
    },
  }
}

/** Counts of packets, and the intervals at which they came. */
function receiveStats(arrivals: Arrival[]) {
  const streams = Map.groupBy(arrivals, (arrival) => arrival.ssrc)
  let [lost, duplicates, outOfOrder] = [0, 0, 0]
  for (const stream of streams.values()) {
    const seen = new Set<number>()
    let highest = stream[0]!.sequence
    for (const { sequence } of stream) {
      const step = ((sequence - highest + 0x18000) & 0xffff) - 0x8000 // signed distance on the 16-bit circle
      const extended = highest + step
      if (seen.has(extended)) duplicates++
      else if (step < 0) outOfOrder++
      seen.add(extended)
      highest = Math.max(highest, extended)
    }
    lost += highest - Math.min(...seen) + 1 - seen.size
  }
  const gaps = arrivals.slice(1).map((arrival, i) => arrival.atMs - arrivals[i]!.atMs)
  const sorted = gaps.toSorted((a, b) => a - b)
  return {
    received: arrivals.length,
    streams: streams.size,
    lost,
    duplicates,
    outOfOrder,
    meanGapMs: gaps.reduce((sum, gap) => sum + gap, 0) / Math.max(1, gaps.length),
    p99GapMs: sorted[Math.floor(0.99 * sorted.length)] ?? 0,
    longestGapMs: sorted.at(-1) ?? 0,
  }
}

/** RFC 3550 section 11: RTP uses an even port. */
async function bindEvenPort(host: string): Promise<Socket> {
  for (;;) {
    const socket = createSocket('udp4')
    socket.bind(0, host)
    await once(socket, 'listening')
    if (socket.address().port % 2 === 0) return socket
    socket.close()
  }
}
