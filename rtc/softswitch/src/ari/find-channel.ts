import type { Channel } from '../call/channel.ts'
import { type AriContext, AriError, type AriRequest } from './route.ts'

export function findChannel({ core }: AriContext, id: string | undefined): Channel {
  const channel = core.channels.get(id ?? '')
  // One that has ended is only waiting for its recordings to be written.
  if (!channel || channel.ended) throw new AriError(404, 'Channel not found')
  return channel
}

/** A channel that an application controls. */
export function controlled(context: AriContext, { params }: AriRequest): Channel {
  const channel = findChannel(context, params.channelId)
  if (channel.app === undefined) throw new AriError(409, 'Channel not in Stasis application')
  return channel
}
