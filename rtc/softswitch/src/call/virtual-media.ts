import { EventEmitter } from 'node:events'
import {
  createPlayer,
  createSinks,
  createSlot,
  type Frame,
  type MediaClock,
  type MediaSession,
  silence,
} from '../media/index.ts'

/** A media session without a network: for channels that exist only inside the switch. */
export interface VirtualMedia extends MediaSession {
  /** Gives it something to hear in the next tick. */
  hear(frame: Frame): void
}

/**
 * `onSaid` gets what the channel is to say, `null` in ticks in which it says nothing; `heard` may give in each tick what it
 * hears, if that does not come by `hear`.
 */
export function createVirtualMedia(
  clock: MediaClock,
  { onSaid, heard: source }: { onSaid?: (frame: Frame | null) => void; heard?: () => Frame | null } = {},
): VirtualMedia {
  const events = new EventEmitter<{ dtmf: [string, number]; timeout: [] }>()
  const sinks = createSinks()
  const speechSinks = createSinks()
  const heard = createSlot()
  const fed = createSlot()
  const player = createPlayer()
  const music = createPlayer()
  const muted = { in: false, out: false }

  const listener = {
    hear() {
      const frame = source?.() ?? heard.get() ?? silence
      sinks.write(muted.in ? silence : frame)
      heard.clear()
    },
    speak() {
      const frame = player.next() ?? music.next() ?? fed.get()
      const said = frame && muted.out ? silence : frame
      speechSinks.write(said ?? silence)
      onSaid?.(said)
      fed.clear()
    },
  }
  clock.add(listener)

  return Object.assign(events, {
    localPort: 0,
    clock,
    setRemote() {},
    secure(): never {
      throw new Error('nothing leaves this machine that could be secured')
    },
    security: undefined,
    hear: heard.put,
    play: player.play,
    playBehind: music.play,
    feed: fed.put,
    whisper(frame: Frame, direction: 'in' | 'out') {
      if (direction === 'in') heard.put(frame)
      else fed.put(frame)
    },
    setGain() {},
    addPeerSink: sinks.add,
    removePeerSink: sinks.remove,
    addSink: sinks.add,
    removeSink: sinks.remove,
    addSpeechSink: speechSinks.add,
    removeSpeechSink: speechSinks.remove,
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
      player.close()
      music.close()
      clock.remove(listener)
    },
  })
}
