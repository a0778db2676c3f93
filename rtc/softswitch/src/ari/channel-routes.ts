import { randomUUID } from 'node:crypto'
import { type Channel, channelView, emitChannel, enterStasis, hangupChannel, type Party } from '../call/channel.ts'
import { isRecordingName } from '../call/media-source.ts'
import { outboundChannelFor } from '../call/originate.ts'
import { channelTarget, playbackView, startPlayback } from '../call/playback.ts'
import {
  channelRecordTarget,
  type RecordOptions,
  recordingExists,
  recordingView,
  startRecording,
} from '../call/recording.ts'
import { createSnoop } from '../call/snoop.ts'
import { type AudioSource, silenceSource, toneSource } from '../media/index.ts'
import {
  type AriContext,
  AriError,
  type AriReply,
  type AriRequest,
  allocationFailed,
  flag,
  integer,
  list,
  NO_CONTENT,
  ok,
  type Routes,
  text,
} from './route.ts'

export function findChannel({ core }: AriContext, id: string | undefined): Channel {
  const channel = core.channels.get(id ?? '')
  if (!channel) throw new AriError(404, 'Channel not found')
  return channel
}

/** A channel that an application controls. */
function controlled(context: AriContext, { params }: AriRequest): Channel {
  const channel = findChannel(context, params.channelId)
  if (channel.app === undefined) throw new AriError(409, 'Channel not in Stasis application')
  return channel
}

const REASONS: Record<string, number> = {
  normal: 16,
  busy: 17,
  congestion: 34,
  no_answer: 19,
  timeout: 18,
  rejected: 21,
  unallocated: 1,
  normal_unspecified: 31,
  number_incomplete: 28,
  codec_mismatch: 58,
  interworking: 127,
  failure: 38,
  answered_elsewhere: 26,
}

function hangupCause(args: Record<string, unknown>): number {
  const reason = text(args, 'reason')
  const code = text(args, 'reason_code')
  if (reason !== undefined && code !== undefined) {
    throw new AriError(400, "The reason and reason_code can't both be specified")
  }
  if (code !== undefined) {
    if (!/^\d{1,3}$/.test(code) || Number(code) > 127) {
      throw new AriError(400, 'Invalid reason for hangup reason code provided', 'Invalid Reason Code')
    }
    return Number(code)
  }
  const cause = reason === undefined ? REASONS.normal : REASONS[reason]
  if (cause === undefined) throw new AriError(400, 'Invalid reason for hangup reason provided', 'Invalid Reason')
  return cause
}

/** `"Name" <number>` or a bare number. */
function callerId(value: string | undefined): Party {
  if (value === undefined) return { name: '', number: '' }
  const match = /^\s*"?([^"<]*?)"?\s*<([^>]*)>\s*$/.exec(value)
  return match ? { name: match[1]!.trim(), number: match[2]!.trim() } : { name: '', number: value.trim() }
}

function variablesOf(args: Record<string, unknown>): Map<string, string> {
  const given = args.variables
  if (given === undefined || given === null) return new Map()
  if (typeof given !== 'object' || Array.isArray(given)) throw new AriError(400, "Field 'variables' must be an object")
  const variables = new Map<string, string>()
  for (const [name, entry] of Object.entries(given)) {
    const value = typeof entry === 'object' && entry !== null ? (entry as { value?: unknown }).value : entry
    if (typeof value !== 'string') {
      throw new AriError(
        400,
        "Each value in 'variables' must be a string or an object with 'value' and optional 'report_events'",
      )
    }
    variables.set(name, value)
  }
  return variables
}

