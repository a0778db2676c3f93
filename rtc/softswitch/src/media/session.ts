import { EventEmitter } from 'node:events'
import { createDtmfSender } from './dtmf-sender.ts'
import { frameMs, frameSamples, newFrame, saturate, silence } from './frame.ts'
import { createPlayer } from './player.ts'
import { createRtpReceiver } from './rtp-receiver.ts'
import { createRtpSender } from './rtp-sender.ts'
import type { PacketTransport } from './transport.ts'
import type { AudioSink, Frame, MediaClock, MediaSession, MediaStats, RemoteMedia } from './types.ts'

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
  const receiver = createRtpReceiver(stats, (digit, durationMs) => events.emit('dtmf', digit, durationMs))
  const sender = createRtpSender((packet) => {
    stats.packetsSent++
    transport.send(packet, receiver.latch.target()!)
  })
  const player = createPlayer()
  const sinks = new Set<AudioSink>()
  const speechSinks = new Set<AudioSink>()
  const dtmf = createDtmfSender()
  const fed = newFrame()
  const whispered = new Int32Array(frameSamples)
  const mixed = newFrame()
  const muted = { in: false, out: false }
  const timeoutTicks = timeoutMs === undefined ? Number.POSITIVE_INFINITY : Math.ceil(timeoutMs / frameMs)
  let isFed = false
  let isWhispered = false
  let remote: RemoteMedia | undefined
  let isSending = false
  let quietTicks = keepAliveTicks
  let closed = false
  let sendsSilence = false

  function hear() {
    const frame = receiver.hear()
    if (remote && receiver.quietTicks() === timeoutTicks) events.emit('timeout')
    for (const sink of sinks) sink.write(muted.in ? silence : (frame ?? silence))
  }

  function speak(skip: boolean) {
    sender.tick()
    const said = skip ? null : say()
    isFed = false
    if (isWhispered) whispered.fill(0)
    isWhispered = false
    for (const sink of speechSinks) sink.write(said ?? silence)
  }

  function say(): Frame | null {
    const eventPt = remote?.telephoneEventPt
    const digit = isSending ? dtmf.next(eventPt !== undefined) : null
    if (digit && 'event' in digit) {
      if (eventPt !== undefined) sender.event(digit.event, eventPt, digit.start)
      quietTicks = 0
      return null
    }
    const wanted = digit?.tone ?? player.next() ?? (isFed ? fed : null)
    if (!wanted && !isWhispered && !sendsSilence) {
      sender.silent()
      if (++quietTicks < keepAliveTicks) return null
    }
    const frame = wanted && !muted.out ? wanted : silence
    if (isSending) {
      sender.audio(isWhispered && !muted.out ? withWhispers(frame) : frame, remote!.codec)
      quietTicks = 0
    }
    return frame
  }

  function withWhispers(frame: Frame): Frame {
    for (let i = 0; i < frameSamples; i++) mixed[i] = saturate(frame[i]! + whispered[i]!)
    return mixed
  }

  const listener = { hear, speak }
  transport.receive((bytes, from) => {
    if (remote) receiver.receive(bytes, from)
  })
  clock.add(listener)

  return Object.assign(events, {
    localPort: transport.localPort,
    clock,
    stats,
    setRemote(media: RemoteMedia) {
      remote = media
      isSending = media.port > 0 && !['0.0.0.0', '::'].includes(media.address) // else the peer holds the call
      receiver.setRemote(media)
    },
    play: player.play,
    feed(frame: Frame) {
      fed.set(frame)
      isFed = true
    },
    whisper(frame: Frame) {
      for (let i = 0; i < frameSamples; i++) whispered[i]! += frame[i]!
      isWhispered = true
    },
    addSink: (sink: AudioSink) => void sinks.add(sink),
    removeSink: (sink: AudioSink) => void sinks.delete(sink),
    addSpeechSink: (sink: AudioSink) => void speechSinks.add(sink),
    removeSpeechSink: (sink: AudioSink) => void speechSinks.delete(sink),
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
      transport.close()
      player.close()
      dtmf.close()
      onClose(stats)
    },
  })
}
