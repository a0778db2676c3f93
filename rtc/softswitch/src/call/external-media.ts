import type { CodecName } from '../media/index.ts'
import { type Channel, createChannel } from './channel.ts'
import type { Core } from './core.ts'

/** A channel of plain RTP with a host outside: what it is told goes there, and what comes back is heard. */
export async function createExternalMedia(
  core: Core,
  { id, address, port, codec }: { id: string; address: string; port: number; codec: CodecName },
): Promise<Channel | null> {
  const media = await core.media.openSession().catch(() => null)
  if (!media) return null
  if (core.channels.has(id)) {
    media.close()
    return null
  }
  media.setRemote({ address, port, codec })
  const name = core.nextChannelName(`UnicastRTP/${address}:${port}`)
  const variables = new Map([['UNICASTRTP_LOCAL_PORT', String(media.localPort)]])
  return createChannel(core, { id, name, endpoint: '', state: 'Up', media, variables })
}
