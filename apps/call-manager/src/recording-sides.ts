import type { CallRow, RecordingRow } from './call-row.ts'
import type { Core } from './core.ts'

/** What the phone says, or what it hears. */
type Side = 'in' | 'out'

/** A channel that listens to a call for a recording: to one side, or to both. */
export interface Listener {
  recordingId: string
  side?: Side | undefined
}

// Asterisk makes no channel whose id another one's begins with.
export const snoopId = ({ recordingId, side }: Listener): string => `snoop-${side ? `${side}-` : ''}${recordingId}`

export function parseSnoopId(channelId: string): Listener | undefined {
  const [, side, recordingId] = /^snoop-(?:(in|out)-)?([0-9a-f-]{36})$/.exec(channelId) ?? []
  return recordingId ? { recordingId, side: side as Side | undefined } : undefined
}

/** Under which names the node of a recording keeps the left and the right; undefined where it keeps both in one file. */
export const sideNames = ({ id, sides }: RecordingRow): [string, string] | undefined =>
  sides ? [`${id}-in`, `${id}-out`] : undefined

const namesOf = (row: RecordingRow): string[] => [row.id, ...(sideNames(row) ?? [])]

/** Whether two channels take a recording of each side, because the node's own have one channel. */
export const needsSides = async (core: Core, asterisk_id: string, channels: number): Promise<boolean> =>
  channels === 2 && (await core.ari(asterisk_id).recordChannels()) < channels

/** Makes a channel that listens to a call. One that is there stays. */
export const listen = (core: Core, { asterisk_id, channel_id }: CallRow, listener: Listener): Promise<void> =>
  core.ari(asterisk_id).snoop(channel_id, snoopId(listener), { spy: listener.side ?? 'both', whisper: 'none' })

/** Records what its channels hear, all from the same moment on. What both sides say decides when it ends. */
export async function record(core: Core, row: RecordingRow): Promise<void> {
  const ari = core.ari(row.asterisk_id)
  const { id, duration: maxDurationSeconds, end_of_silence: maxSilenceSeconds, channels } = row
  const apart = (side: Side) => {
    const limits = { maxDurationSeconds, maxSilenceSeconds: 0, channels: 1 }
    return ari.record(snoopId({ recordingId: id, side }), `${id}-${side}`, limits)
  }
  const whole = { maxDurationSeconds, maxSilenceSeconds, channels: row.sides ? 1 : channels }
  await Promise.all([...(row.sides ? [apart('in'), apart('out')] : []), ari.record(row.channel_id, id, whole)])
}

export async function pause(core: Core, row: RecordingRow, paused: boolean): Promise<void> {
  const ari = core.ari(row.asterisk_id)
  await Promise.all(namesOf(row).map((name) => ari.pauseRecording(name, paused)))
}

/** Ends the channels that listen, and what is recorded of them. May be repeated. */
export async function hangUpListeners(
  core: Core,
  { id: recordingId, asterisk_id, sides }: RecordingRow,
): Promise<void> {
  for (const side of sides ? ([undefined, 'in', 'out'] as const) : [undefined]) {
    await core.ari(asterisk_id).hangUp(snoopId({ recordingId, side }), 16)
  }
}

/** Throws away what the node has of a recording. */
export async function discard(core: Core, row: RecordingRow): Promise<void> {
  for (const name of namesOf(row)) await core.ari(row.asterisk_id).discardRecording(name)
}
