import { EventEmitter } from 'node:events'
import type { MediaSecurity } from '../webrtc/secure-media.ts'
import { createDtmfDetector } from './dtmf-detector.ts'
import { createDtmfSender } from './dtmf-sender.ts'
import { frameMs, silence } from './frame.ts'
import { createGain } from './gain.ts'
import { createPlayer } from './player.ts'
import { isRtcp } from './rtcp.ts'
import { createRtcpPath } from './rtcp-path.ts'
import { createRtcpSession } from './rtcp-session.ts'
import { createRtpReceiver } from './rtp-receiver.ts'
import { createRtpSender } from './rtp-sender.ts'
import { createSinks } from './sinks.ts'
import { createSlot, createWhispers } from './slot.ts'
import type { PacketTransport } from './transport.ts'
import type { Frame, MediaClock, MediaSession, MediaStats, RemoteMedia } from './types.ts'

export interface SessionOptions {
  /** Emits `timeout` when nothing has arrived from the peer for this long. */
  timeoutMs?: number | undefined
}

// RFC 6263 section 4.6: what keeps a NAT or a carrier from dropping a stream in which nobody speaks.
const keepAliveTicks = 15_000 / frameMs

export const noPackets = (): MediaStats => ({
  packetsSent: 0,
  packetsReceived: 0,
  packetsLost: 0,
  packetsReordered: 0,
  packetsMalformed: 0,
  packetsForeign: 0,
})

/** One RTP stream pair on a transport, which it owns from here on. */
export function createSession(
  transport: PacketTransport,
  clock: MediaClock,
  { timeoutMs }: SessionOptions,
  onClose: (stats: MediaStats) => void,
): MediaSession {
  const stats = noPackets()
  const events = new EventEmitter<{ dtmf: [string, number]; timeout: [] }>()
  const receiver = createRtpReceiver(stats, (digit, durationMs) => {
    sendsTones = false // whatever was negotiated: else each digit would come twice
    events.emit('dtmf', digit, durationMs)
  })
  const tones = createDtmfDetector((digit, durationMs) => events.emit('dtmf', digit, durationMs))
  /** Made, and not sent yet. */
  const packets: Buffer[] = []
  const sender = createRtpSender((packet) => packets.push(packet))
  const rtcpPath = createRtcpPath(transport, receiver.latch, (bytes) => onRtcp(bytes))
  const rtcp = createRtcpSession(sender, receiver.reception, receiver.clockHz, rtcpPath.send)
  const player = createPlayer()
  const music = createPlayer()
  const peerSinks = createSinks()
  const sinks = createSinks()
  const speechSinks = createSinks()
  const dtmf = createDtmfSender()
  const fed = createSlot()
  const whispers = { in: createWhispers(), out: createWhispers() }
  const gain = { in: createGain(), out: createGain() }
  const muted = { in: false, out: false }
  const timeoutTicks = timeoutMs === undefined ? Number.POSITIVE_INFINITY : Math.ceil(timeoutMs / frameMs)
  let remote: RemoteMedia | undefined
  let isSending = false
  let quietTicks = keepAliveTicks
  let closed = false
  let sendsSilence = false
  /** The peer has no telephone-event, so it sends its digits as tones. */
  let sendsTones = false

  function hear() {
    const received = receiver.hear() ?? silence
    if (sendsTones) tones.write(received)
    if (remote && receiver.quietTicks() === timeoutTicks) events.emit('timeout')
    peerSinks.write(received)
    const heard = whispers.in.any() ? whispers.in.over(received) : received
    whispers.in.clear()
    sinks.write(muted.in ? silence : gain.in.over(heard))
  }

  function speak(skip: boolean) {
    sender.tick()
    rtcp.tick()
    const said = skip ? null : say()
    fed.clear()
    whispers.out.clear()
    speechSinks.write(said ?? silence)
  }

  function say(): Frame | null {
    const eventPt = remote?.telephoneEventPt
    const digit = isSending ? dtmf.next(eventPt !== undefined) : null
    if (digit && 'event' in digit) {
      if (eventPt !== undefined) {
        const clock = { payloadType: eventPt, clockHz: remote?.telephoneEventHz ?? 8000 }
        sender.event(digit.event, clock, digit.start)
      }
      quietTicks = 0
      return null
    }
    const wanted = digit?.tone ?? player.next() ?? music.next() ?? fed.get()
    if (!wanted && !whispers.out.any() && !sendsSilence) {
      sender.silent()
      if (++quietTicks < keepAliveTicks) return null
    }
    const frame = wanted && !muted.out ? wanted : silence
    if (isSending) {
      const said = whispers.out.any() && !muted.out ? whispers.out.over(frame) : frame
      sender.audio(gain.out.over(said))
      quietTicks = 0
    }
    return frame
  }

  function send() {
    for (const packet of packets) transport.send(packet, receiver.latch.target()!)
    stats.packetsSent += packets.length
    packets.length = 0
  }

  const listener = { hear, speak, send }
  function onRtcp(bytes: Buffer) {
    if (!rtcp.receive(bytes)) stats.packetsMalformed++
  }

  transport.receive((bytes, from) => {
    if (!remote) return
    if (!isRtcp(bytes)) receiver.receive(bytes, from)
    else if (receiver.latch.isPeer(from)) onRtcp(bytes)
    else stats.packetsForeign++
  })
  clock.add(listener)

  const session = Object.assign(events, {
    localPort: transport.localPort,
    clock,
    stats,
    quality: rtcp.quality,
    setRemote(media: RemoteMedia) {
      remote = media
      session.security?.setRemote(media.security)
      // The peer of ICE may name no address.
      const isReachable = media.security !== undefined || (media.port > 0 && !['0.0.0.0', '::'].includes(media.address))
      isSending = !media.onHold && isReachable
      receiver.setRemote(media)
      sender.setRemote(media)
      rtcpPath.setRemote(media)
      rtcp.open()
      sendsTones = media.telephoneEventPt === undefined
    },
    secure() {
      if (!transport.secure) throw new Error('this session has no WebRTC')
      session.security ??= transport.secure()
      return session.security
    },
    security: undefined as MediaSecurity | undefined,
    play: player.play,
    playBehind: music.play,
    feed: fed.put,
    whisper(frame: Frame, direction: 'in' | 'out') {
      whispers[direction].add(frame)
    },
    setGain(direction: 'in' | 'out', factor: number) {
      gain[direction].set(factor)
    },
    addPeerSink: peerSinks.add,
    removePeerSink: peerSinks.remove,
    addSink: sinks.add,
    removeSink: sinks.remove,
    addSpeechSink: speechSinks.add,
    removeSpeechSink: speechSinks.remove,
    sendDtmf: dtmf.send,
    sendSilence(on: boolean) {
      sendsSilence = on
    },
    mute(direction: 'in' | 'out' | 'both', on: boolean) {
      if (direction !== 'out') muted.in = on
      if (direction !== 'in') muted.out = on
    },
    close() {
      if (closed) return
      closed = true
      clock.remove(listener)
      rtcp.close()
      rtcpPath.close()
      transport.close()
      player.close()
      music.close()
      dtmf.close()
      receiver.close()
      sender.close()
      onClose(stats)
    },
  })
  return session
}
