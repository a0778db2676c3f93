import { randomUUID } from 'node:crypto'
import { type Channel, channelView, emitChannel, enterStasis, type Party } from '../call/channel.ts'
import { codecsOf } from '../call/endpoints.ts'
import { outboundChannelFor } from '../call/originate.ts'
import type { CodecName } from '../media/types.ts'
import {
  type AriContext,
  AriError,
  type AriReply,
  type AriRequest,
  allocationFailed,
  appArgs,
  integer,
  ok,
  type Routes,
  text,
} from './route.ts'

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

/** What to offer; formats that are not for RTP (`slin`) or not spoken here are passed over, as long as one is left. */
function formatsOf(formats: string | undefined): CodecName[] | undefined {
  if (formats === undefined) return undefined
  const codecs = codecsOf(formats)
  if (codecs.length === 0) throw new AriError(400, 'Invalid formats')
  return codecs
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
  const create = outboundChannelFor(context, endpoint)
  if (!create) throw allocationFailed()
  if (context.full()) {
    context.core.count('calls_refused_full')
    throw allocationFailed()
  }
  const variables = variablesOf(args)
  const codecs = formatsOf(text(args, 'formats'))
  const caller = callerId(text(args, 'callerId'))
  const channel = await create(context, { id: id ?? randomUUID(), caller, variables, codecs, onAnswered })
  if (!channel) throw allocationFailed()
  for (const [variable, value] of variables) {
    if (!variable.startsWith('PJSIP_HEADER(')) emitChannel(context.core, 'ChannelVarset', channel, { variable, value })
  }
  return channel
}

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

export const originateRoutes: Routes = {
  'POST /channels': originate,
  'POST /channels/create': async (context, { args }) => {
    const app = text(args, 'app') ?? ''
    const channel = await makeOutbound(context, args, text(args, 'channelId'), () => {})
    enterStasis(context.core, channel, app, appArgs(args))
    return ok(channelView(channel))
  },
  'POST /channels/:channelId': originate,
}
