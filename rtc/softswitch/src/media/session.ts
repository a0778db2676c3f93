import type { Socket } from 'node:dgram'
import { EventEmitter } from 'node:events'
import { frameMs, newFrame, silence } from './frame.ts'
import { createPlayer } from './player.ts'
import { createRtpReceiver } from './rtp-receiver.ts'
import { createRtpSender } from './rtp-sender.ts'
import { type DtmfStep, dtmfDigits, dtmfSteps } from './telephone-event.ts'
import { digitsSource } from './tones.ts'
import type { AudioSink, AudioSource, Frame, MediaClock, MediaSession, MediaStats, RemoteMedia } from './types.ts'

export interface SessionOptions {
  /** Emits `timeout` when nothing has arrived from the peer for this long. */
  timeoutMs?: number | undefined
}

// RFC 6263 section 4.6: what keeps a NAT or a carrier from dropping a stream in which nobody speaks.
const keepAliveTicks = 15_000 / frameMs

const maxDtmfMs = 8000 // what one event's duration field can say

interface DtmfJob {
  digits: string
  durationMs: number
  gapMs: number
  started?: { events: Iterator<DtmfStep, void> } | { tones: AudioSource }
  resolve(): void
}

/** One RTP stream pair on a bound socket, which it owns from here on. */
export function createSession(
  socket: Socket,
  clock: MediaClock,
  { timeoutMs }: SessionOptions,
  { onSent, onClose }: { onSent: (error: Error | null) => void; onClose: (stats: MediaStats) => void },
): MediaSession {
  const stats: MediaStats = {
    packetsSent: 0,
    packetsReceived: 0,
    packetsLost: 0,
    packetsReordered: 0,
    packetsMalformed: 0,
    packetsForeign: 0,
  }
  const events = new EventEmitter<{ dtmf: [string, number]; timeout: [] }>()
  const receiver = createRtpReceiver(stats, (digit, durationMs) => events.emit('dtmf', digit, durationMs))
  const sender = createRtpSender((packet) => {
    const target = receiver.latch.target()!
    stats.packetsSent++
    socket.send(packet, target.port, target.address, onSent)
  })
  const player = createPlayer()
  const sinks = new Set<AudioSink>()
  const speechSinks = new Set<AudioSink>()
  const dtmfJobs: DtmfJob[] = []
  const fed = newFrame()
  const muted = { in: false, out: false }
  const timeoutTicks = timeoutMs === undefined ? Number.POSITIVE_INFINITY : Math.ceil(timeoutMs / frameMs)
  let isFed = false
  let remote: RemoteMedia | undefined
  let isSending = false
  let quietTicks = keepAliveTicks
  let closed = false

  function hear() {
    const frame = receiver.hear()
    if (remote && receiver.quietTicks() === timeoutTicks) events.emit('timeout')
    for (const sink of sinks) sink.write(muted.in ? silence : (frame ?? silence))
  }

  /** The next event packet or tone of the digits that wait to be sent; `null` when audio has its turn. */
  function dtmf(): { event: NonNullable<DtmfStep> } | { tone: Frame } | null {
    const job = dtmfJobs[0]
    if (!job) return null
    job.started ??=
      remote?.telephoneEventPt === undefined
        ? { tones: digitsSource(job.digits, job) }
        : { events: dtmfSteps(job.digits, job.durationMs, job.gapMs) }
    if ('tones' in job.started) {
      const tone = job.started.tones.next()
      if (tone) return { tone }
    } else {
      const step = job.started.events.next()
      if (!step.done) return step.value && { event: step.value }
    }
    dtmfJobs.shift()
    job.resolve()
    return null
  }

  function speak(skip: boolean) {
    sender.tick()
    const said = skip ? null : say()
    isFed = false
    for (const sink of speechSinks) sink.write(said ?? silence)
  }

  function say(): Frame | null {
    const digit = isSending ? dtmf() : null
    if (digit && 'event' in digit && remote?.telephoneEventPt !== undefined) {
      sender.event(digit.event, remote.telephoneEventPt)
      quietTicks = 0
      return null
    }
    const wanted = digit && 'tone' in digit ? digit.tone : (player.next() ?? (isFed ? fed : null))
    if (!wanted) sender.silent()
    if (!wanted && ++quietTicks < keepAliveTicks) return null
    const frame = wanted && !muted.out ? wanted : silence
    if (isSending) {
      sender.audio(frame, remote!.codec)
      quietTicks = 0
    }
    return frame
  }

  const listener = { hear, speak }
  socket.on('message', (bytes, from) => {
    if (remote) receiver.receive(bytes, from)
  })
  clock.add(listener)

  return Object.assign(events, {
    localPort: socket.address().port,
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
    addSink: (sink: AudioSink) => void sinks.add(sink),
    removeSink: (sink: AudioSink) => void sinks.delete(sink),
    addSpeechSink: (sink: AudioSink) => void speechSinks.add(sink),
    removeSpeechSink: (sink: AudioSink) => void speechSinks.delete(sink),
    async sendDtmf(digits: string, { durationMs = 100, gapMs = 100 } = {}) {
      const wrong = [...digits].find((digit) => !dtmfDigits.includes(digit))
      if (wrong !== undefined) throw new RangeError(`digits: "${wrong}" is not a DTMF digit; use ${dtmfDigits}`)
      if (!(durationMs >= frameMs && durationMs <= maxDtmfMs))
        throw new RangeError(`durationMs: ${durationMs} must be from ${frameMs} to ${maxDtmfMs}`)
      if (!(gapMs >= 0 && gapMs <= maxDtmfMs)) throw new RangeError(`gapMs: ${gapMs} must be from 0 to ${maxDtmfMs}`)
      if (closed || digits === '') return
      const { promise, resolve } = Promise.withResolvers<void>()
      dtmfJobs.push({ digits, durationMs, gapMs, resolve })
      await promise
    },
    mute(direction: 'in' | 'out' | 'both', on: boolean) {
      if (direction !== 'out') muted.in = on
      if (direction !== 'in') muted.out = on
    },
    close() {
      if (closed) return
      closed = true
      clock.remove(listener)
      socket.close()
      player.stop()
      for (const job of dtmfJobs.splice(0)) job.resolve()
      onClose(stats)
    },
  })
}
