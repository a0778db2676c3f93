import { internalIdentity } from '@sidetone/contract'
import { collectDigits } from '@sidetone/flow-engine'
import type { ActionOption } from '@sidetone/proto-schemas/action'
import type { CallRow } from '../call-row.ts'
import type { Core } from '../core.ts'
import type { MediaAction, Outcome } from './action.ts'

export const digitsVariable = 'voipbin.call.digits'

/** Digits count from the moment they are typed, also before this action; a complete entry leaves the rest for the next one. */
export const digitsReceive: MediaAction<'digits_receive'> = {
  async begin(core, call, option) {
    const taken = await countTaken(core, call)
    return (now) => {
      const typed = now.typed.slice(taken)
      return collected(typed, option) ?? { set: { typed, shown: 0 }, timerMs: option.duration }
    }
  },

  on(_core, call, option, signal) {
    if (signal.type === 'digit') return collected(call.typed, option) ?? {}
    if (signal.type === 'timer') return { leave: true, digits: call.typed, set: { typed: '' } }
    return undefined
  },
}

function collected(typed: string, option: ActionOption<'digits_receive'>): Outcome | undefined {
  const { digits, rest, complete } = collectDigits(typed, option)
  return complete ? { leave: true, digits, set: { typed: rest, shown: 0 } } : undefined
}

/** Digits that ended a `talk` are in the variable: if it was cleared since, a branch has taken them. */
async function countTaken(core: Core, { customer_id, activeflow_id, shown }: CallRow): Promise<number> {
  if (shown === 0) return 0
  const identity = internalIdentity(customer_id)
  const { variables } = await core.managers.flow.activeflow.variables({ id: activeflow_id }, { identity })
  return variables[digitsVariable] ? 0 : shown
}
