import { nilId } from '@sidetone/contract'
import type { Action } from '@sidetone/proto-schemas/action'
import { describeFailure, run } from '../src/engine.ts'
import { type FlowState, startOf } from '../src/state.ts'

export const idOf = (n: number) => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`
export const now = '2026-08-22T10:00:00.123456Z'
export const call = { hasCall: true, now, maxSteps: 1_000 }

/** A flow's actions: action `n` has the id `idOf(n)`, counted from 1. */
export const program = (...actions: [type: string, option?: Record<string, unknown>, next?: number][]): Action[] =>
  actions.map(([type, option = {}, next], index) => ({
    id: idOf(index + 1),
    next_id: next ? idOf(next) : nilId,
    type,
    option,
    tm_execute: null,
  }))

/** The media actions that a call is given, until the end or the hundredth. */
export function played(actions: Action[], variables: Record<string, string> = {}) {
  let state: FlowState = { ...startOf(actions), variables }
  const given: Action[] = []
  const problems: string[] = []
  while (given.length < 100) {
    const ran = run(state, call)
    state = ran.state
    problems.push(...ran.failures.map(describeFailure))
    if (ran.outcome.kind !== 'call') return { given, state, problems, outcome: ran.outcome.kind }
    given.push(ran.outcome.action)
  }
  return { given, state, problems, outcome: 'call' as const }
}

/** Which of them they were. */
export const numbers = ({ given }: { given: Action[] }) => given.map(({ id }) => Number(id.slice(-12)))
