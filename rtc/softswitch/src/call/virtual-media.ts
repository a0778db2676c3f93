import { EventEmitter } from 'node:events'
import {
  type AudioSink,
  type AudioSource,
  createConverter,
  type Frame,
  type MediaClock,
  type MediaSession,
  type Playing,
} from '../media/index.ts'

/** A media session without a network: for channels that exist only inside the switch. */
export interface VirtualMedia extends MediaSession {
  /** Gives it something to hear in the next tick. */
  hear(frame: Frame): void
}

const SILENCE: Frame = new Int16Array(160)

export function createVirtualMedia(clock: MediaClock, onSaid?: (frame: Frame) => void): VirtualMedia {
  const events = new EventEmitter<{ dtmf: [string, number]; timeout: [] }>()
  const sinks = new Set<AudioSink>()
  const speechSinks = new Set<AudioSink>()
  const heard = new Int16Array(160)
  const fed = new Int16Array(160)
  const narrow = createConverter(160)
  const muted = { in: false, out: false }
  let isHeard = false
  let isFed = false
  let current: { source: AudioSource; paused: boolean; finish(byItself: boolean): void } | undefined

  function end(which: typeof current, byItself: boolean) {
    if (!which || current !== which) return
    current = undefined
    which.source.close?.()
    which.finish(byItself)
  }
  function played(): Frame | null {
    if (!current || current.paused) return null
    const frame = current.source.next()
    if (!frame) end(current, true)
    return frame
  }
  function feed(frame: Frame): void {
    fed.set(narrow(frame))
    isFed = true
  }
  const listener = {
    hear() {
      const frame = isHeard && !muted.in ? heard : SILENCE
      isHeard = false
      for (const sink of sinks) sink.write(frame)
    },
    speak() {
      const frame = played() ?? (isFed ? fed : SILENCE)
      isFed = false
      const said = muted.out ? SILENCE : frame
      for (const sink of speechSinks) sink.write(said)
      onSaid?.(said)
    },
  }
  clock.add(listener)

  return Object.assign(events, {
    localPort: 0,
    clock,
    setRemote() {},
    hear(frame: Frame) {
      heard.set(frame)
      isHeard = true
    },
    play(source: AudioSource): Playing {
      end(current, false)
      const { promise: done, resolve: finish } = Promise.withResolvers<boolean>()
      const mine = { source, paused: false, finish }
      current = mine
      return {
        done,
        stop: () => end(mine, false),
        pause: () => {
          mine.paused = true
        },
        resume: () => {
          mine.paused = false
        },
      }
    },
    feed,
    whisper: feed,
    addSink: (sink: AudioSink) => void sinks.add(sink),
    removeSink: (sink: AudioSink) => void sinks.delete(sink),
    addSpeechSink: (sink: AudioSink) => void speechSinks.add(sink),
    removeSpeechSink: (sink: AudioSink) => void speechSinks.delete(sink),
    sendDtmf: () => Promise.resolve(),
    sendSilence() {},
    mute(direction: 'in' | 'out' | 'both', on: boolean) {
      if (direction !== 'out') muted.in = on
      if (direction !== 'in') muted.out = on
    },
    stats: {
      packetsSent: 0,
      packetsReceived: 0,
      packetsLost: 0,
      packetsReordered: 0,
      packetsMalformed: 0,
      packetsForeign: 0,
    },
    quality: () => null,
    close() {
      end(current, false)
      clock.remove(listener)
    },
  })
}
