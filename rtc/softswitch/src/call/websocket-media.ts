import { randomUUID } from 'node:crypto'
import { WebSocket } from 'ws'
import type { SampleFormat } from '../media/sample-format.ts'
import { type Channel, createChannel, destroyChannel, emitHangupRequest, enterStasis, setState } from './channel.ts'
import type { Core } from './core.ts'
import { createMediaSocket, type Direction, type MediaSocket } from './media-socket.ts'
import { createVirtualMedia } from './virtual-media.ts'

/** Who has not connected, or answered, by then is not waited for any longer. */
const waitMs = 30_000
const causeNormal = 16
const causeNoAnswer = 19
const causeUnreachable = 3

export interface WebsocketMediaOptions {
  id: string
  format: { name: string; samples: SampleFormat }
  /** Where the switch connects to; absent when the application connects to `/media/<connection id>`. */
  url?: string | undefined
  isJson: boolean
  direction: Direction
  answersItself: boolean
  app: string
  appArgs: string[]
}

/** The sockets that applications may open, by connection id, which is the secret; `null` for one that is open. */
export type AwaitedSockets = Map<string, ((ws: WebSocket) => void) | null>

/** A channel whose audio goes to an application and comes from it by WebSocket, as Asterisk's chan_websocket. */
export function createWebsocketMedia(core: Core, awaited: AwaitedSockets, options: WebsocketMediaOptions): Channel {
  const connectionId = randomUUID()
  let socket: MediaSocket | undefined
  const media = createVirtualMedia(core.media.clock, {
    heard: () => socket?.heard() ?? null,
    onSaid: (frame) => frame && socket?.say(frame),
  })
  media.sendDtmf = async (digits) => {
    for (const digit of digits) socket?.digit(digit)
  }
  const variables = new Map([
    ['MEDIA_WEBSOCKET_CONNECTION_ID', connectionId],
    ['MEDIA_WEBSOCKET_OPTIMAL_FRAME_SIZE', String(options.format.samples.frameBytes)],
  ])
  const name = core.nextChannelName(`WebSocket/${options.url ?? 'INCOMING'}/0x`)
  const channel = createChannel(core, { id: options.id, name, endpoint: '', state: 'Down', media, variables })
  const timer = setTimeout(() => destroyChannel(core, channel, causeNoAnswer), waitMs)
  let ws: WebSocket | undefined

  function answer() {
    if (channel.state === 'Up' || channel.ended) return
    clearTimeout(timer)
    setState(core, channel, 'Up')
    enterStasis(core, channel, options.app, options.appArgs)
  }

  function end() {
    emitHangupRequest(core, channel, { cause: causeNormal })
    destroyChannel(core, channel, causeNormal)
  }

  function connected(opened: WebSocket) {
    if (channel.ended) return opened.close(1000)
    ws = opened
    const { format, isJson, direction } = options
    socket = createMediaSocket({
      ws,
      channelId: channel.id,
      format: format.samples,
      isJson,
      direction,
      answer,
      hangUp: end,
    })
    ws.on('error', () => {}) // `close` follows
    ws.on('close', () => channel.ended || end())
    const start = {
      connection_id: connectionId,
      channel: name,
      channel_id: channel.id,
      format: format.name,
      optimal_frame_size: format.samples.frameBytes,
      ptime: 20,
    }
    socket.send('MEDIA_START', isJson ? { ...start, channel_variables: Object.fromEntries(variables) } : start)
    if (options.answersItself) answer()
  }

  channel.onEnd.add(() => {
    clearTimeout(timer)
    awaited.delete(connectionId)
    ws?.close(1000)
  })
  if (options.url === undefined) awaited.set(connectionId, connected)
  else {
    connect(core, options.url).then(connected, (error: Error) => {
      core.warn({ err: error.message, channel_id: channel.id }, 'an external media could not be connected')
      destroyChannel(core, channel, causeUnreachable)
    })
  }
  return channel
}

/** Connects to an address that was judged, however the name may resolve a moment later. */
async function connect(core: Core, url: string): Promise<WebSocket> {
  const { hostname } = new URL(url)
  const address = await core.addressOf(hostname)
  const ws = new WebSocket(url, 'media', {
    handshakeTimeout: 10_000,
    maxPayload: maxMessageBytes,
    // Node asks for all addresses of a name, or for one.
    lookup: (_host, { all }, found) => {
      const family = address.includes(':') ? 6 : 4
      if (all) found(null, [{ address, family }])
      else found(null, address, family)
    },
  })
  await new Promise<void>((resolve, reject) => {
    ws.once('open', resolve)
    ws.once('error', reject)
  })
  return ws
}

export const maxMessageBytes = 1024 * 1024