async function makeOutbound(
  context: AriContext,
  args: Record<string, unknown>,
  id: string | undefined,
  onAnswered: (channel: Channel) => void,
) {
  const endpoint = text(args, 'endpoint')
  if (endpoint === undefined) throw new AriError(400, 'Endpoint must be specified')
  if (text(args, 'originator') !== undefined && text(args, 'formats') !== undefined) {
    throw new AriError(400, "Originator and formats can't both be specified")
  }
  if (!endpoint.includes('/')) throw new AriError(400, 'Invalid endpoint specified')
  if (text(args, 'app') === undefined) throw new AriError(400, 'Application or extension must be specified')
  const originator = text(args, 'originator')
  if (originator !== undefined && !context.core.channels.has(originator)) {
    throw new AriError(400, 'Provided originator channel was not found')
  }
  if (id !== undefined && context.core.channels.has(id))
    throw new AriError(409, 'Channel with given unique ID already exists')
  const create = outboundChannelFor(endpoint)
  if (!create || context.core.channels.size >= context.maxCalls) throw allocationFailed()
  const variables = variablesOf(args)
  const caller = callerId(text(args, 'callerId'))
  const channel = await create(context, { id: id ?? randomUUID(), caller, variables, onAnswered })
  if (!channel) throw allocationFailed()
  for (const [variable, value] of variables) {
    if (!variable.startsWith('PJSIP_HEADER(')) emitChannel(context.core, 'ChannelVarset', channel, { variable, value })
  }
  return channel
}

const appArgs = (args: Record<string, unknown>): string[] => text(args, 'appArgs')?.split(',') ?? []

async function originate(context: AriContext, { params, args }: AriRequest): Promise<AriReply> {
  const app = text(args, 'app') ?? ''
  const channel = await makeOutbound(context, args, params.channelId ?? text(args, 'channelId'), (answered) =>
    enterStasis(context.core, answered, app, appArgs(args)),
  )
  context.core.subscribe(app, { channel: channel.id })
  const reply = ok(channelView(channel))
  const seconds = integer(args, 'timeout', 30)
  // The response comes before what the dialling brings about.
  setImmediate(() => channel.tech.dial?.(seconds < 0 ? 0 : seconds))
  return reply
}

function play(context: AriContext, request: AriRequest): AriReply {
  const { args, params } = request
  const channel = controlled(context, request)
  if (integer(args, 'skipms', 3000) < 0) throw new AriError(400, 'skipms cannot be negative')
  if (integer(args, 'offsetms', 0) < 0) throw new AriError(400, 'offsetms cannot be negative')
  const media = list(args, 'media')
  if (media.length === 0) throw new AriError(500, 'Failed to queue media for playback')
  const id = params.playbackId ?? text(args, 'playbackId')
  return { status: 201, body: playbackView(startPlayback(context.core, channelTarget(channel), media, id)) }
}

export function recordOptions(context: AriContext, args: Record<string, unknown>): RecordOptions {
  const maxDurationSeconds = integer(args, 'maxDurationSeconds', 0)
  const maxSilenceSeconds = integer(args, 'maxSilenceSeconds', 0)
  if (maxDurationSeconds < 0) throw new AriError(400, 'max_duration_seconds cannot be negative')
  if (maxSilenceSeconds < 0) throw new AriError(400, 'max_silence_seconds cannot be negative')
  const terminateOn = text(args, 'terminateOn') ?? 'none'
  if (!['none', 'any', '*', '#'].includes(terminateOn)) throw new AriError(400, 'terminateOn invalid')
  const ifExists = text(args, 'ifExists') ?? 'fail'
  if (!['fail', 'overwrite'].includes(ifExists)) throw new AriError(400, 'ifExists invalid')
  if (text(args, 'format') !== 'wav') throw new AriError(422, 'specified format is unknown on this system')
  const name = text(args, 'name') ?? ''
  if (!isRecordingName(name)) throw new AriError(400, 'Recording name invalid')
  if (context.core.recordings.has(name) || (ifExists === 'fail' && recordingExists(context.core, name))) {
    throw new AriError(409, `Recording '${name}' already exists and can not be overwritten`)
  }
  const beep = flag(args, 'beep')
  return { name, maxDurationSeconds, maxSilenceSeconds, beep, terminateOn: terminateOn as RecordOptions['terminateOn'] }
}

