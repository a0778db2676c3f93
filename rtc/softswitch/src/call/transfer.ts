import type { ReferTo } from '../sip/refer.ts'
import { bridgeView } from './bridge.ts'
import { type Channel, channelView } from './channel.ts'
import { type Core, timestamp } from './core.ts'

/** What an application may say about a transfer, and what the phone that asked for it is told. */
const STATES = new Map([
  ['channel_progress', 100],
  ['channel_answered', 200],
  ['channel_unavailable', 503],
  ['channel_declined', 603],
])

export const isTransferState = (state: string): boolean => STATES.has(state)

/** A channel, and whom it is with. */
const partiesOf = (channel: Channel) => {
  const { bridge } = channel
  const others = [...(bridge?.channels ?? [])].filter((one) => one !== channel)
  return {
    ...(others.length === 1 && { connected_channel: channelView(others[0]!) }),
    ...(bridge && { bridge: bridgeView(bridge) }),
  }
}

/**
 * The phone of a channel asks for a transfer. The application decides, as on an Asterisk channel whose
 * `PJSIP_TRANSFER_HANDLING()` is `ari-only`.
 */
export function transferRequested(core: Core, channel: Channel, { user, replaces }: ReferTo): void {
  const named = replaces && [...core.channels.values()].find(({ tech }) => tech.isNamedBy?.(replaces))
  channel.transferTo = {
    requested_destination: {
      destination: user,
      ...(replaces && {
        protocol_id: replaces.callId,
        additional_protocol_params: [
          { parameter_name: 'from', parameter_value: replaces.fromTag },
          { parameter_name: 'to', parameter_value: replaces.toTag },
        ],
      }),
    },
    ...(named && { destination_channel: channelView(named), ...partiesOf(named) }),
  }
  tellTransfer(core, channel)
}

/** The application says how it goes: the phone is told, and so are all who listen. */
export function transferProgress(core: Core, channel: Channel, state: string): void {
  if (channel.tech.tellTransfer?.(STATES.get(state)!)) tellTransfer(core, channel, state)
}

function tellTransfer(core: Core, channel: Channel, state?: string): void {
  core.emit(
    {
      type: 'ChannelTransfer',
      timestamp: timestamp(),
      ...(state !== undefined && { state }),
      refer_to: channel.transferTo,
      referred_by: { source_channel: channelView(channel), ...partiesOf(channel) },
    },
    { channel: channel.id, endpoint: channel.endpoint },
  )
}
