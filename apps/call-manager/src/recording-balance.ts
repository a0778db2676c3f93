import type { Tx } from '@sidetone/store'
import { extended, type Paid, watch } from './balance.ts'
import type { RecordingRow } from './call-row.ts'
import type { Core } from './core.ts'

const paidRecording = ({ id, customer_id, tm_start, tm_create, covered_seconds }: RecordingRow): Paid | undefined =>
  covered_seconds === null ? undefined : { id, customer_id, since: tm_start ?? tm_create, covered_seconds }

/** Asks in time for more than what is paid for. */
export async function watchRecording(core: Core, tx: Tx, recording: RecordingRow): Promise<void> {
  const paid = paidRecording(recording)
  if (paid) await watch(core, tx, 'recording.balance', paid)
}

/** Pays for more of a recording; false when what was paid for is over, and with it the recording. Its call goes on. */
export async function extendRecording(core: Core, id: string): Promise<boolean> {
  const row = await core.recordings.find(core.store, '*', id)
  const isOn = row?.status === 'initiating' || row?.status === 'recording'
  const paid = row && isOn ? paidRecording(row) : undefined
  if (!paid) return true
  const covered_seconds = await extended(core, 'recording', paid)
  if (covered_seconds === undefined) return false
  await core.store.transaction(async (tx) => {
    const longer = await core.recordings.update(tx, '*', id, { covered_seconds }, { where: { status: row!.status } })
    if (longer) await watchRecording(core, tx, longer)
  })
  return true
}