function mute(on: boolean) {
  return (context: AriContext, request: AriRequest): AriReply => {
    const channel = controlled(context, request)
    const direction = text(request.args, 'direction')
    if (direction === undefined) throw new AriError(400, 'Direction is required')
    if (direction !== 'in' && direction !== 'out' && direction !== 'both') {
      throw new AriError(400, 'Invalid direction specified')
    }
    channel.media.mute(direction, on)
    return NO_CONTENT
  }
}

/** What plays until it is stopped, or replaced by a playback. */
const stopBackground = new WeakMap<Channel, () => void>()

const background = (source: (() => AudioSource) | null) => (context: AriContext, request: AriRequest) => {
  const channel = controlled(context, request)
  stopBackground.get(channel)?.()
  stopBackground.delete(channel)
  if (source) stopBackground.set(channel, channel.media.play(source()).stop)
  return NO_CONTENT
}

/** Music on hold is a soft chime as long as a station has no music of its own. */
const music = () => toneSource('392/400,494/400,587/800,0/1600')
/** Packets without sound, for peers that take their absence for a broken call. */
const quiet = () => silenceSource(Number.POSITIVE_INFINITY)

const simple = (run: (channel: Channel, context: AriContext) => void) => (context: AriContext, request: AriRequest) => {
  run(controlled(context, request), context)
  return NO_CONTENT
}

function setVariable(context: AriContext, request: AriRequest): AriReply {
  const channel = controlled(context, request)
  const variable = text(request.args, 'variable')
  if (variable === undefined) throw new AriError(400, 'Variable name is required')
  const value = text(request.args, 'value') ?? ''
  channel.variables.set(variable, value)
  emitChannel(context.core, 'ChannelVarset', channel, { variable, value })
  return NO_CONTENT
}

function getVariable(context: AriContext, request: AriRequest): AriReply {
  const variable = text(request.args, 'variable')
  if (variable === undefined) throw new AriError(400, 'Variable name is required')
  const channel = findChannel(context, request.params.channelId)
  const value = readVariable(channel, variable)
  if (value === undefined) throw new AriError(404, 'Provided variable was not found', 'Variable Not Found')
  return ok({ value })
}

/** The dialplan functions that ARI clients read, and plain variables. */
function readVariable(channel: Channel, name: string): string | undefined {
  const call = /^(\w+)\(([^)]*)\)$/.exec(name)
  const [, dialplanFunction, argument = ''] = call ?? []
  if (dialplanFunction === 'CALLERID') {
    const { caller } = channel
    const forms: Record<string, string> = {
      num: caller.number,
      number: caller.number,
      name: caller.name,
      all: `"${caller.name}" <${caller.number}>`,
    }
    return forms[argument]
  }
  if (dialplanFunction === 'CHANNEL') {
    const forms: Record<string, string> = {
      state: channel.state,
      name: channel.name,
      'pjsip,call-id': channel.protocolId,
    }
    return forms[argument]
  }
  if (dialplanFunction === 'PJSIP_HEADER')
    return channel.variables.get(
      name
        .replace(/\s/g, '')
        .toLowerCase()
        .replace(/^pjsip_header/, 'PJSIP_HEADER'),
    )
  return channel.variables.get(name)
}

