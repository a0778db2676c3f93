import { randomUUID } from 'node:crypto'
import type { Logger } from 'pino'
import { WebSocket } from 'ws'

/** An ARI event as the node sent it. */
export interface AriMessage {
  type: string
  [field: string]: unknown
}

export interface AriReply {
  status: number
  body: unknown
}

export interface AriRequest {
  method: string
  /** Below `/ari/`. */
  path: string
  query?: Record<string, string | number | boolean> | undefined
  body?: unknown
}

/** One WebSocket to a node, for events and for REST. */
export interface AriSocket {
  /** Rejects when the connection is lost before the answer: whether the request had its effect is unknown then. */
  request(request: AriRequest): Promise<AriReply>
  /** Resolves when the connection has ended, for whatever reason. */
  closed: Promise<void>
  close(): void
}

interface SocketOptions {
  ariUrl: string
  user: string
  password: string
  app: string
  onEvent: (event: AriMessage) => void
  log: Logger
}

const heartbeatMs = 10_000
const requestTimeoutMs = 10_000

/** Connects; rejects when the node cannot be reached or refuses the credentials. */
export async function openAriSocket({ ariUrl, user, password, app, onEvent, log }: SocketOptions): Promise<AriSocket> {
  const url = new URL(`${ariUrl.replace(/^http/, 'ws')}/events`)
  // Not `subscribeAll`: a socket that closes while a call hangs up can lock such an application up for good (Asterisk 22.10).
  url.searchParams.set('app', app)
  const socket = new WebSocket(url, { auth: `${user}:${password}`, handshakeTimeout: 5_000, perMessageDeflate: false })
  const pending = new Map<string, { resolve: (reply: AriReply) => void; reject: (error: Error) => void }>()
  const { promise: closed, resolve: ended } = Promise.withResolvers<void>()

  socket.on('message', (data) => {
    const message = parse(String(data))
    if (!message) return log.warn('the RTC node sent something that is not JSON')
    if (message.type === 'RESTResponse') pending.get(String(message.request_id))?.resolve(replyOf(message))
    else onEvent(message)
  })

  // A connection that died without a word is noticed by the missing answer to a ping.
  let alive = true
  socket.on('pong', () => {
    alive = true
  })
  const heartbeat = setInterval(() => {
    if (!alive) return socket.terminate()
    alive = false
    socket.ping()
  }, heartbeatMs)

  await new Promise<void>((resolve, reject) => {
    socket.once('open', resolve)
    socket.on('error', reject)
    socket.once('close', () => {
      clearInterval(heartbeat)
      for (const { reject } of pending.values()) reject(new Error('the connection to the RTC node was lost'))
      ended()
    })
  })

  return {
    request({ method, path, query = {}, body }) {
      const request_id = randomUUID()
      const search = new URLSearchParams()
      for (const [name, value] of Object.entries(query)) search.set(name, String(value))
      const message = {
        type: 'RESTRequest',
        transaction_id: request_id,
        request_id,
        method,
        uri: search.size > 0 ? `${path}?${search}` : path,
        ...(body !== undefined && { content_type: 'application/json', message_body: JSON.stringify(body) }),
      }
      return new Promise<AriReply>((resolve, reject) => {
        const timer = setTimeout(() => reject(new Error('the RTC node did not answer in time')), requestTimeoutMs)
        const settle =
          <T>(then: (value: T) => void) =>
          (value: T) => {
            clearTimeout(timer)
            pending.delete(request_id)
            then(value)
          }
        pending.set(request_id, { resolve: settle(resolve), reject: settle(reject) })
        if (socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify(message))
        else pending.get(request_id)!.reject(new Error('there is no connection to the RTC node'))
      })
    },
    closed,
    close: () => socket.close(),
  }
}

function parse(text: string): AriMessage | undefined {
  try {
    return JSON.parse(text) as AriMessage
  } catch {
    return undefined
  }
}

const replyOf = ({ status_code, message_body }: AriMessage): AriReply => ({
  status: Number(status_code),
  body: typeof message_body === 'string' && message_body ? (parse(message_body) ?? message_body) : null,
})
