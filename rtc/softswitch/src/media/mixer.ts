import { createConverter } from './convert.ts'
import { frameSamples, newFrame, saturate, silence, wideSamples } from './frame.ts'
import { createPlayer } from './player.ts'
import { createSinks } from './sinks.ts'
import type { AudioSink, ClockListener, Frame, MediaClock, MediaSession } from './types.ts'

/** What a mixer needs of a session. */
export type Participant = Pick<MediaSession, 'clock' | 'addSink' | 'removeSink' | 'feed'>

interface Seat {
  said: Frame
  sink: AudioSink
  /** What it says at 16 kHz, while somebody else speaks at that rate. */
  widen: (frame: Frame) => Frame
}

/**
 * Lets sessions talk: each hears the sum of the others, and what is played to all. The sum is made at the highest rate at
 * which somebody speaks; a session brings what it hears to the rate of its codec.
 */
export function mixer() {
  const seats = new Map<Participant, Seat>()
  const sinks = createSinks()
  const player = createPlayer()
  const sum = new Int32Array(wideSamples)
  const memory = newFrame(wideSamples)
  const widenPlayed = createConverter(wideSamples)
  let clock: MediaClock | undefined

  function mix() {
    const played = player.next()
    if (seats.size === 2 && !played && sinks.isEmpty()) return cross()
    let samples = played?.length ?? frameSamples
    for (const { said } of seats.values()) samples = Math.max(samples, said.length)
    const isWide = samples === wideSamples
    const out = memory.subarray(0, samples)
    sum.fill(0)
    for (const seat of seats.values()) {
      if (isWide) seat.said = seat.widen(seat.said)
      addTo(sum, seat.said)
    }
    if (played) addTo(sum, isWide ? widenPlayed(played) : played)
    const isHeard = seats.size > 1 || played !== null
    for (const [participant, { said }] of isHeard ? seats : []) {
      for (let i = 0; i < samples; i++) out[i] = saturate(sum[i]! - said[i]!)
      participant.feed(out)
    }
    if (sinks.isEmpty()) return
    for (let i = 0; i < samples; i++) out[i] = saturate(sum[i]!)
    sinks.write(out)
  }

  function cross() {
    const [first, second] = seats
    first![0].feed(second![1].said)
    second![0].feed(first![1].said)
  }

  const listener: ClockListener = {
    mix() {
      mix()
      // A participant that closed without leaving must not be heard with its last frame for ever.
      for (const seat of seats.values()) seat.said = silence
    },
  }

  function remove(participant: Participant) {
    const seat = seats.get(participant)
    if (!seat) return
    participant.removeSink(seat.sink)
    seats.delete(participant)
    if (seats.size === 0) clock?.remove(listener)
  }

  return {
    add(participant: Participant) {
      if (seats.has(participant)) return
      const seat: Seat = {
        said: silence,
        widen: createConverter(wideSamples),
        sink: {
          takesWide: true,
          write(frame) {
            seat.said = frame
          },
        },
      }
      seats.set(participant, seat)
      participant.addSink(seat.sink)
      clock = participant.clock
      clock.add(listener)
    },
    remove,
    /** Plays to everyone, over their talk. */
    play: player.play,
    /** What is said by all and played to all. */
    addSink: sinks.add,
    removeSink: sinks.remove,
    close() {
      for (const participant of seats.keys()) remove(participant)
      player.close()
    },
  }
}

export type Mixer = ReturnType<typeof mixer>

function addTo(sum: Int32Array, frame: Frame) {
  for (let i = 0; i < frame.length; i++) sum[i]! += frame[i]!
}

/**
 * Listens in: what a session hears (`in`), says (`out`), or both mixed, goes to the sink, one frame per tick.
 * Returns what ends it.
 */
export function tapMixed(
  session: MediaSession,
  sink: AudioSink,
  direction: 'in' | 'out' | 'both' = 'both',
): () => void {
  if (direction === 'both') {
    const mixed = newFrame()
    return tapSides(session, (heard, said) => {
      for (let i = 0; i < frameSamples; i++) mixed[i] = saturate(heard[i]! + said[i]!)
      sink.write(mixed)
    })
  }
  if (direction === 'in') session.addPeerSink(sink)
  else session.addSpeechSink(sink)
  return () => {
    session.removePeerSink(sink)
    session.removeSpeechSink(sink)
  }
}

/** Both sides of a session apart: what it hears and what it says, in each tick. Returns what ends it. */
export function tapSides(session: MediaSession, write: (heard: Frame, said: Frame) => void): () => void {
  let heard: Frame = silence
  const ear: AudioSink = {
    write(frame) {
      heard = frame
    },
  }
  const mouth: AudioSink = { write: (said) => write(heard, said) }
  session.addPeerSink(ear)
  session.addSpeechSink(mouth)
  return () => {
    session.removePeerSink(ear)
    session.removeSpeechSink(mouth)
  }
}

/** Sends back what a session hears; returns what ends it. */
export function echo(session: MediaSession): () => void {
  const sink: AudioSink = { takesWide: true, write: (frame) => session.feed(frame) }
  session.addSink(sink)
  return () => session.removeSink(sink)
}
