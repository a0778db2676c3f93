import type { EventEnvelope } from '@sidetone/contract'
import type { AriEvent } from '@sidetone/proto-schemas/asterisk'
import { newId, now } from '@sidetone/store'
import { parseEchoChannelId } from './actions/echo.ts'
import { currentOf } from './actions/index.ts'
import { parsePlaybackId } from './actions/playing.ts'
import { onAmdEvent } from './amd.ts'
import type { CallRow } from './call-row.ts'
import type { Core } from './core.ts'
import { onMediaChannelReady, parseMediaChannelId } from './external-media.ts'
import { type AriChannel, receiveCall, stasisArgsOf } from './incoming.ts'
import { qualityOf } from './quality.ts'
import { reconcileNode } from './reaper.ts'
import { parseSnoopId } from './recording-sides.ts'
import { endRecording, onRecordedDigit, onSnoopReady } from './recordings.ts'
import { keepReferral, type ReferTo } from './transfers.ts'

/** The fields of ARI events that are read here. */
interface Fields {
  channel: AriChannel
  peer: AriChannel
  dialstatus: string
  args?: string[]
  cause?: number
  /** The SIP response that ended it. */
  tech_cause?: number
  digit: string
  duration_ms?: number
  /** Milliseconds that were talked. */
  duration?: number
  playback: { id: string; state: string; reason?: string }
  recording: { name: string }
  state?: string
  refer_to: ReferTo
  referred_by: { source_channel: AriChannel }
  variable: string
  value: string
}

type Handle = (core: Core, asteriskId: string, fields: Fields, envelope: EventEnvelope) => Promise<unknown>

/** What is done about each event of an RTC node; others are of no interest. */
const handlers: Record<string, Handle> = {
  NodeConnected: (core, asteriskId) => reconcileNode(core, asteriskId),

  async StasisStart(core, asteriskId, { channel, args }) {
    const stasisArgs = stasisArgsOf(args)
    if (stasisArgs.direction === 'in') return receiveCall(core, asteriskId, channel, stasisArgs)
    const listener = parseSnoopId(channel.id)
    if (listener) return onSnoopReady(core, listener)
    const echo = parseEchoChannelId(channel.id)
    if (echo) return core.signal(echo.id, { type: 'echo_ready' }, echo.turn)
    if (parseMediaChannelId(channel.id)) return onMediaChannelReady(core, asteriskId, channel.id)
    // A leg that we dialled enters the application when it is answered; with early media it is there from the beginning.
    const call = channel.state === 'Up' ? await legOf(core, asteriskId, channel) : undefined
    return call?.direction === 'outgoing' && core.apply(call.id, { type: 'answered' })
  },

  async ChannelStateChange(core, asteriskId, { channel }) {
    const call = await legOf(core, asteriskId, channel)
    if (channel.state === 'Ringing') return call && core.apply(call.id, { type: 'ringing' })
    if (channel.state !== 'Up' || !call) return
    if (call.direction === 'incoming' || call.early_media) return core.apply(call.id, { type: 'answered' })
  },

  async Dial(core, asteriskId, { peer, dialstatus }) {
    const call = dialstatus === 'PROGRESS' ? await legOf(core, asteriskId, peer) : undefined
    return call?.early_media && core.signal(call.master_call_id, { type: 'leg_speaks', leg_id: call.id })
  },

  async ChannelVarset(core, asteriskId, { channel, variable, value }) {
    const quality = variable === 'RTPAUDIOQOS' ? qualityOf(value) : undefined
    const call = quality && (await legOf(core, asteriskId, channel))
    if (!call) return
    await core.change(call.id, (row) => (row.status === 'hangup' ? undefined : { call: { ...row, quality } }))
  },

  async ChannelDestroyed(core, asteriskId, { channel, cause = 16, tech_cause: status }) {
    const listener = parseSnoopId(channel.id)
    if (listener) return listener.side ? undefined : endRecording(core, listener.recordingId)
    const call = await legOf(core, asteriskId, channel)
    return call && core.apply(call.id, { type: 'gone', cause, channel_id: channel.id, ...(status && { status }) })
  },

  async ChannelTalkingStarted(core, asteriskId, { channel }) {
    const call = await legOf(core, asteriskId, channel)
    return call?.amd && onAmdEvent(core, call.id, { type: 'started' })
  },

  async ChannelTalkingFinished(core, asteriskId, { channel, duration = 0 }) {
    const call = await legOf(core, asteriskId, channel)
    return call?.amd && onAmdEvent(core, call.id, { type: 'finished', durationMs: duration })
  },

  async ChannelToneDetected(core, asteriskId, { channel }) {
    const call = await legOf(core, asteriskId, channel)
    return call?.amd && onAmdEvent(core, call.id, { type: 'beep' })
  },

  async ChannelDtmfReceived(core, asteriskId, { channel, digit, duration_ms = 0 }, { id: eventId }) {
    const call = await legOf(core, asteriskId, channel)
    return call && onDigit(core, call, { digit, duration: duration_ms, eventId })
  },

  async ChannelTransfer(core, asteriskId, { state, refer_to, referred_by }, { time }) {
    // With a state it repeats what we have said ourselves.
    const call = state === undefined ? await legOf(core, asteriskId, referred_by.source_channel) : undefined
    return call && keepReferral(core, { call_id: call.id, refer_to, asked_at: time })
  },

  async PlaybackFinished(core, _asteriskId, { playback }) {
    const played = parsePlaybackId(playback.id)
    if (!played) return
    const { state, reason } = playback
    const about = { call_id: played.id, index: played.index }
    if (reason !== undefined) core.log.warn({ ...about, reason }, 'media could not be played')
    else if (state === 'failed') core.log.info(about, 'media was not played to its end')
    await core.signal(played.id, { type: 'playback_finished', index: played.index }, played.turn)
  },

  RecordingFinished: (core, _asteriskId, { recording }) => endRecording(core, recording.name),
  RecordingFailed: (core, _asteriskId, { recording }) => endRecording(core, recording.name),
}

