import type { MuteDirection } from '../ari.ts'
import type { CallRow } from '../call-row.ts'
import type { Core } from '../core.ts'
import { done, type MediaAction } from './action.ts'

export const mute: MediaAction<'mute'> = {
  async begin(core, call, { direction }) {
    await setMute(core, call, direction || 'both', direction !== '')
    return done
  },
}

/** Mutes one direction more, or one less. */
export async function setMute(core: Core, call: CallRow, direction: MuteDirection, on: boolean): Promise<void> {
  const ari = core.ari(call.asterisk_id)
  await (on ? ari.mute(call.channel_id, direction) : ari.unmute(call.channel_id, direction))
  await core.change(call.id, (row) => {
    const mute_direction = nextMute(row.mute_direction, direction, on)
    return mute_direction === row.mute_direction ? undefined : { call: { ...row, mute_direction }, events: ['updated'] }
  })
}

function nextMute(before: CallRow['mute_direction'], direction: MuteDirection, on: boolean) {
  const muted = (one: 'in' | 'out') =>
    direction === 'both' || direction === one ? on : before === 'both' || before === one
  if (muted('in') && muted('out')) return 'both'
  return muted('in') ? 'in' : muted('out') ? 'out' : ''
}
