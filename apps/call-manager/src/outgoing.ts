import { nilId } from '@sidetone/contract'
import { emptyAction } from '@sidetone/proto-schemas/action'
import { type NewRow, newId, type Tx, timeAfter } from '@sidetone/store'
import { callerIdOf, ownerOf } from './addresses.ts'
import { AriRefused } from './ari.ts'
import type { CallRow } from './call-row.ts'
import type { Core } from './core.ts'
import { enforceLimits } from './limits.ts'

/** A call as it begins, without what differs. */
export const newCall = {
  owner_type: '' as const,
  owner_id: nilId,
  flow_id: nilId,
  activeflow_id: nilId,
  type: 'flow' as const,
  master_call_id: nilId,
  chained_call_ids: [],
  recording_id: nilId,
  recording_ids: [],
  groupcall_id: nilId,
  action: emptyAction,
  mute_direction: '' as const,
  hangup_by: '' as const,
  hangup_reason: '' as const,
  metadata: {},
  quality: null,
  tm_ringing: null,
  tm_progressing: null,
  tm_hangup: null,
  asterisk_id: '',
  version: 0,
  asked_cause: null,
  delete_at_end: false,
  phase: 'idle' as const,
  lease_until: 0,
  turn: 0,
  state: {},
  typed: '',
  shown: 0,
  last_digit_event: '',
  actions: [],
  ways: null,
  anonymous: false,
  early_execution: false,
  early_media: false,
  amd: null,
  external_media_ids: null,
  covered_seconds: null,
}

export type LegRow = NewRow<CallRow> & { id: string }

type NewLeg = Pick<CallRow, 'customer_id' | 'source' | 'destination' | 'ways'> &
  Partial<Pick<CallRow, 'anonymous' | 'early_media' | 'master_call_id' | 'flow_id'>>

/** The row of a leg that will be dialled. Its first channel has the id of the call. */
export async function newLeg(core: Core, leg: NewLeg): Promise<LegRow> {
  const id = newId()
  const owner = await ownerOf(core, leg.customer_id, leg.destination)
  return {
    ...newCall,
    ...leg,
    ...(owner && { owner_type: 'agent' as const, owner_id: owner }),
    id,
    channel_id: id,
    direction: 'outgoing',
    status: 'dialing',
  }
}

/** Names the time limits of a call, so that they can be taken back. */
export const limitKeys = (id: string) => ({ maxDuration: `max_duration:${id}`, dialTimeout: `dial_timeout:${id}` })

/** Stores new calls of a customer. Throws a `Refusal` when they are more than it may have. */
export async function insertCalls(core: Core, tx: Tx, rows: readonly NewRow<CallRow>[]): Promise<CallRow[]> {
  await enforceLimits(core, tx, rows)
  const calls: CallRow[] = []
  for (const row of rows) calls.push(await insertCall(core, tx, row))
  return calls
}

/** With its time limits; and announces it. */
async function insertCall(core: Core, tx: Tx, row: NewRow<CallRow>): Promise<CallRow> {
  const { CALL_MAX_DURATION_SECONDS, CALL_DIAL_TIMEOUT_SECONDS, CALL_UNANSWERED_SECONDS } = core.settings
  const call = await core.calls.insert(tx, row)
  await core.emit(tx, 'call', 'created', call)
  await core.emit(tx, 'call', call.status === 'dialing' ? 'dialing' : 'ringing', call)
  const payload = { call_id: call.id }
  await core.jobs.enqueue(tx, 'call.max_duration', payload, {
    runAt: timeAfter(CALL_MAX_DURATION_SECONDS * 1_000),
    key: limitKeys(call.id).maxDuration,
  })
  const unansweredSeconds = call.direction === 'outgoing' ? CALL_DIAL_TIMEOUT_SECONDS : CALL_UNANSWERED_SECONDS
  await core.jobs.enqueue(tx, 'call.dial_timeout', payload, {
    runAt: timeAfter(unansweredSeconds * 1_000),
    key: limitKeys(call.id).dialTimeout,
  })
  return call
}

/** Dials a leg that is stored, on a node if one is named. Whatever goes wrong ends this way to dial it. */
export async function dial(
  core: Core,
  call: Pick<LegRow, 'id' | 'channel_id' | 'ways' | 'source' | 'anonymous' | 'early_media'>,
  asteriskId = '',
): Promise<void> {
  const { id, channel_id, source, anonymous, early_media } = call
  const [way] = call.ways ?? []
  const ari = core.ari(asteriskId)
  try {
    if (!way) throw new Error('there is no way to dial it')
    const asterisk_id = await (early_media ? ari.originateEarly : ari.originate)({
      ...way,
      channelId: channel_id,
      callerId: callerIdOf(source, anonymous),
      // The job ends it in time; the node's own limit is for the case that nobody is left to do so.
      timeoutSeconds: core.settings.CALL_DIAL_TIMEOUT_SECONDS + 30,
    })
    const dialled = await core.change(id, (row) =>
      row.asterisk_id || row.channel_id !== channel_id ? undefined : { call: { ...row, asterisk_id } },
    )
    // It was given up while nobody knew yet which node dials it.
    if (dialled && dialled.asked_cause !== null) await core.apply(id, { type: 'hang_up', cause: 16 })
  } catch (err) {
    core.log.warn({ err, call_id: id }, 'a leg could not be dialled')
    await core.apply(id, { type: 'gone', channel_id, cause: err instanceof AriRefused ? 3 : 41 })
  }
}
