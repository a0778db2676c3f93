import type { IncomingMessage, Server } from 'node:http'
import type { Duplex } from 'node:stream'
import { ApiError, commonError, httpStatusOf, type Identity } from '@sidetone/contract'
import type { Logger } from '@sidetone/telemetry'
import { type WebSocket, WebSocketServer } from 'ws'
import type { Authenticator } from './authenticate.ts'
import { upgradeCredentials } from './credentials.ts'
import type { EventStreams } from './event-streams.ts'
import { requestIdOf } from './request-id.ts'
import { closeCodes, serveConnection } from './socket-connection.ts'

const path = '/v1.0/ws'
const pingEveryMs = 10_000
const maxMessageBytes = 64 * 1024

/** Serves `/v1.0/ws` on an HTTP server: events as they happen, with resume. The protocol is in docs/events.md. */
export function attachWebSocket(
  server: Server,
  { authenticator, streams, log }: { authenticator: Authenticator; streams: EventStreams; log: Logger },
): { close: () => void } {
  const sockets = new WebSocketServer({ noServer: true, maxPayload: maxMessageBytes, perMessageDeflate: false })
  const connections = new Map<WebSocket, { alive: boolean; flush: () => void }>()

  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on('error', () => socket.destroy())
    authenticate(request, authenticator)
      .then((identity) => sockets.handleUpgrade(request, socket, head, (ws) => accept(ws, identity)))
      .catch((error: unknown) => refuse(socket, error, requestIdOf(undefined), log))
  })

  function accept(ws: WebSocket, identity: Identity): void {
    const connection = { alive: true, ...serveConnection(ws, identity, streams) }
    connections.set(ws, connection)
    ws.on('pong', () => {
      connection.alive = true
    })
    ws.on('error', (error) => log.debug({ err: error, customer_id: identity.customer_id }, 'websocket error'))
    ws.on('close', () => connections.delete(ws))
  }

  const pings = setInterval(() => {
    for (const [ws, connection] of connections) {
      if (!connection.alive) ws.terminate()
      connection.alive = false
      ws.ping()
    }
  }, pingEveryMs)
  pings.unref()

  return {
    close() {
      clearInterval(pings)
      for (const [ws, { flush }] of connections) {
        flush()
        ws.close(closeCodes.goingAway, 'the server is going away: reconnect and subscribe with your last cursor')
      }
    },
  }
}

async function authenticate(request: IncomingMessage, authenticator: Authenticator): Promise<Identity> {
  if (new URL(request.url ?? '/', 'http://localhost').pathname !== path) throw commonError('ROUTE_NOT_FOUND')
  const identity = await authenticator.identify(upgradeCredentials(request))
  if (identity.type === 'anonymous') throw commonError('AUTHENTICATION_REQUIRED')
  return identity
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
