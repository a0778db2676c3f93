import { randomUUID } from 'node:crypto'
import { type Channel, channelView, enterStasis } from '../call/channel.ts'
import { startMusic, stopMusic } from '../call/hold-music.ts'
import { isRecordingName } from '../call/media-source.ts'
import { channelTarget, playbackView, startPlayback } from '../call/playback.ts'
import {
  channelRecordTarget,
  type RecordOptions,
  recordingExists,
  recordingView,
  startRecording,
} from '../call/recording.ts'
import { createSnoop, type Direction } from '../call/snoop.ts'
import { controlled, findChannel } from './find-channel.ts'
import {
  type AriContext,
  AriError,
  type AriReply,
  type AriRequest,
  appArgs,
  flag,
  integer,
  list,
  NO_CONTENT,
  ok,
  type Routes,
  text,
} from './route.ts'

function play(context: AriContext, request: AriRequest): AriReply {
  const channel = controlled(context, request)
  return playOn(context, request, channelTarget(channel), new AriError(500, 'Failed to queue media for playback'))
}

/** Plays to a channel or a bridge; `nothing` is what each answers when there is no media. */
export function playOn(
  { core }: AriContext,
  { args, params }: AriRequest,
  target: Parameters<typeof startPlayback>[1],
  nothing: AriError,
): AriReply {
  const [skipMs, offsetMs] = [integer(args, 'skipms', 3000), integer(args, 'offsetms', 0)]
  if (skipMs < 0) throw new AriError(400, 'skipms cannot be negative')
  if (offsetMs < 0) throw new AriError(400, 'offsetms cannot be negative')
  const media = list(args, 'media')
  if (media.length === 0) throw nothing
  const id = params.playbackId ?? text(args, 'playbackId')
  if (id !== undefined && core.playbacks.has(id)) throw new AriError(409, `Playback with id '${id}' already exists`)
  return { status: 201, body: playbackView(startPlayback(core, target, media, { skipMs, offsetMs }, id)) }
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
  const channels = integer(args, 'channels', 1)
  if (channels !== 1 && channels !== 2) throw new AriError(400, 'channels must be 1 or 2')
  return {
    name,
    maxDurationSeconds,
    maxSilenceSeconds,
    channels,
    beep: flag(args, 'beep'),
    terminateOn: terminateOn as RecordOptions['terminateOn'],
  }
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

const music = (control: (channel: Channel) => void) => (context: AriContext, request: AriRequest) => {
  control(controlled(context, request))
  return NO_CONTENT
}

/** Packets without sound, for peers that take their absence for a broken call. */
const quiet = (on: boolean) => (context: AriContext, request: AriRequest) => {
  controlled(context, request).media.sendSilence(on)
  return NO_CONTENT
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
  const app = text(args, 'app')
  if (app === undefined) throw new AriError(400, 'Application name is required')
  const id = params.snoopId ?? text(args, 'snoopId')
  if (id !== undefined && context.core.channels.has(id))
    throw new AriError(409, 'Channel with given unique ID already exists')
  const channel = createSnoop(context.core, spied, {
    id: id ?? randomUUID(),
    spy: spy as Direction,
    whisper: whisper as Direction,
  })
  setImmediate(() => channel.ended || enterStasis(context.core, channel, app, appArgs(args)))
  return ok(channelView(channel))
}

export const channelMediaRoutes: Routes = {
  // As chan_pjsip by default: the peer hears music, and is not told by a re-INVITE.
  'POST /channels/:channelId/hold': music(startMusic),
  'DELETE /channels/:channelId/hold': music(stopMusic),
  'POST /channels/:channelId/moh': music(startMusic),
  'DELETE /channels/:channelId/moh': music(stopMusic),
  'POST /channels/:channelId/silence': quiet(true),
  'DELETE /channels/:channelId/silence': quiet(false),
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
  'POST /channels/:channelId/snoop': snoop,
  'POST /channels/:channelId/snoop/:snoopId': snoop,
}
