import type { CallRow } from '../call-row.ts'
import type { Core } from '../core.ts'
import { done, type MediaAction } from './action.ts'

/** Answers an incoming call that has not been answered. */
export async function answerCall(core: Core, call: CallRow): Promise<void> {
  if (call.direction !== 'incoming' || call.status !== 'ringing') return
  await core.ari(call.asterisk_id).answer(call.channel_id)
  // The node reports it too, but what comes next may need an answered call already.
  await core.apply(call.id, { type: 'answered' })
}

export const answer: MediaAction<'answer'> = {
  async begin(core, call) {
    await answerCall(core, call)
    return done
  },
}
