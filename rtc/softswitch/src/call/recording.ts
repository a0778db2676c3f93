import { existsSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import {
  type AudioSink,
  beepSource,
  type Frame,
  type Playing,
  type Recorder,
  recordWav,
  silence,
  tapSides,
} from '../media/index.ts'
import type { Bridge } from './bridge.ts'
import type { Channel } from './channel.ts'
import { type About, type Core, timestamp } from './core.ts'
import type { JobQueue } from './job-queue.ts'
import { recordingPath } from './media-source.ts'

export interface RecordOptions {
  name: string
  maxDurationSeconds: number
  maxSilenceSeconds: number
  beep: boolean
  terminateOn: 'none' | 'any' | '*' | '#'
  /** 2 keeps what the phone says (left) and hears (right) apart; Asterisk has no such thing. */
  channels: 1 | 2
}

type RecordingState = 'queued' | 'recording' | 'paused' | 'done' | 'failed'

export interface LiveRecording {
  readonly name: string
  readonly targetUri: string
  state: RecordingState
  stop(): void
  /** Ends it and throws it away. */
  cancel(): void
  pause(on: boolean): void
  mute(on: boolean): void
}

interface Target {
  uri: string
  about: About
  jobs: JobQueue
  onEnd: Set<() => void>
  listen(sink: AudioSink): () => void
  /** Both sides apart; absent where there are more than two. */
  listenToSides?(write: (heard: Frame, said: Frame) => void): () => void
  onDigit(heard: (digit: string) => void): () => void
  play(source: ReturnType<typeof beepSource>): Playing
}

export const channelRecordTarget = (channel: Channel): Target => ({
  uri: `channel:${channel.id}`,
  about: { channel: channel.id },
  jobs: channel.jobs,
  onEnd: channel.onEnd,
  listen(sink) {
    channel.media.addSink(sink)
    return () => channel.media.removeSink(sink)
  },
  listenToSides: (write) => tapSides((channel.spied ?? channel).media, write),
  onDigit(heard) {
    channel.media.on('dtmf', heard)
    return () => channel.media.off('dtmf', heard)
  },
  play: (source) => channel.media.play(source),
})

/** A bridge records beside what it plays: neither waits for the other. */
export const bridgeRecordTarget = (bridge: Bridge, jobs: JobQueue): Target => ({
  uri: `bridge:${bridge.id}`,
  about: { bridge: bridge.id },
  jobs,
  onEnd: bridge.onEnd,
  listen(sink) {
    bridge.mixer.addSink(sink)
    return () => bridge.mixer.removeSink(sink)
  },
  onDigit: () => () => {},
  play: (source) => bridge.mixer.play(source),
})

export const recordingView = ({ name, targetUri, state }: LiveRecording) => ({
  name,
  format: 'wav',
  state,
  target_uri: targetUri,
})

export const recordingExists = (core: Core, name: string): boolean =>
  core.recordings.has(name) || existsSync(recordingPath(core.recordingDir, name))

export function startRecording(core: Core, target: Target, options: RecordOptions): LiveRecording {
  const { name, maxDurationSeconds, maxSilenceSeconds } = options
  const path = recordingPath(core.recordingDir, name)
  let recorder: Recorder | undefined
  let over = false
  let discard = false
  let muted = false

  const recording: LiveRecording = {
    name,
    targetUri: target.uri,
    state: 'queued',
    stop() {
      over = true
      void recorder?.stop().catch(() => {}) // `ended` tells of the error
    },
    cancel() {
      discard = true
      recording.stop()
    },
    pause(on) {
      if (recording.state !== 'recording' && recording.state !== 'paused') return
      recording.state = on ? 'paused' : 'recording'
      if (on) recorder?.pause()
      else recorder?.resume()
    },
    mute(on) {
      muted = on
    },
  }
  core.recordings.set(name, recording)
  target.onEnd.add(recording.stop)

  const tell = (type: string, fields: Record<string, unknown> = {}) =>
    core.emit({ type, timestamp: timestamp(), recording: { ...recordingView(recording), ...fields } }, target.about)

  async function record() {
    if (over) return finish('done')
    if (options.beep) await target.play(beepSource()).done.catch(() => false)
    if (over) return finish('done')
    const active = recordWav({
      path,
      maxDurationMs: maxDurationSeconds > 0 ? maxDurationSeconds * 1000 : undefined,
      maxSilenceMs: maxSilenceSeconds > 0 ? maxSilenceSeconds * 1000 : undefined,
      channels: options.channels,
    })
    recorder = active
    recording.state = 'recording'
    tell('RecordingStarted')
    const write = (frame: Frame, right: Frame = silence) =>
      muted ? active.write(silence, silence) : active.write(frame, right)
    const stopListening =
      options.channels === 2 && target.listenToSides ? target.listenToSides(write) : target.listen({ write })
    const stopDigits = target.onDigit((digit) => {
      if (options.terminateOn === 'any' || options.terminateOn === digit) recording.stop()
    })
    const how = await active.ended
    stopListening()
    stopDigits()
    if (how === 'error') return finish('failed')
    const { durationMs, talkingMs } = await active.stop()
    if (discard) await rm(path, { force: true })
    const seconds = (ms: number) => Math.floor(ms / 1000)
    return finish('done', {
      duration: seconds(durationMs),
      ...(maxSilenceSeconds > 0 && {
        talking_duration: seconds(talkingMs),
        silence_duration: seconds(durationMs - talkingMs),
      }),
    })
  }

  function finish(state: 'done' | 'failed', fields: Record<string, unknown> = {}) {
    target.onEnd.delete(recording.stop)
    core.recordings.delete(name)
    recording.state = state
    tell(state === 'failed' ? 'RecordingFailed' : 'RecordingFinished', fields)
  }

  target.jobs.add(record)
  return recording
}
