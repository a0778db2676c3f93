import type { AriMessage } from './ari-socket.ts'

/** Asterisk sends dozens of these for every call, and no manager acts on them. */
const ignored = new Set([
  'ChannelVarset',
  'ChannelDialplan',
  'ChannelCallerId',
  'ChannelConnectedLine',
  'DeviceStateChanged',
  'PeerStatusChange',
])

/** Of variables, only how well a call was heard is of interest: Asterisk sets it when the call ends. */
const qualityVariable = 'RTPAUDIOQOS'

export const isIgnored = (event: AriMessage): boolean =>
  ignored.has(event.type) && !(event.type === 'ChannelVarset' && event.variable === qualityVariable)

/** What an event is about, so that all events of one channel keep their order: its channel, else its bridge. */
export function targetOf(event: AriMessage, asteriskId: string): string {
  const { channel, peer, playback, recording, bridge } = event as Partial<
    Record<string, Partial<Record<string, string>>>
  >
  const { source_channel } = (event.referred_by ?? {}) as { source_channel?: { id: string } }
  const uri = playback?.target_uri ?? recording?.target_uri
  return channel?.id ?? peer?.id ?? source_channel?.id ?? uri?.slice(uri.indexOf(':') + 1) ?? bridge?.id ?? asteriskId
}
