import { setTimeout as sleep } from 'node:timers/promises'
import { type ApiError, commonError, nilId } from '@sidetone/contract'
import { type Action, reservedActionIds } from '@sidetone/proto-schemas/action'
import type { Tx } from '@sidetone/store'
import { type ActiveflowRow, isAsking } from './activeflow-row.ts'
import type { Core } from './core.ts'
import { type Advanced, advance, settle, takeOver } from './lifecycle.ts'
import { askReferenceData, hasReferenceData } from './reference-data.ts'

/** How often to look whether an answer has come for which another request waits. */
const lookMs = 200

interface Step {
  /** The action that the call leaves, and why it could not be done, if so. */
  current_action_id: string
  problem: string
  deadline: number
  stale: () => ApiError
  /** Works on the activeflow while nobody else changes it. */
  locked: <T>(work: (tx: Tx, row: ActiveflowRow) => Promise<T>) => Promise<T>
}

/** The next action for a call; the same again for who asks again, and null at the end. */
export async function nextAction(core: Core, step: Step): Promise<Action | null> {
  const { current_action_id, problem, deadline, locked, stale } = step
  const left = current_action_id === nilId ? reservedActionIds.start : current_action_id
  const answer = problem === '' ? undefined : { problem }
  let described: Record<string, string> | undefined
  for (;;) {
    const found = await locked(async (tx, row): Promise<Advanced | 'later' | { describe: ActiveflowRow }> => {
      if (row.status === 'ended') return { activeflow: row, action: null }
      if (left === row.current_action.id && !isAsking(row)) {
        if (!described && hasReferenceData(row.variables)) return { describe: row }
        const known = { ...row, variables: { ...row.variables, ...described } }
        return advance(core, tx, known, { hasCall: row.reference_type === 'call', answer })
      }
      if (left !== row.left_action_id) throw stale()
      // The answer to that step was lost on its way.
      if (!isAsking(row)) return { activeflow: row, action: row.current_action }
      return row.asked_until > Date.now() ? 'later' : takeOver(tx, row)
    })
    if (found !== 'later' && 'describe' in found) {
      described = await askReferenceData(core, found.describe)
      continue
    }
    if (found !== 'later') {
      const settled = await settle(core, found.activeflow.reference_type === 'call', found)
      if (settled) return settled.action
    }
    if (Date.now() + lookMs > deadline) throw commonError('DEADLINE_EXCEEDED')
    await sleep(lookMs)
  }
}
