import { performance } from 'node:perf_hooks'
import { codecs } from './codecs.ts'
import { createJitterBuffer, type JitterBuffer } from './jitter-buffer.ts'
import { createLatch, type Endpoint } from './latch.ts'
import { createReception } from './reception.ts'
import { parseRtp, sequenceAhead } from './rtp.ts'
import { createDtmfReceiver, parseTelephoneEvent, telephoneEvents } from './telephone-event.ts'
import type { CodecName, Frame, MediaStats, RemoteMedia } from './types.ts'

// RFC 3550 appendix A.1: a larger jump is a restarted peer, not a loss.
const maxDropout = 3000

const ours = Object.entries(codecs).map(([name, { payloadType }]) => [payloadType, name as CodecName] as const)

const ourEvents = Object.entries(telephoneEvents).map(([hz, payloadType]) => [payloadType, Number(hz)] as const)

/** What arrives at one session: checks the source, counts, and sorts packets into audio and digits. */
export function createRtpReceiver(stats: MediaStats, onDigit: (digit: string, durationMs: number) => void) {
  const dtmf = createDtmfReceiver(onDigit)
  const latch = createLatch()
  const reception = createReception()
  /** A peer may use any codec that was agreed on, from one packet to the next. */
  let names = new Map<number, CodecName>(ours)
  let eventClocks = new Map<number, number>(ourEvents)
  let heard: { name: CodecName; jitterBuffer: JitterBuffer } | undefined
  let ssrc: number | undefined
  let newest = 0
  let quietTicks = 0

  function listenTo(name: CodecName | undefined) {
    heard?.jitterBuffer.close()
    heard = name && { name, jitterBuffer: createJitterBuffer(codecs[name]) }
  }

  function startStream(newSsrc: number, sequence: number) {
    ssrc = newSsrc
    newest = (sequence - 1) & 0xffff
    reception.start(newSsrc, sequence)
    listenTo(heard?.name)
    dtmf.reset()
  }

  /** Whether this is the newest packet so far. A packet that comes late after all is no longer counted as lost. */
  function count(sequence: number): boolean {
    const ahead = sequenceAhead(sequence, newest)
    stats.packetsReceived++
    if (ahead > 0) {
      stats.packetsLost += ahead - 1
      newest = sequence
      return true
    }
    if (ahead < 0) {
      stats.packetsReordered++
      if (stats.packetsLost > 0) stats.packetsLost--
    }
    return false
  }

  return {
    latch,
    reception,
    setRemote(media: RemoteMedia) {
      const { codec, payloadType = codecs[codec].payloadType, telephoneEventPt, telephoneEventHz = 8000 } = media
      // The numbers of our offers, where the peer does not use them for something else.
      names = new Map([...ours, [payloadType, codec]])
      eventClocks = new Map(ourEvents.filter(([pt]) => pt !== payloadType))
      if (telephoneEventPt !== undefined) eventClocks.set(telephoneEventPt, telephoneEventHz)
      quietTicks = 0
      latch.expect(media, performance.now())
    },
    receive(bytes: Buffer, from: Endpoint) {
      const packet = parseRtp(bytes)
      if (!packet) {
        stats.packetsMalformed++
        return
      }
      const nowMs = performance.now()
      if (!latch.accepts(from, nowMs)) {
        stats.packetsForeign++
        return
      }
      quietTicks = 0
      const { payloadType, sequence, timestamp, payload } = packet
      const isRestart = packet.ssrc !== ssrc || Math.abs(sequenceAhead(sequence, newest)) > maxDropout
      if (isRestart) startStream(packet.ssrc, sequence)
      const isNewest = count(sequence)
      const eventHz = eventClocks.get(payloadType)
      const name = eventHz ? undefined : names.get(payloadType)
      reception.add(
        sequence,
        payload.length,
        name && { arrivalMs: nowMs, mediaMs: timestamp / (codecs[name].clockHz / 1000) },
      )
      if (eventHz) {
        const event = parseTelephoneEvent(payload)
        if (event) dtmf.receive(timestamp, event, eventHz)
        else stats.packetsMalformed++
      }
      if (!name) return
      if (heard?.name !== name) listenTo(name)
      heard!.jitterBuffer.write(packet, isNewest, nowMs)
    },
    /** One tick: the next frame, or `null` for silence. */
    hear(): Frame | null {
      quietTicks++
      dtmf.tick()
      return heard?.jitterBuffer.read(performance.now()) ?? null
    },
    quietTicks: () => quietTicks,
    /** Of the timestamps that arrive. */
    clockHz: () => (heard ? codecs[heard.name].clockHz : 8000),
    close: () => listenTo(undefined),
  }
}
