import { type Channel, channelView, emitChannel, hangupChannel } from '../call/channel.ts'
import { channelFunction } from '../call/channel-functions.ts'
import { rtpStatistics } from '../call/rtp-quality.ts'
import { isTransferState, transferProgress } from '../call/transfer.ts'
import { controlled, findChannel } from './find-channel.ts'
import {
  type AriContext,
  AriError,
  type AriReply,
  type AriRequest,
  integer,
  NO_CONTENT,
  ok,
  type Routes,
  text,
} from './route.ts'

const REASONS = new Map<string, number>(
  Object.entries({
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
  }),
)

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
  const cause = REASONS.get(reason ?? 'normal')
  if (cause === undefined) throw new AriError(400, 'Invalid reason for hangup reason provided', 'Invalid Reason')
  return cause
}

const simple = (run: (channel: Channel, context: AriContext) => void) => (context: AriContext, request: AriRequest) => {
  run(controlled(context, request), context)
  return NO_CONTENT
}

function setVariable(context: AriContext, request: AriRequest): AriReply {
  const channel = controlled(context, request)
  const variable = text(request.args, 'variable')
  if (variable === undefined) throw new AriError(400, 'Variable name is required')
  const value = text(request.args, 'value') ?? ''
  const change = channelFunction(variable)
  if (change) {
    change.set(context.core, channel, change.argument, value)
    return NO_CONTENT
  }
  channel.variables.set(variable, value)
  emitChannel(context.core, 'ChannelVarset', channel, { variable, value })
  return NO_CONTENT
}

function getVariable(context: AriContext, request: AriRequest): AriReply {
  const variable = text(request.args, 'variable')
  if (variable === undefined) throw new AriError(400, 'Variable name is required')
  const channel = findChannel(context, request.params.channelId)
  const read = channelFunction(variable)
  const value = read ? read.get(channel, read.argument) : readVariable(channel, variable)
  if (read && value === undefined) throw new AriError(500, 'Unable to read provided function')
  if (value === undefined) throw new AriError(404, 'Provided variable was not found', 'Variable Not Found')
  return ok({ value })
}

/** The dialplan functions that ARI clients read, and plain variables. */
function readVariable(channel: Channel, name: string): string | undefined {
  const { caller } = channel
  switch (name.replaceAll(' ', '')) {
    case 'CALLERID(num)':
    case 'CALLERID(number)':
      return caller.number
    case 'CALLERID(name)':
      return caller.name
    case 'CALLERID(all)':
      return `"${caller.name}" <${caller.number}>`
    case 'CHANNEL(state)':
      return channel.state
    case 'CHANNEL(name)':
      return channel.name
    case 'CHANNEL(pjsip,call-id)':
      return channel.protocolId
  }
  const header = /^PJSIP_HEADER\(read,\s*([^,)\s]+)\s*(?:,\s*1\s*)?\)$/.exec(name)?.[1]
  return channel.variables.get(header === undefined ? name : `PJSIP_HEADER(read,${header.toLowerCase()})`)
}

export const channelRoutes: Routes = {
  'GET /channels': ({ core }) => ok([...core.channels.values()].map(channelView)),
  'GET /channels/:channelId': (context, { params }) => ok(channelView(findChannel(context, params.channelId))),
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
  'POST /channels/:channelId/transfer_progress': (context, request) => {
    const channel = controlled(context, request)
    const state = text(request.args, 'states')
    if (state === undefined) throw new AriError(400, 'states must not be empty')
    if (!isTransferState(state)) throw new AriError(400, 'Invalid states value')
    transferProgress(context.core, channel, state)
    return NO_CONTENT
  },
  'GET /channels/:channelId/rtp_statistics': (context, { params }) => {
    const channel = findChannel(context, params.channelId)
    const quality = channel.media.quality()
    if (!quality) throw new AriError(403, 'Unsupported channel type')
    return ok(rtpStatistics(channel, quality))
  },
  'GET /channels/:channelId/variable': getVariable,
  'POST /channels/:channelId/variable': setVariable,
}
