import { randomUUID } from 'node:crypto'
import { isIP } from 'node:net'
import { channelView, enterStasis } from '../call/channel.ts'
import { createExternalMedia } from '../call/external-media.ts'
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

async function externalMedia(context: AriContext, { args }: AriRequest): Promise<AriReply> {
  const { core } = context
  const app = text(args, 'app')
  if (app === undefined) throw new AriError(400, 'app must be specified')
  if (text(args, 'format') === undefined) throw new AriError(400, 'format must be specified')
  const [encapsulation = 'rtp', transport = 'udp'] = [text(args, 'encapsulation'), text(args, 'transport')]
  if (encapsulation !== 'rtp' || transport !== 'udp') throw new AriError(501, 'Only RTP over UDP is supported')
  if (text(args, 'format') !== 'ulaw') throw new AriError(422, 'Only the format ulaw is supported')
  const [, address = '', port] = /^\[?([^\]]+?)\]?:(\d{1,5})$/.exec(text(args, 'external_host') ?? '') ?? []
  if (isIP(address) === 0 || Number(port) > 65_535) throw new AriError(400, 'external_host must be <ip>:<port>')
  const id = text(args, 'channelId') ?? randomUUID()
  if (core.channels.has(id)) throw new AriError(409, 'Channel with given unique ID already exists')
  if (core.channels.size >= context.maxCalls) throw allocationFailed()
  const channel = await createExternalMedia(core, { id, address, port: Number(port) })
  if (!channel) throw allocationFailed()
  setImmediate(() => channel.ended || enterStasis(core, channel, app, appArgs(args)))
  return ok(channelView(channel))
}

export const externalMediaRoutes: Routes = { 'POST /channels/externalMedia': externalMedia }
