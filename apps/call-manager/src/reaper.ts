import { parseEchoChannelId } from './actions/echo.ts'
import { playbackId } from './actions/playing.ts'
import { type Channel, isUnavailable, stasisApp } from './ari.ts'
import { countActive } from './call-metrics.ts'
import type { CallRow } from './call-row.ts'
import type { Core } from './core.ts'
import { parseMediaChannelId } from './external-media.ts'
import { hangUpGroupcall } from './groupcalls.ts'
import { afterAnswer, isUndecided } from './legs.ts'
import { parseSnoopId } from './recording-sides.ts'
import { endRecording } from './recordings.ts'
import { liveStatuses } from './rules.ts'

/** A channel or row may be this much younger than its counterpart. */
const graceMs = 30_000
/** So long a node, or the way to it, may be down before its calls are given up. */
const unreachableMs = 120_000

const maxCalls = 10_000

/** Makes a round: closes what has lost its other half, and moves on what was left behind by a process that died. */
export function createReaper(core: Core): () => Promise<void> {
  const unreachableSince = new Map<string, number>()

  async function visit(node: string): Promise<void> {
    try {
      await reconcileNode(core, node)
      unreachableSince.delete(node)
    } catch (err) {
      if (!isUnavailable(err)) throw err
      const since = unreachableSince.get(node) ?? Date.now()
      unreachableSince.set(node, since)
      if (Date.now() - since < unreachableMs) return
      core.log.error({ asterisk_id: node }, 'an RTC node has been away for too long, its calls are closed')
      const lost = (await liveCalls(core)).filter(({ asterisk_id }) => asterisk_id === node)
      for (const call of lost) await core.apply(call.id, { type: 'gone', cause: 41 })
    }
  }

  return async () => {
    const live = await liveCalls(core)
    countActive(live.length)
    for (const call of live) if (isLeft(call)) core.drive(call.id)
    // Whoever was about to ask whether it was the first has died.
    for (const call of live) if (isUndecided(call)) await afterAnswer(core, call)
    const unfinished = { where: { status: 'hangingup' as const }, limit: maxCalls }
    for (const { id } of await core.groupcalls.list(core.store, '*', unfinished)) await hangUpGroupcall(core, id)
    for (const call of live) if (isNowhere(call)) await core.apply(call.id, { type: 'gone', cause: 41 })
    const nodes = new Set(live.map(({ asterisk_id }) => asterisk_id).filter(Boolean))
    for (const node of nodes) await visit(node)
  }
}

const liveCalls = (core: Core): Promise<CallRow[]> =>
  core.calls.list(core.store, '*', { where: { status: liveStatuses }, limit: maxCalls })

const isOlderThan = (time: string, ms: number): boolean => Date.parse(time) < Date.now() - ms

/** Whoever moved it on has died. */
const isLeft = ({ phase, lease_until }: CallRow): boolean =>
  (phase === 'starting' || phase === 'leaving' || phase === 'entering') && lease_until < Date.now()

/** Whoever was about to dial it has died. */
const isNowhere = ({ asterisk_id, tm_create, tm_update }: CallRow): boolean =>
  asterisk_id === '' && isOlderThan(tm_update ?? tm_create, graceMs)

/** Compares the calls of a node with its channels. */
export async function reconcileNode(core: Core, asteriskId: string): Promise<void> {
  // The rows first: a call that is stored after them has its channel in the list.
  const calls = (await liveCalls(core)).filter(({ asterisk_id }) => asterisk_id === asteriskId)
  const channels = await core.ari(asteriskId).channels()
  const here = new Map(channels.map(({ id, state }) => [id, state]))
  for (const call of calls) {
    if (!here.has(call.channel_id)) await core.apply(call.id, { type: 'gone', cause: 31, channel_id: call.channel_id })
    // The node was told to end it and did not hear.
    else if (call.asked_cause !== null) await core.apply(call.id, { type: 'hang_up', cause: 16 })
    // That it was answered was not heard: what is talked is paid for.
    else if (here.get(call.channel_id) === 'Up' && call.tm_progressing === null)
      await core.apply(call.id, { type: 'answered' })
    else await checkPlayback(core, call)
  }
  const active = { asterisk_id: asteriskId, status: ['initiating', 'recording'] as const }
  for (const { id, channel_id, tm_create } of await core.recordings.list(core.store, '*', {
    where: active,
    limit: maxCalls,
  })) {
    if (!here.has(channel_id) && isOlderThan(tm_create, graceMs)) await endRecording(core, id)
  }
  for (const channel of channels) {
    if (await isOrphan(core, asteriskId, channel)) {
      core.log.warn({ asterisk_id: asteriskId, channel_id: channel.id }, 'a channel without a call is hung up')
      await core.ari(asteriskId).hangUp(channel.id, 16)
    }
  }
}

/** The end of a playback may have been missed. */
async function checkPlayback(core: Core, call: CallRow): Promise<void> {
  const { phase, state, turn } = call
  if (
    phase !== 'running' ||
    typeof state.index !== 'number' ||
    !call.tm_update ||
    !isOlderThan(call.tm_update, graceMs)
  )
    return
  const plays = await core.ari(call.asterisk_id).playbackExists(playbackId(call, state.index))
  if (!plays) await core.signal(call.id, { type: 'playback_finished', index: state.index }, turn)
}

async function isOrphan(core: Core, asterisk_id: string, { id, creationtime, dialplan }: Channel): Promise<boolean> {
  const ours = dialplan.app_name === 'Stasis' && dialplan.app_data?.split(',')[0] === stasisApp
  if (!ours || !isOlderThan(creationtime, graceMs)) return false
  const recordingId = parseSnoopId(id)?.recordingId
  if (recordingId)
    return (
      (await core.recordings.findBy(core.store, '*', { id: recordingId, status: ['initiating', 'recording'] })) ===
      undefined
    )
  const ofCall = parseEchoChannelId(id)?.id ?? parseMediaChannelId(id)?.call_id
  const where = ofCall ? { id: ofCall } : { asterisk_id, channel_id: id }
  return (await core.calls.findBy(core.store, '*', { ...where, status: liveStatuses })) === undefined
}
