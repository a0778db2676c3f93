import { holdTune } from '../media/index.ts'
import type { Bridge } from './bridge.ts'
import type { Channel } from './channel.ts'
import type { Core } from './core.ts'
import { createVirtualMedia } from './virtual-media.ts'

/** What plays until it is stopped; a playback is heard instead while it lasts. */
const playing = new WeakMap<Channel | Bridge, () => void>()

export function startMusic(channel: Channel): void {
  stopMusic(channel)
  playing.set(channel, channel.media.playBehind(holdTune()).stop)
}

/** False when nothing played. */
export function stopMusic(of: Channel | Bridge): boolean {
  playing.get(of)?.()
  return playing.delete(of)
}

/** Everyone in the bridge hears the music beside each other. */
export function startBridgeMusic(core: Core, bridge: Bridge): void {
  if (playing.has(bridge)) return
  const tune = holdTune()
  const musician = createVirtualMedia(core.media.clock, { heard: () => tune.next() })
  bridge.mixer.add(musician)
  const stop = () => {
    bridge.onEnd.delete(stop)
    bridge.mixer.remove(musician)
    musician.close()
  }
  bridge.onEnd.add(stop)
  playing.set(bridge, stop)
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
