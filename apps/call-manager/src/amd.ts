import { internalIdentity } from '@sidetone/contract'
import { type Tx, timeAfter } from '@sidetone/store'
import type { CallRow } from './call-row.ts'
import type { Core } from './core.ts'
import { ownCauses } from './rules.ts'

/** Milliseconds. People greet briefly and wait; machines talk on. The limits are close to those of Asterisk's AMD. */
export const amdLimits = {
  /** Who says nothing for so long is no person. */
  initialSilence: 2_500,
  /** A greeting that is longer is a machine's. */
  greeting: 2_000,
  /** A pause that ends a greeting. */
  pause: 800,
  /** What is shorter is noise. */
  word: 100,
  /** A machine that says nothing for so long has said all of its greeting: not all of them beep, and not all nodes hear it. */
  quiet: 2_000,
  /** The longest greeting. */
  tape: 30_000,
}

export type AmdState = NonNullable<CallRow['amd']>
export type AmdEvent =
  | { type: 'started' }
  | { type: 'finished'; durationMs: number }
  | { type: 'beep' }
  | { type: 'timer' }
export type AmdResult = 'human' | 'machine'

/** What is known after an event: the result, or how it goes on. */
export function decideAmd(state: AmdState, event: AmdEvent, nowMs: number): AmdResult | AmdState {
  if (event.type === 'beep') return 'machine'
  if (state.machine_since > 0) return waitForEnd(state, event, nowMs)
  const decided = whoTalks(state, event, nowMs)
  if (decided !== 'machine' || !state.wait_beep || state.handle !== 'continue') return decided
  const isQuiet = event.type === 'finished' || state.talking_since === 0
  return { ...state, machine_since: nowMs, quiet_since: isQuiet ? nowMs : 0 }
}

function whoTalks(state: AmdState, event: Exclude<AmdEvent, { type: 'beep' }>, nowMs: number): AmdResult | AmdState {
  const { begun_at, talking_since } = state
  switch (event.type) {
    case 'started':
      return talking_since === 0 ? { ...state, talking_since: nowMs } : state
    case 'finished':
      if (event.durationMs < amdLimits.word) return { ...state, talking_since: 0 }
      return event.durationMs > amdLimits.greeting ? 'machine' : 'human'
    case 'timer': {
      const [since, limit] =
        talking_since === 0
          ? [begun_at, amdLimits.initialSilence]
          : [talking_since, amdLimits.greeting + amdLimits.pause]
      return nowMs - since >= limit ? 'machine' : state
    }
  }
}

function waitForEnd(state: AmdState, event: AmdEvent, nowMs: number): AmdResult | AmdState {
  const { machine_since, quiet_since } = state
  if (event.type === 'started') return { ...state, quiet_since: 0 }
  if (event.type === 'finished') return { ...state, quiet_since: nowMs }
  const isOver = quiet_since > 0 && nowMs - quiet_since >= amdLimits.quiet
  return isOver || nowMs - machine_since >= amdLimits.tape ? 'machine' : state
}

/** When to look again if nothing is heard. */
function nextLook({ machine_since, quiet_since, talking_since }: AmdState): number {
  if (machine_since > 0) return quiet_since > 0 ? amdLimits.quiet : amdLimits.tape
  return talking_since > 0 ? amdLimits.greeting + amdLimits.pause : amdLimits.initialSilence
}

/** The node tells when the phone begins and ceases to talk, and of a beep. Asterisk, which hears tones of a known frequency alone, does not. */
export async function watchTalking(core: Core, { asterisk_id, channel_id }: CallRow, state: AmdState): Promise<void> {
  const ari = core.ari(asterisk_id)
  await ari.setVariable(channel_id, 'TALK_DETECT(set)', `${amdLimits.pause},256`)
  if (state.wait_beep) await ari.setVariable(channel_id, 'TONE_DETECT(beep,0,r)', '')
}

export const amdTimer = (core: Core, tx: Tx, call_id: string, afterMs: number): Promise<void> =>
  core.jobs.enqueue(tx, 'call.amd', { call_id }, { runAt: timeAfter(afterMs) })

/** Something was heard, or not for some time. */
export async function onAmdEvent(core: Core, id: string, event: AmdEvent): Promise<void> {
  let result: AmdResult | undefined
  let handle: AmdState['handle'] = 'continue'
  const changed = await core.change(id, (row) => {
    result = undefined
    if (!row.amd) return undefined
    handle = row.amd.handle
    const decided = decideAmd(row.amd, event, Date.now())
    if (decided === row.amd) return undefined
    if (typeof decided === 'string') {
      result = decided
      return { call: { ...row, amd: null } }
    }
    return { call: { ...row, amd: decided }, also: (tx) => amdTimer(core, tx, id, nextLook(decided)) }
  })
  if (changed && result) await finish(core, changed, result, handle)
}

async function finish(core: Core, call: CallRow, result: AmdResult, handle: AmdState['handle']): Promise<void> {
  const { id, activeflow_id, customer_id } = call
  if (result === 'machine' && handle === 'hangup') {
    return core.apply(id, { type: 'hang_up', cause: ownCauses.amd })
  }
  const identity = internalIdentity(customer_id)
  const variables = { 'voipbin.call.amd': result }
  await core.managers.flow.activeflow.set_variables({ id: activeflow_id, variables }, { identity })
  await core.signal(id, { type: 'amd_decided' })
}
