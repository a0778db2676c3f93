import type { MediaEngine } from '../media/index.ts'
import type { Bridge } from './bridge.ts'
import type { Channel } from './channel.ts'
import type { LoadMedia } from './media-source.ts'
import type { Playback } from './playback.ts'
import type { LiveRecording } from './recording.ts'

/** What an event is about; an application gets it when it subscribed to any of them. */
export interface About {
  /** Only this application: StasisStart and StasisEnd. */
  app?: string | undefined
  channel?: string | undefined
  bridge?: string | undefined
  endpoint?: string | undefined
}

export type AriEvent = { type: string } & Record<string, unknown>

/** Everything that lives in the switch, and the one way to tell about it. */
export interface Core {
  readonly channels: Map<string, Channel>
  readonly bridges: Map<string, Bridge>
  readonly playbacks: Map<string, Playback>
  readonly recordings: Map<string, LiveRecording>
  readonly media: MediaEngine
  readonly loadMedia: LoadMedia
  readonly recordingDir: string
  /** The address of a host that a customer named; rejects when it may not be reached. */
  addressOf(host: string): Promise<string>
  warn(fields: Record<string, unknown>, message: string): void
  /** Numbers channels in their names, as `PJSIP/alice-0000001f`. */
  nextChannelName(prefix: string): string
  emit(event: AriEvent, about: About): void
  count(name: 'calls_inbound' | 'calls_outbound' | 'calls_refused_full'): void
  /** Whether an application by this name is connected. */
  hasApp(name: string): boolean
  subscribe(app: string, about: About): void
}

/** Asterisk's form of a time: `2026-11-21T07:06:55.007+0000`. */
export const timestamp = (at: Date = new Date()): string => at.toISOString().replace('Z', '+0000')
