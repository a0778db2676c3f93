import { tapMixed } from '../media/index.ts'
import { type Channel, createChannel, destroyChannel } from './channel.ts'
import type { Core } from './core.ts'
import { createVirtualMedia } from './virtual-media.ts'

/**
 * A channel that hears what another hears (`in`), says (`out`), or both; with `whispers` the other's phone hears what this
 * one is told. It ends with the one it listens to.
 */
export function createSnoop(
  core: Core,
  spied: Channel,
  { id, spy, whispers }: { id: string; spy: 'none' | 'in' | 'out' | 'both'; whispers: boolean },
): Channel {
  const media = createVirtualMedia(core.media.clock, whispers ? (said) => spied.media.whisper(said) : undefined)
  const stopTap = spy === 'none' ? () => {} : tapMixed(spied.media, { write: media.hear }, spy)
  const channel = createChannel(core, {
    id,
    name: core.nextChannelName(`Snoop/${spied.id}`),
    endpoint: '',
    state: 'Up',
    media,
  })
  const onSpiedEnd = () => destroyChannel(core, channel, 16)
  spied.onEnd.add(onSpiedEnd)
  channel.onEnd.add(() => {
    stopTap()
    spied.onEnd.delete(onSpiedEnd)
  })
  return channel
}
