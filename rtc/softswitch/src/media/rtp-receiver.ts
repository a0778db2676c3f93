import { performance } from 'node:perf_hooks'
import { g711 } from './g711.ts'
import { createJitterBuffer } from './jitter-buffer.ts'
import { createLatch, type Endpoint } from './latch.ts'
import { parseRtp, sequenceAhead } from './rtp.ts'
import { createDtmfReceiver, parseTelephoneEvent, telephoneEventPt } from './telephone-event.ts'
import type { Frame, MediaStats, RemoteMedia } from './types.ts'

// RFC 3550 appendix A.1: a larger jump is a restarted peer, not a loss.
const maxDropout = 3000

/** What arrives at one session: checks the source, counts, and sorts packets into audio and digits. */
export function createRtpReceiver(stats: MediaStats, onDigit: (digit: string, durationMs: number) => void) {
  const jitterBuffer = createJitterBuffer()
  const dtmf = createDtmfReceiver(onDigit)
  const latch = createLatch()
  let remote: RemoteMedia | undefined
  let ssrc: number | undefined
  let newest = 0
  let quietTicks = 0

  function startStream(newSsrc: number, sequence: number) {
    ssrc = newSsrc
    newest = (sequence - 1) & 0xffff
    jitterBuffer.reset()
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
    setRemote(media: RemoteMedia) {
      remote = media
      quietTicks = 0
      latch.expect(media, performance.now())
    },
    receive(bytes: Buffer, from: Endpoint) {
      const packet = parseRtp(bytes)
      if (!packet) {
        stats.packetsMalformed++
        return
      }
      if (!latch.accepts(from, performance.now())) {
        stats.packetsForeign++
        return
      }
      quietTicks = 0
      const { payloadType, sequence, timestamp, payload } = packet
      const isRestart = packet.ssrc !== ssrc || Math.abs(sequenceAhead(sequence, newest)) > maxDropout
      if (isRestart) startStream(packet.ssrc, sequence)
      const isNewest = count(sequence)
      if (payloadType === g711.PCMU.payloadType) jitterBuffer.write(timestamp, payload, g711.PCMU.decode, isNewest)
      else if (payloadType === g711.PCMA.payloadType) jitterBuffer.write(timestamp, payload, g711.PCMA.decode, isNewest)
      else if (payloadType === remote?.telephoneEventPt || payloadType === telephoneEventPt) {
        const event = parseTelephoneEvent(payload)
        if (event) dtmf.receive(timestamp, event)
        else stats.packetsMalformed++
      }
    },
    /** One tick: the next frame, or `null` for silence. */
    hear(): Frame | null {
      quietTicks++
      dtmf.tick()
      return jitterBuffer.read()
    },
    quietTicks: () => quietTicks,
  }
}
