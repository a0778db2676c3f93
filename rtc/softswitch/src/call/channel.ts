import type { MediaSession } from '../media/index.ts'
import { causeText } from '../sip/q850.ts'
import type { Replaces } from '../sip/refer.ts'
import type { Bridge } from './bridge.ts'
import { type Core, timestamp } from './core.ts'
import { createJobQueue, type JobQueue } from './job-queue.ts'
import { tellQuality } from './rtp-quality.ts'

export type ChannelState = 'Down' | 'Ring' | 'Ringing' | 'Up'

export interface Party {
  name: string
  number: string
}

/** What a channel can be told, whatever it is made of (SIP, Local, Snoop). */
interface ChannelTech {
  ring?(): void
  progress?(): void
  answer?(): void
  /** Starts a channel that was made without being dialled. */
  dial?(timeoutSeconds: number): void
  /** Tells the phone how the transfer goes that it asked for; false: it asked for none. */
  tellTransfer?(status: number): boolean
  isNamedBy?(replaces: Replaces): boolean
  /** Ends in `destroyChannel`. */
  hangup(cause: number): void
}

export interface Channel {
  readonly id: string
  readonly name: string
  /** The SIP Call-ID. */
  protocolId: string
  state: ChannelState
  caller: Party
  connected: Party
  readonly dialplan: { context: string; exten: string; priority: number; app_name: string; app_data: string }
  readonly createdAt: string
  readonly variables: Map<string, string>
  readonly endpoint: string
  readonly media: MediaSession
  readonly jobs: JobQueue
  tech: ChannelTech
  app: string | undefined
  bridge: Bridge | undefined
  /** The channel that this one listens in on. */
  spied: Channel | undefined
  /** Whether the others in its bridge get its digits. */
  passesDigits: boolean
  /** Its phone has put the call on hold. */
  holds: boolean
  /** It hears music because the one it talks to holds. */
  waits: boolean
  /** The transfer that its phone asked for last, as ARI shows it. */
  transferTo: Record<string, unknown> | undefined
  ended: boolean
  /** Run once when the channel ends, before anybody is told. */
  readonly onEnd: Set<() => void>
}

/** The object ARI shows. */
export const channelView = (channel: Channel) => ({
  id: channel.id,
  name: channel.name,
  state: channel.state,
  protocol_id: channel.protocolId,
  caller: channel.caller,
  connected: channel.connected,
  accountcode: '',
  dialplan: channel.dialplan,
  creationtime: channel.createdAt,
  language: 'en',
})

const about = (channel: Channel) => ({ channel: channel.id, bridge: channel.bridge?.id, endpoint: channel.endpoint })

export function emitChannel(core: Core, type: string, channel: Channel, fields: Record<string, unknown> = {}): void {
  core.emit({ type, timestamp: timestamp(), ...fields, channel: channelView(channel) }, about(channel))
}

export function createChannel(
  core: Core,
  options: {
    id: string
    name: string
    endpoint: string
    state: ChannelState
    media: MediaSession
    caller?: Party | undefined
    exten?: string | undefined
    protocolId?: string | undefined
    variables?: Map<string, string> | undefined
  },
): Channel {
  const channel: Channel = {
    id: options.id,
    name: options.name,
    endpoint: options.endpoint,
    protocolId: options.protocolId ?? '',
    state: options.state,
    caller: options.caller ?? { name: '', number: '' },
    connected: { name: '', number: '' },
    dialplan: { context: options.endpoint, exten: options.exten ?? 's', priority: 1, app_name: '', app_data: '' },
    createdAt: timestamp(),
    variables: options.variables ?? new Map(),
    media: options.media,
    jobs: createJobQueue(),
    tech: { hangup: (cause) => destroyChannel(core, channel, cause) },
    app: undefined,
    bridge: undefined,
    spied: undefined,
    passesDigits: true,
    holds: false,
    waits: false,
    transferTo: undefined,
    ended: false,
    onEnd: new Set(),
  }
  core.channels.set(channel.id, channel)
  emitChannel(core, 'ChannelCreated', channel)
  channel.media.on('dtmf', (digit, durationMs) => digitReceived(core, channel, digit, durationMs))
  return channel
}

export function digitReceived(core: Core, channel: Channel, digit: string, durationMs: number): void {
  if (channel.ended) return
  emitChannel(core, 'ChannelDtmfReceived', channel, { digit, duration_ms: durationMs })
  if (!channel.passesDigits) return
  for (const other of channel.bridge?.channels ?? []) {
    if (other !== channel) void other.media.sendDtmf(digit, { durationMs })
  }
}

export function setState(core: Core, channel: Channel, state: ChannelState): void {
  if (channel.state === state || channel.ended) return
  channel.state = state
  emitChannel(core, 'ChannelStateChange', channel)
}

/** Hands a channel to an application. */
export function enterStasis(core: Core, channel: Channel, app: string, args: string[]): void {
  channel.app = app
  channel.dialplan.app_name = 'Stasis'
  channel.dialplan.app_data = [app, ...args].join(',')
  core.subscribe(app, { channel: channel.id })
  core.emit({ type: 'StasisStart', timestamp: timestamp(), args, channel: channelView(channel) }, { app })
}

/** Tells that the end was asked for: by ARI (`soft`), or by the peer with a cause. */
export function emitHangupRequest(
  core: Core,
  channel: Channel,
  fields: { cause?: number; soft?: true; tech_cause?: number },
) {
  emitChannel(core, 'ChannelHangupRequest', channel, fields)
}

/** Asks the other side to end the call; `destroyChannel` follows when it has. */
export function hangupChannel(core: Core, channel: Channel, cause: number): void {
  if (channel.ended) return
  emitHangupRequest(core, channel, { cause: 32, soft: true })
  channel.tech.hangup(cause)
}

/**
 * The one end of every channel: each is destroyed exactly once, after it left its bridge, its playbacks and recordings
 * are over, and it left its application.
 */
export function destroyChannel(core: Core, channel: Channel, cause: number, techCause = 0): void {
  if (channel.ended) return
  channel.ended = true
  for (const run of channel.onEnd) run()
  channel.bridge?.remove(channel)
  tellQuality(core, channel)
  channel.media.close()
  channel.jobs.whenIdle(() => tellDestroyed(core, channel, cause, techCause))
}

function tellDestroyed(core: Core, channel: Channel, cause: number, techCause: number) {
  if (channel.app !== undefined) {
    core.emit({ type: 'StasisEnd', timestamp: timestamp(), channel: channelView(channel) }, { app: channel.app })
  }
  core.channels.delete(channel.id)
  channel.dialplan.app_name = ''
  channel.dialplan.app_data = ''
  const tech = techCause === 0 ? {} : { tech_cause: techCause }
  emitChannel(core, 'ChannelDestroyed', channel, { cause, cause_txt: causeText(cause), ...tech })
}