/** Events of one channel come one after the other. */
export async function onAriEvent(core: Core, envelope: EventEnvelope, { asterisk_id, event }: AriEvent): Promise<void> {
  await handlers[event.type]?.(core, asterisk_id, event as unknown as Fields, envelope)
}

/** What a leg that we dialled reports may be here before we know which node dials it. */
async function legOf({ store, calls }: Core, asterisk_id: string, { id }: AriChannel): Promise<CallRow | undefined> {
  return calls.findBy(store, '*', { channel_id: id, asterisk_id: [asterisk_id, ''] })
}

interface Digit {
  digit: string
  duration: number
  eventId: string
}

const maxTyped = 200

async function onDigit(core: Core, call: CallRow, { digit, duration, eventId }: Digit): Promise<void> {
  const isNew = await core.change(call.id, (row) => {
    // Ids of events grow: what is not after the last one is a repeat.
    if (row.status === 'hangup' || eventId <= row.last_digit_event) return undefined
    const current = row.phase === 'running' ? currentOf(row) : undefined
    const kept = !(typeof current === 'object' && current.action.passesDigits) && row.typed.length < maxTyped
    return {
      call: { ...row, last_digit_event: eventId, typed: kept ? row.typed + digit : row.typed },
      also: (tx) =>
        core.emit(tx, 'dtmf', 'received', {
          id: newId(),
          customer_id: row.customer_id,
          call_id: row.id,
          digit,
          duration,
          tm_create: now(),
        }),
    }
  })
  if (isNew) await onRecordedDigit(core, isNew, digit)
  // Also for a repeat: the first time may have been cut off before this.
  await core.signal(call.id, { type: 'digit' })
}
