import { type Mixer, mixer } from '../media/index.ts'
import { type Channel, channelView } from './channel.ts'
import { type Core, timestamp } from './core.ts'
import { musicForHeld, stopWaiting } from './hold-music.ts'
import { createJobQueue, type JobQueue } from './job-queue.ts'

/** A room in which channels hear each other. */
export interface Bridge {
  readonly id: string
  name: string
  readonly createdAt: string
  readonly channels: Set<Channel>
  readonly mixer: Mixer
  readonly jobs: JobQueue
  readonly onEnd: Set<() => void>
  /** `absorbDtmf` keeps its digits from the others. */
  add(channel: Channel, absorbDtmf: boolean): void
  remove(channel: Channel): void
  destroy(): void
}

export const bridgeView = ({ id, name, channels, createdAt }: Bridge) => ({
  id,
  technology: 'simple_bridge',
  bridge_type: 'mixing',
  bridge_class: 'stasis',
  creator: 'Stasis',
  name,
  channels: [...channels].map((channel) => channel.id),
  creationtime: createdAt,
  video_mode: 'talker',
})

export function createBridge(core: Core, id: string, name: string): Bridge {
  const emit = (type: string, channel?: Channel) =>
    core.emit(
      { type, timestamp: timestamp(), bridge: bridgeView(bridge), ...(channel && { channel: channelView(channel) }) },
      { bridge: id, channel: channel?.id },
    )

  const bridge: Bridge = {
    id,
    name,
    createdAt: timestamp(),
    channels: new Set(),
    mixer: mixer(),
    jobs: createJobQueue(),
    onEnd: new Set(),
    add(channel, absorbDtmf) {
      if (channel.bridge === bridge) return
      channel.bridge?.remove(channel)
      channel.bridge = bridge
      bridge.channels.add(channel)
      bridge.mixer.add(channel.media)
      channel.passesDigits = !absorbDtmf
      // An application hears of the bridges its channels are in.
      if (channel.app !== undefined) core.subscribe(channel.app, { bridge: id })
      emit('ChannelEnteredBridge', channel)
      connectParties(bridge)
      musicForHeld(bridge.channels)
    },
    remove(channel) {
      if (!bridge.channels.delete(channel)) return
      bridge.mixer.remove(channel.media)
      channel.bridge = undefined
      stopWaiting(channel)
      musicForHeld(bridge.channels)
      emit('ChannelLeftBridge', channel)
    },
    destroy() {
      for (const run of bridge.onEnd) run()
      for (const channel of bridge.channels) bridge.remove(channel)
      bridge.mixer.close()
      core.bridges.delete(id)
      emit('BridgeDestroyed')
    },
  }
  core.bridges.set(id, bridge)
  emit('BridgeCreated')
  return bridge
}

/** Two who talk are each other's connected party. */
function connectParties({ channels }: Bridge) {
  if (channels.size !== 2) return
  const [first, second] = channels
  first!.connected = second!.caller
  second!.connected = first!.caller
}
