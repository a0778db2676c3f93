import type { LegEvents } from '../sip/sip-leg.ts'
import { type Channel, digitReceived, emitChannel } from './channel.ts'
import type { Core } from './core.ts'
import { musicForHeld } from './hold-music.ts'
import { transferRequested } from './transfer.ts'

/** What a phone can do in a call, whoever made the call. */
export const inCall = (core: Core, channel: () => Channel): Pick<LegEvents, 'onDtmf' | 'onHold' | 'onRefer'> => ({
  onDtmf: (digit, durationMs) => digitReceived(core, channel(), digit, durationMs),
  onHold(holds) {
    const mine = channel()
    mine.holds = holds
    emitChannel(core, holds ? 'ChannelHold' : 'ChannelUnhold', mine)
    if (mine.bridge) musicForHeld(mine.bridge.channels)
  },
  onRefer: (target) => transferRequested(core, channel(), target),
})
