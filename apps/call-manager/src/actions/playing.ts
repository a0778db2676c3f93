import { AriRefused } from '../ari.ts'
import type { CallRow } from '../call-row.ts'
import type { Core } from '../core.ts'
import type { Outcome, Signal } from './action.ts'

/** Names a playback so that its end finds the call, the action and the place in the list. */
export const playbackId = ({ id, turn }: Pick<CallRow, 'id' | 'turn'>, index: number): string =>
  `${id}.${turn}.${index}`

export function parsePlaybackId(text: string): { id: string; turn: number; index: number } | undefined {
  const [, id, turn, index] = /^([0-9a-f-]{36})\.(\d+)\.(\d+)$/.exec(text) ?? []
  return id ? { id, turn: Number(turn), index: Number(index) } : undefined
}

interface Playing {
  media: string[]
  index: number
}

const playingOf = (call: CallRow): Playing => call.state as unknown as Playing

async function playCurrent(core: Core, call: CallRow): Promise<void> {
  const { media, index } = playingOf(call)
  try {
    await core.ari(call.asterisk_id).play(call.channel_id, playbackId(call, index), media[index]!)
  } catch (error) {
    // Without its channel the call is about to end; any other refusal concerns this piece of media alone.
    if (!(error instanceof AriRefused) || error.status === 404) throw error
    core.log.warn({ err: error, call_id: call.id }, 'media could not be played')
    await core.signal(call.id, { type: 'playback_finished', index }, call.turn)
  }
}

/** Plays media one after another: what fails is skipped. */
export const startPlaying = (core: Core, media: string[]): Outcome => ({
  state: { media, index: 0 } satisfies Playing,
  after: (call) => playCurrent(core, call),
})

/** Goes on with the next piece, or leaves after the last. */
export function onPlaying(core: Core, call: CallRow, signal: Signal): Outcome | undefined {
  const { media, index } = playingOf(call)
  if (signal.type !== 'playback_finished' || signal.index !== index) return undefined
  if (index + 1 >= media.length) return { leave: true }
  return { state: { media, index: index + 1 }, after: (changed) => playCurrent(core, changed) }
}

export const stopPlaying = (core: Core, call: CallRow): Promise<void> =>
  core.ari(call.asterisk_id).stopPlayback(playbackId(call, playingOf(call).index))
