import type { IncomingMessage, Server } from 'node:http'
import type { Duplex } from 'node:stream'
import { ApiError, commonError, httpStatusOf, type Identity } from '@sidetone/contract'
import type { Logger } from '@sidetone/telemetry'
import { type WebSocket, WebSocketServer } from 'ws'
import type { Authenticator, Credentials } from './authenticate.ts'
import { upgradeCredentials } from './credentials.ts'
import { requestIdOf } from './request-id.ts'

export const closeCodes = {
  ended: 1000,
  goingAway: 1001,
  failed: 1011,
  tryAgain: 1013,
  loggedOut: 4001,
  tooSlow: 4008,
} as const

const socketOptions = {
  noServer: true,
  maxPayload: 64 * 1024,
  perMessageDeflate: false,
  /** For the client to answer a close; one that does not is cut off. */
  closeTimeout: 5_000,
}

/** A client that asks for a WebSocket, and may have it. */
interface Upgrade {
  /** Its query, and what the path's groups stand for. */
  input: Record<string, string>
  identity: Identity
  request_id: string
  address: string
}

/** What is ready for a client. */
interface Opened {
  serve: (socket: WebSocket) => {
    /** Closes the socket because the server goes away. */
    leave: () => void
  }
  /** The client has gone before it was served. */
  abandon?: () => void
}

/** One kind of WebSocket. */
export interface SocketRoute {
  path: RegExp
  allows: (identity: Identity) => boolean
  /** What it throws is the answer to the request. */
  open: (upgrade: Upgrade) => Promise<Opened>
}

interface Connection {
  identity: Identity
  credentials: Credentials
  alive: boolean
  leave: () => void
}

/** Serves WebSockets on an HTTP server: lets in who may come in, for as long as that holds and it answers pings. */
export function attachWebSocket(
  server: Server,
  {
    authenticator,
    routes,
    log,
    checkEveryMs = 5_000,
  }: { authenticator: Authenticator; routes: SocketRoute[]; log: Logger; checkEveryMs?: number },
): { close: () => void } {
  const sockets = new WebSocketServer(socketOptions)
  const connections = new Map<WebSocket, Connection>()
  let closing = false

  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on('error', () => socket.destroy())
    const request_id = requestIdOf(request.headers['x-request-id']?.toString())
    upgrade(request, socket, head, request_id).catch((error: unknown) => refuse(socket, error, request_id, log))
  })

  async function upgrade(request: IncomingMessage, socket: Duplex, head: Buffer, request_id: string): Promise<void> {
    const [path = '', search] = request.url?.split('?') ?? []
    const route = routes.find((one) => one.path.test(path))
    if (!route) throw commonError('ROUTE_NOT_FOUND')
    const credentials = upgradeCredentials(request)
    const identity = await authenticator.identify(credentials)
    if (identity.type === 'anonymous') throw commonError('AUTHENTICATION_REQUIRED')
    if (!route.allows(identity)) throw commonError('PERMISSION_DENIED')
    authenticator.checkActive(identity)
    const input = { ...Object.fromEntries(new URLSearchParams(search)), ...route.path.exec(path)?.groups }
    const address = request.socket.remoteAddress ?? 'unknown'
    const { serve, abandon } = await route.open({ input, identity, request_id, address })
    if (closing) {
      abandon?.()
      throw commonError('SERVICE_UNAVAILABLE')
    }
    let served = false
    // It calls back at once, or not at all: when the client has gone, or has asked in a way that is none.
    sockets.handleUpgrade(request, socket, head, (ws) => {
      served = true
      accept(ws, { identity, credentials, alive: true, ...serve(ws) })
    })
    if (!served) abandon?.()
  }

  function accept(ws: WebSocket, connection: Connection): void {
    connections.set(ws, connection)
    ws.on('pong', () => {
      connection.alive = true
    })
    const { customer_id } = connection.identity
    ws.on('error', (error) => log.debug({ err: error, customer_id }, 'websocket error'))
    ws.on('close', () => connections.delete(ws))
  }

  /** A connection lasts no longer than what it was opened with: the token may expire, the key be revoked, the rights change. */
  async function recheck(ws: WebSocket, { identity, credentials }: Connection): Promise<void> {
    const check = async (): Promise<boolean> => {
      const now = await authenticator.identify(credentials)
      authenticator.checkActive(now)
      return now.permission === identity.permission
    }
    const holds = await check().catch(
      (error: unknown) =>
        !(error instanceof ApiError && ['UNAUTHENTICATED', 'PERMISSION_DENIED'].includes(error.status)),
    )
    if (!holds) ws.close(closeCodes.loggedOut, 'the credentials have changed or no longer hold: log in and reconnect')
  }

  const checks = setInterval(() => {
    for (const [ws, connection] of connections) {
      if (!connection.alive) ws.terminate()
      connection.alive = false
      ws.ping()
      void recheck(ws, connection)
    }
  }, checkEveryMs)
  checks.unref()

  return {
    close() {
      closing = true
      clearInterval(checks)
      for (const { leave } of connections.values()) leave()
    },
  }
}

function refuse(socket: Duplex, error: unknown, request_id: string, log: Logger): void {
  const apiError = error instanceof ApiError ? error : commonError('INTERNAL')
  if (!(error instanceof ApiError)) log.error({ err: error, request_id }, 'websocket upgrade failed')
  const body = JSON.stringify({ error: { ...apiError.toBody(), request_id } })
  const head = [
    `HTTP/1.1 ${httpStatusOf[apiError.status]} ${apiError.status}`,
    'Content-Type: application/json',
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Connection: close',
  ]
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`)
}
