import { internalIdentity, nilId, type Scope } from '@sidetone/contract'
import type { ActionOption } from '@sidetone/proto-schemas/action'
import { type NewRow, newId, now, type Tx, timeAfter } from '@sidetone/store'
import { orUndefined } from './addresses.ts'
import { hold } from './admission.ts'
import { balanceKey } from './balance.ts'
import type { CallRow, RecordingRow } from './call-row.ts'
import type { Core } from './core.ts'
import { watchRecording } from './recording-balance.ts'
import {
  discard,
  hangUpListeners,
  type Listener,
  listen,
  needsSides,
  pause,
  record,
  sideNames,
  snoopId,
} from './recording-sides.ts'

type Options = Omit<ActionOption<'recording_start'>, 'beep_start'>

const keyOf = ({ customer_id, id }: RecordingRow): string => `recordings/${customer_id}/${id}.wav`

const canBeRecorded = ({ status, recording_id }: CallRow): boolean => status === 'progressing' && recording_id === nilId

/**
 * Begins to record both sides of an answered call. Undefined when the call is recorded already or is not in a state for it; throws
 * a `Refusal` when it cannot be paid for.
 */
export async function startRecording(core: Core, id: string, options: Options): Promise<CallRow | undefined> {
  const before = await core.calls.find(core.store, '*', id)
  if (!before || !canBeRecorded(before)) return undefined
  const { customer_id } = before
  const apart = await needsSides(core, before.asterisk_id, options.channels)
  const recording_id = newId()
  const covered_seconds = await hold(core, customer_id, { reference_type: 'recording', reference_id: recording_id })
  const call = await core.change(id, (row) => {
    if (!canBeRecorded(row)) return undefined
    const recording: NewRow<RecordingRow> = {
      id: recording_id,
      customer_id: row.customer_id,
      owner_type: row.owner_type,
      owner_id: row.owner_id,
      activeflow_id: row.activeflow_id,
      reference_type: 'call',
      reference_id: row.id,
      status: 'initiating',
      format: options.format,
      on_end_flow_id: options.on_end_flow_id,
      tm_start: null,
      tm_end: null,
      uri_download: '',
      filesize: 0,
      sha256: '',
      file_id: newId(),
      asterisk_id: row.asterisk_id,
      channel_id: snoopId({ recordingId: recording_id }),
      end_of_key: options.end_of_key,
      end_of_silence: options.end_of_silence,
      duration: options.duration,
      channels: options.channels,
      sides: apart,
      covered_seconds,
      delete_at_end: false,
    }
    return {
      call: { ...row, recording_id, recording_ids: [...row.recording_ids, recording_id] },
      events: ['updated'],
      async also(tx) {
        await watchRecording(core, tx, await core.recordings.insert(tx, recording))
        if (options.duration > 0) {
          await core.jobs.enqueue(
            tx,
            'recording.limit',
            { recording_id },
            { runAt: timeAfter(options.duration * 1_000) },
          )
        }
      },
    }
  })
  if (!call) {
    core.inBackground(() => releaseRecording(core, { id: recording_id, customer_id }))
    return undefined
  }
  try {
    await listen(core, call, { recordingId: recording_id, side: apart ? 'in' : undefined })
  } catch (err) {
    core.log.warn({ err, call_id: id, recording_id }, 'a call could not be recorded')
    await endRecording(core, recording_id)
  }
  return call
}

/** A channel that listens is there: the next one is made; after the last one, which hears both sides, it can be recorded. */
export async function onSnoopReady(core: Core, { recordingId, side }: Listener): Promise<void> {
  const row = await core.recordings.find(core.store, '*', recordingId)
  if (row?.status !== 'initiating') return
  try {
    if (side) {
      const call = await core.calls.find(core.store, '*', row.reference_id)
      return call && (await listen(core, call, { recordingId, side: side === 'in' ? 'out' : undefined }))
    }
    await record(core, row)
  } catch (err) {
    core.log.warn({ err, recording_id: recordingId }, 'a call could not be recorded')
    return endRecording(core, recordingId)
  }
  await core.store.transaction(async (tx) => {
    const started = await core.recordings.update(
      tx,
      '*',
      recordingId,
      { status: 'recording', tm_start: now() },
      { where: { status: 'initiating' } },
    )
    if (started) await core.emit(tx, 'recording', 'started', started)
  })
}

export async function pauseRecording(core: Core, recordingId: string, paused: boolean): Promise<void> {
  const row = await core.recordings.find(core.store, '*', recordingId)
  if (row) await pause(core, row, paused)
}

/** Asks the node to stop; the file comes when it has. */
export async function stopRecording(core: Core, recordingId: string): Promise<void> {
  if (recordingId === nilId) return
  const row = await core.recordings.find(core.store, '*', recordingId)
  if (!row || row.status === 'ended' || row.status === 'stopping') return
  const stopped = await core.ari(row.asterisk_id).stopRecording(row.id)
  await hangUpListeners(core, row)
  if (!stopped) await endRecording(core, recordingId)
}

/** A digit may end a recording. */
export async function onRecordedDigit(core: Core, call: CallRow, digit: string): Promise<void> {
  if (call.recording_id === nilId) return
  const row = await core.recordings.find(core.store, '*', call.recording_id)
  if (row && (row.end_of_key === 'any' || row.end_of_key === digit)) await stopRecording(core, row.id)
}

