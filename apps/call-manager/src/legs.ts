import { nilId } from '@sidetone/contract'
import { now } from '@sidetone/store'
import { balanceKey, watchBalance } from './balance.ts'
import { countEnded } from './call-metrics.ts'
import type { CallRow } from './call-row.ts'
import type { Core } from './core.ts'
import { enter } from './flow-loop.ts'
import { answerGroupcall } from './groupcalls.ts'
import { dial, limitKeys } from './outgoing.ts'
import { type CallEffect, type CallEvent, next } from './rules.ts'

/** Runs an event through the rules; stores, announces and does what follows. */
export async function applyToLeg(core: Core, id: string, event: CallEvent): Promise<void> {
  let effects: CallEffect[] = []
  let seen: CallRow | undefined
  const changed = await core.change(id, (call) => {
    const step = next(call, event, now())
    effects = step.effects
    seen = step.call
    if (step.call === call) return undefined
    return {
      call: startsFlow(call, step.entered) ? { ...step.call, ...enter('leaving') } : step.call,
      events: step.entered,
      async also(tx) {
        const { maxDuration, dialTimeout } = limitKeys(id)
        if (step.entered.includes('progressing')) {
          await core.jobs.cancel(tx, dialTimeout)
          await watchBalance(core, tx, step.call)
        }
        if (!step.entered.includes('hangup')) return
        await core.jobs.cancel(tx, balanceKey(id))
        await core.jobs.enqueue(tx, 'call.ended', { call_id: id })
        await core.jobs.cancel(tx, maxDuration)
        if (!call.tm_progressing) await core.jobs.cancel(tx, dialTimeout)
      },
    }
  })
  if (changed?.status === 'hangup') countEnded(changed)
  const call = changed ?? seen
  if (!call) return
  for (const effect of effects) await perform(core, call, effect)
  if (event.type === 'answered') await afterAnswer(core, call)
  if (event.type === 'ringing' && call.phase === 'leaving') core.drive(call.id)
}

/** Whoever answers one of many may not be the first. */
const startsFlow = (call: CallRow, entered: readonly CallRow['status'][]): boolean =>
  call.phase === 'idle' &&
  call.activeflow_id !== nilId &&
  call.groupcall_id === nilId &&
  (entered.includes('progressing') || (call.early_execution && entered.includes('ringing')))

async function perform(core: Core, call: CallRow, effect: CallEffect): Promise<void> {
  if (effect.type === 'redial') return core.inBackground(() => dial(core, call, effect.asterisk_id))
  // A leg that no node dials yet is ended by the one who dials it.
  if (effect.type !== 'end_channel' || !call.asterisk_id) return
  const existed = await core.ari(call.asterisk_id).hangUp(call.channel_id, effect.cause)
  if (!existed) await core.apply(call.id, { type: 'gone', cause: effect.cause, channel_id: call.channel_id })
}

/** Also after a repeated answer: the first may have been cut off before this was done. */
export async function afterAnswer(core: Core, call: CallRow): Promise<void> {
  const { id, master_call_id } = call
  if (call.direction !== 'outgoing' || call.status !== 'progressing') return
  if (call.phase === 'leaving') core.drive(id)
  if (call.groupcall_id !== nilId) return joinGroupcall(core, call)
  if (call.phase !== 'idle') return // it was put through, and is there for others
  // One with a flow of its own is not there for the call that made it.
  if (master_call_id === nilId || call.activeflow_id !== nilId) return
  const wanted = await core.signal(master_call_id, { type: 'leg_answered', leg_id: id })
  if (!wanted) await core.apply(id, { type: 'hang_up', cause: 26 })
}

/** It was answered for a groupcall, and has yet to learn whether it was the first. One that ran its flow and is idle again was put through. */
export const isUndecided = ({ groupcall_id, phase, status, turn }: CallRow): boolean =>
  groupcall_id !== nilId && status === 'progressing' && phase === 'idle' && turn === 0

async function joinGroupcall(core: Core, leg: CallRow): Promise<void> {
  if (!isUndecided(leg)) return
  const { id } = leg
  const call = await core.calls.find(core.store, '*', id)
  if (call && !(await answerGroupcall(core, call))) return core.apply(id, { type: 'hang_up', cause: 26 })
  const starting = await core.change(id, (row) =>
    isUndecided(row) ? { call: { ...row, ...enter('leaving') } } : undefined,
  )
  if (starting) core.drive(id)
}
