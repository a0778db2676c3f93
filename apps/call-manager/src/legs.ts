import { nilId } from '@sidetone/contract'
import { now } from '@sidetone/store'
import { countEnded } from './call-metrics.ts'
import type { CallRow } from './call-row.ts'
import type { Core } from './core.ts'
import { enter } from './flow-loop.ts'
import { limitKeys } from './outgoing.ts'
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
    const starts = step.entered.includes('progressing') && call.phase === 'idle' && call.activeflow_id !== nilId
    return {
      call: starts ? { ...step.call, ...enter('leaving') } : step.call,
      events: step.entered,
      async also(tx) {
        const { maxDuration, dialTimeout } = limitKeys(id)
        if (step.entered.includes('progressing') && call.direction === 'outgoing')
          await core.jobs.cancel(tx, dialTimeout)
        if (!step.entered.includes('hangup')) return
        await core.jobs.enqueue(tx, 'call.ended', { call_id: id })
        await core.jobs.cancel(tx, maxDuration)
        if (call.direction === 'outgoing' && !call.tm_progressing) await core.jobs.cancel(tx, dialTimeout)
      },
    }
  })
  if (changed?.status === 'hangup') countEnded(changed)
  const call = changed ?? seen
  if (!call) return
  for (const effect of effects) await perform(core, call, effect)
  if (event.type === 'answered') await afterAnswer(core, call)
}

async function perform(core: Core, call: CallRow, effect: CallEffect): Promise<void> {
  // A leg that no node dials yet is ended by the one who dials it.
  if (effect.type !== 'end_channel' || !call.asterisk_id) return
  const existed = await core.ari(call.asterisk_id).hangUp(call.channel_id, effect.cause)
  if (!existed) await core.apply(call.id, { type: 'gone', cause: effect.cause })
}

/** Also after a repeated answer: the first may have been cut off before this was done. */
async function afterAnswer(core: Core, call: CallRow): Promise<void> {
  if (call.direction !== 'outgoing' || call.status !== 'progressing') return
  if (call.phase === 'leaving') core.drive(call.id)
  if (call.master_call_id === nilId) return
  const wanted = await core.signal(call.master_call_id, { type: 'leg_answered', leg_id: call.id })
  if (!wanted) await core.apply(call.id, { type: 'hang_up', cause: 26 })
}
