import { randomUUID } from 'node:crypto'
import type { AudioSource, Playing } from '../media/index.ts'
import type { Bridge } from './bridge.ts'
import type { Channel } from './channel.ts'
import { type About, type Core, timestamp } from './core.ts'
import type { JobQueue } from './job-queue.ts'

type PlaybackState = 'queued' | 'playing' | 'paused' | 'continuing' | 'done' | 'failed'

/** Some media played one after the other to a channel or a bridge. */
export interface Playback {
  readonly id: string
  readonly media: string[]
  readonly targetUri: string
  index: number
  state: PlaybackState
  /** Why it failed; absent when its call or bridge ended first. Asterisk never tells. */
  reason?: string
  stop(): void
  pause(): void
  unpause(): void
  /** Moves within what plays now. */
  control(operation: 'restart' | 'reverse' | 'forward'): void
}

export interface PlaybackOptions {
  /** How far `reverse` and `forward` go. */
  skipMs: number
  /** Where the first of the media begins. */
  offsetMs: number
}

/** Where sound goes to. */
interface Target {
  uri: string
  about: About
  jobs: JobQueue
  onEnd: Set<() => void>
  play(source: AudioSource): Playing
  /** Opens the way for audio on a call that is not answered. */
  prepare(): void
}

export const channelTarget = (channel: Channel): Target => ({
  uri: `channel:${channel.id}`,
  about: { channel: channel.id },
  jobs: channel.jobs,
  onEnd: channel.onEnd,
  play: (source) => channel.media.play(source),
  prepare: () => channel.state !== 'Up' && channel.tech.progress?.(),
})

export const bridgeTarget = (bridge: Bridge): Target => ({
  uri: `bridge:${bridge.id}`,
  about: { bridge: bridge.id },
  jobs: bridge.jobs,
  onEnd: bridge.onEnd,
  play: (source) => bridge.mixer.play(source),
  prepare() {},
})

export function playbackView({ id, media, index, targetUri, state, reason }: Playback) {
  const next = media[index + 1]
  return {
    id,
    media_uri: media[index]!,
    ...(next !== undefined && { next_media_uri: next }),
    target_uri: targetUri,
    language: 'en',
    state,
    ...(state === 'failed' && reason !== undefined && { reason }),
  }
}

export function startPlayback(
  core: Core,
  target: Target,
  media: string[],
  { skipMs, offsetMs }: PlaybackOptions,
  id: string = randomUUID(),
): Playback {
  let playing: Playing | undefined
  let over: 'stopped' | 'target ended' | undefined
  const isOver = Promise.withResolvers<void>()
  /** From here on nothing more of it is heard or told than that it has finished. */
  const end = (how: typeof over) => {
    over ??= how
    isOver.resolve()
    playing?.stop()
  }

  const playback: Playback = {
    id,
    media,
    targetUri: target.uri,
    index: 0,
    state: 'queued',
    stop: () => end('stopped'),
    pause() {
      playback.state = 'paused'
      playing?.pause()
    },
    unpause() {
      if (playback.state === 'paused') tell('PlaybackStarted', 'playing')
      playing?.resume()
    },
    control(operation) {
      const ms = { restart: Number.NEGATIVE_INFINITY, reverse: -skipMs, forward: skipMs }
      playing?.skip(ms[operation])
    },
  }
  core.playbacks.set(id, playback)
  // Loading begins at once, so that what was asked for in time plays without a gap.
  const loading = media.map((uri) => core.loadMedia(uri).catch((error: unknown) => error as Error))
  const onTargetEnd = () => end('target ended')
  target.onEnd.add(onTargetEnd)

  function tell(type: string, state: PlaybackState) {
    playback.state = state
    core.emit({ type, timestamp: timestamp(), playback: playbackView(playback) }, target.about)
  }

  async function playOne(index: number): Promise<boolean> {
    const source = await Promise.race([loading[index]!, isOver.promise])
    if (over || !source) return false
    tell('PlaybackStarted', 'playing')
    if (source instanceof Error) {
      playback.reason = source.message
      return false
    }
    if (index === 0 && offsetMs > 0) source.skip?.(offsetMs)
    playing = target.play(source)
    // A source that breaks in the middle counts as failed media.
    return playing.done.catch((error: Error) => {
      playback.reason = error.message
      return false
    })
  }

  target.jobs.add(async () => {
    let failed = false
    if (!over) target.prepare()
    for (let index = 0; index < media.length && over !== 'stopped' && !failed; index++) {
      playback.index = index
      if (index > 0) tell('PlaybackContinuing', 'continuing')
      failed = !(await playOne(index))
    }
    target.onEnd.delete(onTargetEnd)
    core.playbacks.delete(id)
    for (const source of loading.slice(playback.index + 1)) {
      void source.then((loaded) => (loaded instanceof Error ? undefined : loaded.close?.()))
    }
    if (!over) playback.reason ??= 'it broke off'
    tell('PlaybackFinished', over === 'stopped' || !failed ? 'done' : 'failed')
  })
  return playback
}
