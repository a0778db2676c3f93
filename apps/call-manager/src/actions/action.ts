import type { ActionOption, ActionType } from '@sidetone/proto-schemas/action'
import type { Address } from '@sidetone/proto-schemas/common'
import type { Tx } from '@sidetone/store'
import type { CallRow } from '../call-row.ts'
import type { Core } from '../core.ts'
import type { LegRow } from '../outgoing.ts'

/** Something that a running action may have waited for. */
export type Signal =
  | { type: 'playback_finished'; index: number }
  /** `typed` of the call ends with the new digit. */
  | { type: 'digit' }
  | { type: 'timer' }
  | { type: 'echo_ready' }
  | { type: 'amd_decided' }
  /** It has something to say before it is answered. */
  | { type: 'leg_speaks'; leg_id: string }
  | { type: 'leg_answered'; leg_id: string }
  | { type: 'leg_ended'; leg_id: string; reason: string }
  /** The call that it is being put through by has ended. */
  | { type: 'transferor_left'; call_id: string }
  /** Who was to ring next is found, with whom to ring after that; no leg when nobody is left. */
  | { type: 'next_leg'; leg?: LegRow | undefined; addresses: Address[] }

/** What becomes of an action: it is over, or it runs on. */
export interface Outcome {
  leave?: boolean
  /** Ends the call for this cause. */
  hangUp?: number
  /** Changes of the call that are stored with it. */
  set?: Partial<Pick<CallRow, 'typed' | 'shown' | 'chained_call_ids' | 'amd' | 'action'>>
  /** What the action must remember while it runs. */
  state?: CallRow['state']
  /** With `leave`: the new value of `voipbin.call.digits`. */
  digits?: string
  /** A `timer` signal comes after so long, also when everything was restarted meanwhile. */
  timerMs?: number
  /** Stored in the same transaction. */
  also?: (tx: Tx) => Promise<unknown>
  /** Done when it is not stored: the call has gone another way meanwhile, or `also` has failed. */
  undo?: () => void
  /** Done once it is stored. */
  after?: (call: CallRow) => Promise<unknown>
}

/** An action that needs the call. `CallRow.action` has been checked against the option's schema. */
export interface MediaAction<T extends ActionType> {
  /**
   * Throws when it cannot be begun; the call goes on with the next action then. A function decides on the state that the
   * call has when the outcome is stored: digits may have come meanwhile.
   */
  begin(core: Core, call: CallRow, option: ActionOption<T>): Promise<Outcome | ((call: CallRow) => Outcome)>
  /** The cause for which its call ends when nothing may be dialled; without one it is skipped. */
  refusedCause?(option: ActionOption<T>): number | undefined
  /** Decides from what is stored alone; undefined: not for me. */
  on?(core: Core, call: CallRow, option: ActionOption<T>, signal: Signal): Outcome | undefined
  /** Clears up when the call ends, or the action fails, while it runs. */
  end?(core: Core, call: CallRow): Promise<unknown>
  /** Digits belong to whoever is at the other end, not to a later `digits_receive`. */
  passesDigits?: boolean
}

export const done: Outcome = { leave: true }
