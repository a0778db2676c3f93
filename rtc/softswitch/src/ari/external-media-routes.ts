import { randomUUID } from 'node:crypto'
import { isIP } from 'node:net'
import { audioSocketFormats, createAudioSocketMedia } from '../call/audiosocket-media.ts'
import { type Channel, channelView, enterStasis } from '../call/channel.ts'
import { createExternalMedia } from '../call/external-media.ts'
import { createWebsocketMedia } from '../call/websocket-media.ts'
import { sampleFormat, sampleFormatNames } from '../media/sample-format.ts'
import {
  type AriContext,
  AriError,
  type AriReply,
  type AriRequest,
  allocationFailed,
  appArgs,
  ok,
  type Routes,
  text,
} from './route.ts'

type Make = (context: AriContext, args: Record<string, unknown>, id: string) => Promise<Channel>

/** By encapsulation and transport. */
const KINDS: Record<string, Make> = {
  'rtp/udp': overRtp,
  'audiosocket/tcp': overAudioSocket,
  'none/websocket': overWebsocket,
}

async function overRtp(context: AriContext, args: Record<string, unknown>, id: string): Promise<Channel> {
  const codec = new Map([
    ['ulaw', 'PCMU'],
    ['alaw', 'PCMA'],
  ] as const).get(text(args, 'format') as 'ulaw')
  if (!codec) throw new AriError(422, 'Over RTP the formats ulaw and alaw are supported')
  const channel = await createExternalMedia(context.core, { id, ...addressIn(args), codec })
  if (!channel) throw allocationFailed()
  setImmediate(() => channel.ended || enterStasis(context.core, channel, text(args, 'app')!, appArgs(args)))
  return channel
}

function addressIn(args: Record<string, unknown>): { address: string; port: number } {
  const [, address = '', port] = /^\[?([^\]]+?)\]?:(\d{1,5})$/.exec(text(args, 'external_host') ?? '') ?? []
  if (isIP(address) === 0 || Number(port) > 65_535) throw new AriError(400, 'external_host must be <ip>:<port>')
  return { address, port: Number(port) }
}

async function overAudioSocket({ core }: AriContext, args: Record<string, unknown>, id: string): Promise<Channel> {
  const name = text(args, 'format')!
  const [kind, samples] = [audioSocketFormats[name], sampleFormat(name)]
  if (kind === undefined || !samples)
    throw new AriError(422, 'Over AudioSocket the formats slin and slin16 are supported')
  const uuid = text(args, 'data') ?? ''
  if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(uuid)) throw new AriError(400, 'data must be a UUID')
  return createAudioSocketMedia(core, {
    id,
    uuid,
    format: { kind, samples },
    ...addressIn(args),
    app: text(args, 'app')!,
    appArgs: appArgs(args),
  })
}

async function overWebsocket(context: AriContext, args: Record<string, unknown>, id: string): Promise<Channel> {
  const name = text(args, 'format')!
  const samples = sampleFormat(name)
  if (!samples) throw new AriError(422, `Over a WebSocket the formats ${sampleFormatNames.join(', ')} are supported`)
  const isServer = text(args, 'connection_type') === 'server'
  const host = text(args, 'external_host')
  if (isServer !== (host === 'INCOMING'))
    throw new AriError(400, 'connection_type server needs the external_host INCOMING, and client a ws: or wss: URL')
  const { v: parameters, f: control = 'json', d: direction = 'both', n } = dialOptions(text(args, 'transport_data'))
  if (direction !== 'in' && direction !== 'out' && direction !== 'both')
    throw new AriError(400, 'transport_data: d(…) must be in, out or both')
  if (control !== 'json' && control !== 'plain-text')
    throw new AriError(400, 'transport_data: f(…) must be json or plain-text')
  return createWebsocketMedia(context.core, context.awaitedSockets, {
    id,
    format: { name, samples },
    url: isServer ? undefined : clientUrl(host ?? '', parameters ?? ''),
    isJson: control === 'json',
    direction,
    answersItself: n === undefined,
    app: text(args, 'app')!,
    appArgs: appArgs(args),
  })
}

/** Letters with a value in parentheses or without, as `f(json)n`. */
function dialOptions(given: string | undefined): Record<string, string | undefined> {
  const options = [...(given ?? '').matchAll(/([a-z])(?:\(([^)]*)\))?/g)]
  return Object.fromEntries(options.map(([, letter, value]) => [letter, value ?? '']))
}

function clientUrl(host: string, parameters: string): string {
  const url = URL.parse(host)
  if (!url || !['ws:', 'wss:'].includes(url.protocol) || url.username !== '' || url.password !== '')
    throw new AriError(400, 'external_host must be a ws: or wss: URL without a user')
  for (const parameter of parameters.split(',').filter((one) => one !== '')) {
    const [name = '', value = ''] = parameter.split('=', 2)
    url.searchParams.append(name, value)
  }
  return url.href
}

async function externalMedia(context: AriContext, { args }: AriRequest): Promise<AriReply> {
  const { core } = context
  if (text(args, 'app') === undefined) throw new AriError(400, 'app must be specified')
  if (text(args, 'format') === undefined) throw new AriError(400, 'format must be specified')
  const kind = `${text(args, 'encapsulation') ?? 'rtp'}/${text(args, 'transport') ?? 'udp'}`
  const make = KINDS[kind]
  if (!make) throw new AriError(501, `Not supported: ${kind}; use one of ${Object.keys(KINDS).join(', ')}`)
  const id = text(args, 'channelId') ?? randomUUID()
  if (core.channels.has(id)) throw new AriError(409, 'Channel with given unique ID already exists')
  if (core.channels.size >= context.maxCalls) throw allocationFailed()
  const channel = await make(context, args, id)
  core.subscribe(text(args, 'app')!, { channel: channel.id })
  return ok({ ...channelView(channel), channelvars: Object.fromEntries(channel.variables) })
}

export const externalMediaRoutes: Routes = { 'POST /channels/externalMedia': externalMedia }
