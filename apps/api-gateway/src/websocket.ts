import type { IncomingMessage, Server } from 'node:http'
import type { Duplex } from 'node:stream'
import { ApiError, commonError, httpStatusOf, type Identity } from '@sidetone/contract'
import type { Logger } from '@sidetone/telemetry'
import { type WebSocket, WebSocketServer } from 'ws'
import type { Authenticator, Credentials } from './authenticate.ts'
import { upgradeCredentials } from './credentials.ts'
import type { EventStreams } from './event-streams.ts'
import { requestIdOf } from './request-id.ts'
import { closeCodes, serveConnection } from './socket-connection.ts'

const path = '/v1.0/ws'
const socketOptions = {
  noServer: true,
  maxPayload: 64 * 1024,
  perMessageDeflate: false,
  /** For the client to answer a close; one that does not is cut off. */
  closeTimeout: 5_000,
}

interface Connection {
  identity: Identity
  credentials: Credentials
  alive: boolean
  flush: () => void
}

/** Serves `/v1.0/ws` on an HTTP server: events as they happen, with resume. The protocol is in docs/events.md. */
export function attachWebSocket(
  server: Server,
  {
    authenticator,
    streams,
    log,
    checkEveryMs = 5_000,
  }: { authenticator: Authenticator; streams: EventStreams; log: Logger; checkEveryMs?: number },
): { close: () => void } {
  const sockets = new WebSocketServer(socketOptions)
  const connections = new Map<WebSocket, Connection>()

  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on('error', () => socket.destroy())
    const credentials = upgradeCredentials(request)
    authenticate(request, credentials)
      .then((identity) => sockets.handleUpgrade(request, socket, head, (ws) => accept(ws, identity, credentials)))
      .catch((error: unknown) => refuse(socket, error, requestIdOf(request.headers['x-request-id']?.toString()), log))
  })

  async function authenticate(request: IncomingMessage, credentials: Credentials): Promise<Identity> {
    if (request.url?.split('?')[0] !== path) throw commonError('ROUTE_NOT_FOUND')
    const identity = await authenticator.identify(credentials)
    if (identity.type === 'anonymous') throw commonError('AUTHENTICATION_REQUIRED')
    if (identity.type === 'delegate' || identity.type === 'direct') throw commonError('PERMISSION_DENIED')
    authenticator.checkActive(identity)
    return identity
  }

  function accept(ws: WebSocket, identity: Identity, credentials: Credentials): void {
    const connection = { identity, credentials, alive: true, ...serveConnection(ws, identity, streams) }
    connections.set(ws, connection)
    ws.on('pong', () => {
      connection.alive = true
    })
    ws.on('error', (error) => log.debug({ err: error, customer_id: identity.customer_id }, 'websocket error'))
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
      clearInterval(checks)
      for (const [ws, { flush }] of connections) {
        flush()
        ws.close(closeCodes.goingAway, 'the server is going away: reconnect and subscribe with your last cursor')
      }
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
