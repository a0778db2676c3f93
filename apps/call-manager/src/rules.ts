import type { Call } from '@sidetone/proto-schemas/call'
import type { CallRow } from './call-row.ts'

type Status = Call['status']
type Reason = Call['hangup_reason']

/** What can happen to a leg. `cause` is a Q.850 cause or one of `ownCauses`. */
export type CallEvent =
  /** The phone rings. */
  | { type: 'ringing' }
  /** The phone was answered, from either side. */
  | { type: 'answered' }
  /** We want the leg to end. */
  | { type: 'hang_up'; cause: number }
  /** Nobody answered in time: the phone that we dial, or we the one that dials us. */
  | { type: 'dial_timeout' }
  /** The channel is no more, or never came to be: the one that the leg has, or had then. `status`: the SIP response, if that is known. */
  | { type: 'gone'; cause: number; channel_id?: string; status?: number }

/** What has to be done once the new state of the leg is stored. Each may be repeated without harm. */
export type CallEffect =
  /** Tell the RTC node to end the channel. */
  | { type: 'end_channel'; cause: number }
  /** Dial it the next way, on the node that dialled it the first way. */
  | { type: 'redial'; asterisk_id: string }
  /** The leg that we dialled was answered. */
  | { type: 'answered' }
  /** Everything that hangs on the leg ends with it. */
  | { type: 'ended' }

/** A leg is in one of these until it is `hangup`. */
export const liveStatuses = [
  'dialing',
  'ringing',
  'progressing',
  'terminating',
  'canceling',
] as const satisfies Status[]

/** The part of a call that the rules are about. */
export type Leg = Pick<
  Call,
  'status' | 'direction' | 'hangup_by' | 'hangup_reason' | 'tm_ringing' | 'tm_progressing' | 'tm_hangup'
> &
  Pick<CallRow, 'id' | 'asterisk_id' | 'channel_id' | 'ways'> & {
    /** The cause for which we ended it, if we did; it says more than what the node reports. */
    asked_cause: number | null
  }

export interface Step<L extends Leg> {
  call: L
  /** The statuses that were entered: each is announced. */
  entered: Status[]
  effects: CallEffect[]
}

/** Causes that only the platform knows; VoIPBIN's numbers. */
export const ownCauses = { dialTimeout: 0, maxDuration: 200, amd: 201 } as const

/** The state machine of a leg. Repeats and late events change nothing; `hangup` is entered once and never left. */
export function next<L extends Leg>(call: L, event: CallEvent, now: string): Step<L> {
  const { status } = call
  const stay: Step<L> = { call, entered: [], effects: [] }
  if (status === 'hangup') return stay

  switch (event.type) {
    case 'ringing':
      if (status !== 'dialing') return stay
      return { call: { ...call, status: 'ringing', tm_ringing: now }, entered: ['ringing'], effects: [] }
    case 'answered':
      if (status !== 'dialing' && status !== 'ringing') return stay
      return {
        call: { ...call, status: 'progressing', tm_progressing: now },
        entered: ['progressing'],
        effects: [{ type: 'answered' }],
      }
    case 'dial_timeout':
      if (status !== 'dialing' && status !== 'ringing') return stay
      if (call.direction === 'incoming') return next(call, { type: 'hang_up', cause: 19 }, now)
      return {
        call: { ...call, asked_cause: ownCauses.dialTimeout },
        entered: [],
        effects: [{ type: 'end_channel', cause: q850Of(ownCauses.dialTimeout) }],
      }
    case 'hang_up': {
      // Asked again, the node is told again: the first time may have been lost.
      if (isLeaving(status))
        return { ...stay, effects: [{ type: 'end_channel', cause: q850Of(call.asked_cause ?? 16) }] }
      const unanswered = call.direction === 'outgoing' && status !== 'progressing'
      const entered = unanswered ? 'canceling' : 'terminating'
      return {
        call: { ...call, status: entered, asked_cause: event.cause },
        entered: [entered],
        effects: [{ type: 'end_channel', cause: q850Of(event.cause) }],
      }
    }
    case 'gone': {
      if (event.channel_id !== undefined && event.channel_id !== call.channel_id) return stay
      const [, ...others] = call.ways ?? []
      if (others.length > 0 && canRedial(call, event)) {
        const channel_id = `${call.id}.${others.length}`
        const effect = { type: 'redial', asterisk_id: call.asterisk_id } as const
        return { call: { ...call, ways: others, asterisk_id: '', channel_id }, entered: [], effects: [effect] }
      }
      return {
        call: {
          ...call,
          status: 'hangup',
          hangup_by: isLeaving(status) ? 'local' : 'remote',
          hangup_reason: reasonOf(call, call.asked_cause ?? event.cause),
          tm_hangup: now,
        },
        entered: ['hangup'],
        effects: [{ type: 'ended' }],
      }
    }
  }
}

/** Whoever was called has decided: another carrier would not change it. */
const decidedCauses = [16, 17, 19, 21, 26]
/** The carrier itself wants nothing from us: nobody was called (as cause 21 it would read like a 603). */
const carrierStatuses = [401, 403, 407]

const canRedial = (leg: Leg, { cause, status = 0 }: { cause: number; status?: number }): boolean =>
  (leg.status === 'dialing' || leg.status === 'ringing') &&
  leg.asked_cause === null &&
  (carrierStatuses.includes(status) || !decidedCauses.includes(cause))

const isLeaving = (status: Status): boolean => status === 'terminating' || status === 'canceling'

/** Why a leg ended, from what it was last and the cause. */
export function reasonOf({ status, direction, tm_progressing }: Leg, cause: number): Reason {
  if (status === 'terminating' && cause === ownCauses.amd) return 'amd'
  if (tm_progressing && cause === ownCauses.maxDuration) return 'timeout'
  if (direction === 'incoming') return incomingReasons[cause] ?? 'normal'
  if (status === 'canceling') return 'cancel'
  if (tm_progressing) return 'normal'
  return unansweredReasons[cause] ?? 'failed'
}

const incomingReasons: Record<number, Reason> = { 17: 'busy', 19: 'noanswer' }
const unansweredReasons: Record<number, Reason> = {
  [ownCauses.dialTimeout]: 'dialout',
  16: 'normal',
  17: 'busy',
  19: 'noanswer',
  21: 'noanswer',
  26: 'normal',
}

const causes: Record<Exclude<Reason, ''>, number> = {
  normal: 16,
  failed: 18,
  busy: 17,
  cancel: 16,
  timeout: ownCauses.maxDuration,
  noanswer: 19,
  dialout: 19,
  amd: ownCauses.amd,
}

/** The cause that hangs up for a reason; an unknown reason is a normal one. */
export const causeOf = (reason: string): number => causes[reason as Exclude<Reason, ''>] ?? 16

/** What the RTC node is told: it knows Q.850 alone. */
export function q850Of(cause: number): number {
  if (cause === ownCauses.dialTimeout) return 19
  return cause > 127 ? 16 : cause
}
