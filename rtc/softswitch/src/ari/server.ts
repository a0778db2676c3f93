import { createHash, timingSafeEqual } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import { type WebSocket, WebSocketServer } from 'ws'
import { maxMessageBytes } from '../call/websocket-media.ts'
import type { AriContext } from './route.ts'
import { type AriResponse, answer } from './router.ts'
import { handleRestMessage } from './websocket-rest.ts'

const MAX_BODY_BYTES = 65_536
/** An application that does not read is cut off before its events fill our memory. */
const MAX_UNSENT_BYTES = 16 * 1024 * 1024
const CLOSE_TOO_SLOW = 1013

export interface AriServer {
  readonly port: number
  close(): Promise<void>
}

const digest = (text: string) => createHash('sha256').update(text).digest()

/** ARI over HTTP and WebSocket, on loopback. */
export async function startAriServer(options: {
  context: AriContext
  port: number
  user: string
  password: string
}): Promise<AriServer> {
  const { context } = options
  const { apps } = context
  const credentials = digest(`${options.user}:${options.password}`)

  /** Basic authentication, or `api_key=user:password` as browsers' WebSockets need it. */
  function authorized(request: IncomingMessage, query: URLSearchParams): boolean {
    const basic = /^Basic (.+)$/i.exec(request.headers.authorization ?? '')?.[1]
    const given = basic ? Buffer.from(basic, 'base64').toString() : query.get('api_key')
    return given !== null && timingSafeEqual(digest(given), credentials)
  }

  async function onRequest(request: IncomingMessage, response: ServerResponse) {
    const url = new URL(request.url ?? '/', 'http://ari')
    const send = (reply: AriResponse, headers: Record<string, string> = {}) => {
      response.writeHead(reply.status, reply.reason, {
        'cache-control': 'no-cache, no-store',
        ...(reply.contentType && { 'content-type': reply.contentType }),
        ...(reply.status !== 204 && { 'content-length': Buffer.byteLength(reply.body ?? '') }),
        ...headers,
      })
      response.end(reply.body)
    }
    const error = (status: number, reason: string, message: string): AriResponse => ({
      status,
      reason,
      contentType: 'application/json',
      body: JSON.stringify({ message }),
    })
    if (!authorized(request, url.searchParams)) {
      const challenge = { 'www-authenticate': 'Basic realm="Asterisk REST Interface"' }
      return send(error(401, 'Unauthorized', 'Authentication required'), challenge)
    }
    if (url.pathname === '/ari/events' && request.method === 'GET') {
      return send({ status: 426, reason: 'Upgrade Required', contentType: 'text/plain', body: 'Upgrade Required\n' })
    }
    if (!url.pathname.startsWith('/ari/')) return send(error(404, 'Not Found', 'Resource not found'))
    const chunks: Buffer[] = []
    let size = 0
    for await (const chunk of request) {
      size += chunk.length
      if (size > MAX_BODY_BYTES) return send(error(413, 'Request Entity Too Large', 'Request body too large'))
      chunks.push(chunk)
    }
    const reply = await answer(context, {
      method: request.method ?? 'GET',
      path: url.pathname.slice('/ari'.length),
      query: url.searchParams,
      contentType: request.headers['content-type'],
      body: Buffer.concat(chunks).toString(),
    })
    send(reply)
  }

  const server = createServer((request, response) => {
    onRequest(request, response).catch((error: unknown) => {
      context.onError(error)
      response.destroy()
    })
  })
  const sockets = new WebSocketServer({ noServer: true, maxPayload: MAX_BODY_BYTES })

  const mediaSockets = new WebSocketServer({
    noServer: true,
    maxPayload: maxMessageBytes,
    handleProtocols: (offered) => (offered.has('media') ? 'media' : false),
  })

  server.on('upgrade', (request, socket, head) => {
    const url = new URL(request.url ?? '/', 'http://ari')
    const names = (url.searchParams.get('app') ?? '').split(',').filter((name) => name !== '')
    const refuse = (line: string) => socket.end(`HTTP/1.1 ${line}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`)
    socket.on('error', () => {}) // a peer that leaves during the handshake
    const [, connectionId] = /^\/media\/([0-9a-f-]{36})$/.exec(url.pathname) ?? []
    if (connectionId !== undefined) {
      // No credentials are asked, as on Asterisk: the id is the secret, and is taken once.
      const connected = context.awaitedSockets.get(connectionId)
      if (!connected) return refuse(connected === null ? '409 Conflict' : '404 Not Found')
      context.awaitedSockets.set(connectionId, null)
      return mediaSockets.handleUpgrade(request, socket, head, connected)
    }
    if (!authorized(request, url.searchParams)) return refuse('401 Unauthorized')
    if (url.pathname !== '/ari/events') return refuse('404 Not Found')
    if (names.length === 0) return refuse('400 Bad Request')
    const subscribeAll = ['true', 'yes', 'on', '1'].includes((url.searchParams.get('subscribeAll') ?? '').toLowerCase())
    sockets.handleUpgrade(request, socket, head, (ws) => connected(ws, socket, names, subscribeAll))
  })

  function connected(ws: WebSocket, socket: Duplex, names: string[], subscribeAll: boolean) {
    let isCorked = false
    /** What is said in one turn of the event loop goes with one system call. */
    function cork() {
      if (isCorked) return
      isCorked = true
      socket.cork()
      setImmediate(() => {
        isCorked = false
        socket.uncork()
      })
    }
    const send = (text: string) => {
      if (ws.readyState !== ws.OPEN) return
      if (ws.bufferedAmount > MAX_UNSENT_BYTES) return ws.close(CLOSE_TOO_SLOW, 'events were not read')
      cork()
      ws.send(text)
    }
    for (const name of names) apps.connect(name, subscribeAll, send)
    ws.on('message', (data) => handleRestMessage(context, names[0]!, data.toString(), send))
    ws.on('error', () => {}) // `close` follows
    ws.on('close', () => {
      for (const name of names) apps.disconnect(name, send)
    })
  }

  server.listen(options.port, '127.0.0.1')
  await once(server, 'listening')

  return {
    port: (server.address() as AddressInfo).port,
    close() {
      for (const ws of sockets.clients) ws.close(1001, 'the switch stops')
      for (const ws of mediaSockets.clients) ws.terminate()
      server.closeAllConnections()
      return new Promise((resolve) => server.close(() => resolve()))
    },
  }
}
