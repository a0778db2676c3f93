import { nilId } from '@sidetone/contract'
import { causeOf } from '../rules.ts'
import type { MediaAction } from './action.ts'

/** Ends the call; with `reference_id`, for the reason for which that call ended. */
export const hangup: MediaAction<'hangup'> = {
  async begin(core, call, { reason, reference_id }) {
    const other = reference_id === nilId ? undefined : await core.calls.find(core.store, call.customer_id, reference_id)
    return { hangUp: causeOf(other?.hangup_reason || reason) }
  },
}