function snoop(context: AriContext, { params, args }: AriRequest): AriReply {
  const spied = findChannel(context, params.channelId)
  const spy = text(args, 'spy') ?? 'none'
  const whisper = text(args, 'whisper') ?? 'none'
  const directions = ['none', 'in', 'out', 'both']
  if (!directions.includes(spy)) throw new AriError(400, 'Invalid direction specified for spy')
  if (!directions.includes(whisper)) throw new AriError(400, 'Invalid direction specified for whisper')
  if (spy === 'none' && whisper === 'none')
    throw new AriError(400, 'Direction must be specified for at least spy or whisper')
  if (whisper !== 'none') throw new AriError(501, 'Whispering is not supported')
  const app = text(args, 'app')
  if (app === undefined) throw new AriError(400, 'Application name is required')
  const id = params.snoopId ?? text(args, 'snoopId')
  if (id !== undefined && context.core.channels.has(id))
    throw new AriError(409, 'Channel with given unique ID already exists')
  const channel = createSnoop(context.core, spied, spy as 'in' | 'out' | 'both', id ?? randomUUID())
  setImmediate(() => channel.ended || enterStasis(context.core, channel, app, appArgs(args)))
  return ok(channelView(channel))
}

export const channelRoutes: Routes = {
  'GET /channels': ({ core }) => ok([...core.channels.values()].map(channelView)),
  'POST /channels': originate,
  'POST /channels/create': async (context, { args }) => {
    const app = text(args, 'app') ?? ''
    const channel = await makeOutbound(context, args, text(args, 'channelId'), () => {})
    enterStasis(context.core, channel, app, appArgs(args))
    return ok(channelView(channel))
  },
  'GET /channels/:channelId': (context, { params }) => ok(channelView(findChannel(context, params.channelId))),
  'POST /channels/:channelId': originate,
  'DELETE /channels/:channelId': (context, { params, args }) => {
    const channel = findChannel(context, params.channelId)
    hangupChannel(context.core, channel, hangupCause(args))
    return NO_CONTENT
  },
  'POST /channels/:channelId/dial': (context, request) => {
    const channel = controlled(context, request)
    if (channel.state !== 'Down' || !channel.tech.dial) throw new AriError(409, 'Channel is not in the Down state')
    channel.tech.dial(Math.max(0, integer(request.args, 'timeout', 0)))
    return NO_CONTENT
  },
  'POST /channels/:channelId/answer': simple((channel) => channel.tech.answer?.()),
  'POST /channels/:channelId/ring': simple((channel) => channel.tech.ring?.()),
  'DELETE /channels/:channelId/ring': simple(() => {}),
  'POST /channels/:channelId/progress': simple((channel) => channel.tech.progress?.()),
  // As chan_pjsip by default: the peer hears music, and is not told by a re-INVITE.
  'POST /channels/:channelId/hold': background(music),
  'DELETE /channels/:channelId/hold': background(null),
  'POST /channels/:channelId/moh': background(music),
  'DELETE /channels/:channelId/moh': background(null),
  'POST /channels/:channelId/silence': background(quiet),
  'DELETE /channels/:channelId/silence': background(null),
  'POST /channels/:channelId/mute': mute(true),
  'DELETE /channels/:channelId/mute': mute(false),
  'POST /channels/:channelId/dtmf': (context, request) => {
    const channel = controlled(context, request)
    const dtmf = text(request.args, 'dtmf')
    if (dtmf === undefined) throw new AriError(400, 'DTMF is required')
    const durationMs = integer(request.args, 'duration', 100)
    const gapMs = integer(request.args, 'between', 100)
    void channel.media.sendDtmf(dtmf.replace(/[^0-9A-Da-d*#]/g, '').toUpperCase(), { durationMs, gapMs })
    return NO_CONTENT
  },
  'POST /channels/:channelId/play': play,
  'POST /channels/:channelId/play/:playbackId': play,
  'POST /channels/:channelId/record': (context, request) => {
    const channel = controlled(context, request)
    const options = recordOptions(context, request.args)
    return { status: 201, body: recordingView(startRecording(context.core, channelRecordTarget(channel), options)) }
  },
  'GET /channels/:channelId/variable': getVariable,
  'POST /channels/:channelId/variable': setVariable,
  'POST /channels/:channelId/snoop': snoop,
  'POST /channels/:channelId/snoop/:snoopId': snoop,
}
