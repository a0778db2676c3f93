import { toneSource } from '../media/index.ts'
import type { Channel } from './channel.ts'

/** Music on hold is a soft chime as long as a station has no music of its own. */
const music = () => toneSource('392/400,494/400,587/800,0/1600')

/** What plays until it is stopped, or replaced by a playback. */
const playing = new WeakMap<Channel, () => void>()

export function startMusic(channel: Channel): void {
  stopMusic(channel)
  playing.set(channel, channel.media.play(music()).stop)
}

export function stopMusic(channel: Channel): void {
  playing.get(channel)?.()
  playing.delete(channel)
}

/** Of two who talk, one hears music while the other has put the call on hold: as in Asterisk, where three do not. */
export function musicForHeld(channels: ReadonlySet<Channel>): void {
  for (const channel of channels) {
    const [other] = channels.size === 2 ? [...channels].filter((one) => one !== channel) : []
    const waits = other?.holds === true
    if (waits === channel.waits) continue
    channel.waits = waits
    if (waits) startMusic(channel)
    else stopMusic(channel)
  }
}

/** A channel that left a bridge waits for nobody. */
export function stopWaiting(channel: Channel): void {
  if (channel.waits) stopMusic(channel)
  channel.waits = false
}
