import { createConverter, frameSamples, tapMixed } from '../media/index.ts'
import { type Channel, createChannel, destroyChannel } from './channel.ts'
import type { Core } from './core.ts'
import { createVirtualMedia } from './virtual-media.ts'

export type Direction = 'none' | 'in' | 'out' | 'both'

/**
 * A channel that hears what another hears (`in`), says (`out`), or both; what this one is told is whispered to the other's
 * phone (`out`), to those it talks to (`in`), or both. It ends with the one it listens to.
 */
export function createSnoop(
  core: Core,
  spied: Channel,
  { id, spy, whisper }: { id: string; spy: Direction; whisper: Direction },
): Channel {
  const narrow = createConverter(frameSamples)
  const directions = (['in', 'out'] as const).filter((one) => whisper === one || whisper === 'both')
  const media = createVirtualMedia(core.media.clock, {
    onSaid(said) {
      if (said) for (const direction of directions) spied.media.whisper(narrow(said), direction)
    },
  })
  const stopTap = spy === 'none' ? () => {} : tapMixed(spied.media, { write: media.hear }, spy)
  const channel = createChannel(core, {
    id,
    name: core.nextChannelName(`Snoop/${spied.id}`),
    endpoint: '',
    state: 'Up',
    media,
  })
  channel.spied = spied
  const onSpiedEnd = () => destroyChannel(core, channel, 16)
  spied.onEnd.add(onSpiedEnd)
  channel.onEnd.add(() => {
    stopTap()
    spied.onEnd.delete(onSpiedEnd)
  })
  return channel
}