/** The node records no more: the call is free for another recording, and the file is fetched, however often it takes. */
export async function endRecording(core: Core, recordingId: string): Promise<void> {
  const row = await core.recordings.find(core.store, '*', recordingId)
  if (!row || row.status === 'stopping' || row.status === 'ended') return
  await core.store.transaction(async (tx) => {
    const ended = await core.recordings.update(
      tx,
      '*',
      row.id,
      { status: 'stopping', tm_end: now() },
      { where: { status: row.status } },
    )
    if (!ended) return
    await core.jobs.cancel(tx, balanceKey(row.id))
    await core.jobs.enqueue(tx, 'recording.store', { recording_id: row.id }, {})
  })
  await core.change(row.reference_id, (call) =>
    call.recording_id === row.id ? { call: { ...call, recording_id: nilId }, events: ['updated'] } : undefined,
  )
}

/** Moves the file from the node to where it stays, and tells of it once. Runs until it succeeds. */
export async function storeRecording(core: Core, recordingId: string): Promise<void> {
  const row = await core.recordings.find(core.store, '*', recordingId)
  if (row?.status !== 'stopping') return
  if (row.sides) await hangUpListeners(core, row)
  const stored = row.tm_start === null ? undefined : await fetchFile(core, row)
  // Nobody heard that it began, so nobody waits for its end, and nobody pays for it.
  if (row.tm_start === null) await releaseRecording(core, row)
  if (row.tm_start === null && row.sides) await discard(core, row)
  const ended = await core.store.transaction(async (tx) => {
    const changes = { status: 'ended' as const, ...stored }
    const ended = await core.recordings.update(tx, '*', row.id, changes, { where: { status: 'stopping' } })
    if (ended && row.tm_start !== null) await core.emit(tx, 'recording', 'finished', ended)
    if (ended?.delete_at_end) await removeRecording(core, tx, '*', row.id)
    return ended
  })
  if (stored && !ended?.delete_at_end) await runEndFlow(core, row)
}

const releaseRecording = (core: Core, { id, customer_id }: Pick<RecordingRow, 'id' | 'customer_id'>) =>
  orUndefined(
    core.managers.billing.reservation.release(
      { reference_type: 'recording', reference_id: id },
      { identity: internalIdentity(customer_id) },
    ),
  )

/** Deletes a recording with its file: at once, or when what goes on has ended, been stored and is paid for. */
export async function deleteRecording(core: Core, scope: Scope, id: string): Promise<RecordingRow | undefined> {
  const unfinished = { status: ['initiating', 'recording', 'stopping'] as const }
  const marked = await core.recordings.update(core.store, scope, id, { delete_at_end: true }, { where: unfinished })
  if (!marked) return core.store.transaction((tx) => removeRecording(core, tx, scope, id))
  await stopRecording(core, id)
  return (await core.recordings.find(core.store, scope, id)) ?? marked
}

async function removeRecording(core: Core, tx: Tx, scope: Scope, id: string): Promise<RecordingRow | undefined> {
  const deleted = await core.recordings.softDelete(tx, scope, id)
  if (!deleted) return undefined
  const { customer_id, file_id } = deleted
  await core.emit(tx, 'recording', 'deleted', deleted)
  await core.jobs.enqueue(tx, 'recording.delete_file', { customer_id, file_id }, {})
  return deleted
}

async function fetchFile(
  core: Core,
  row: RecordingRow,
): Promise<Pick<RecordingRow, 'filesize' | 'sha256' | 'uri_download'> | undefined> {
  const key = keyOf(row)
  const stored = await core
    .ari(row.asterisk_id)
    .storeRecording(row.id, key, sideNames(row))
    .catch((error: unknown) => {
      // The node has no such file: nothing was recorded, for example because it was restarted.
      if ((error as { reason?: string }).reason === 'ARI_REQUEST_FAILED') return undefined
      throw error
    })
  if (!stored) return undefined
  const { uri_download } = await core.managers.storage.storage_file.register(
    {
      id: row.file_id,
      reference_type: 'recording',
      reference_id: row.id,
      type: 'recording',
      filename: `${row.id}.wav`,
      content_type: 'audio/wav',
      key,
      ...stored,
    },
    { identity: internalIdentity(row.customer_id) },
  )
  return { ...stored, uri_download }
}

async function runEndFlow(core: Core, row: RecordingRow): Promise<void> {
  const { id, customer_id, on_end_flow_id, activeflow_id: reference_activeflow_id } = row
  if (on_end_flow_id === nilId) return
  const reference = { reference_type: 'recording', reference_id: id, reference_activeflow_id } as const
  const variables = {
    'voipbin.recording.id': id,
    'voipbin.recording.reference_type': row.reference_type,
    'voipbin.recording.reference_id': row.reference_id,
    'voipbin.recording.format': row.format,
    'voipbin.recording.recording_name': id,
    'voipbin.recording.filenames': `${id}.wav`,
  }
  // With the id of the recording, so that a repeat does not run it twice.
  await core.managers.flow.activeflow
    .execute({ id, flow_id: on_end_flow_id, ...reference, variables }, { identity: internalIdentity(customer_id) })
    .catch((err: unknown) =>
      core.log.warn({ err, recording_id: id }, 'the flow at the end of a recording was not started'),
    )
}
