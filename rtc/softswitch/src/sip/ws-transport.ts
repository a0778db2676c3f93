import { createServer, type IncomingMessage, STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'
import { type WebSocket, WebSocketServer } from 'ws'
import { type ConnectionOptions, createAdmission, FIRST_MESSAGE_MS, listen, MAX_CONNECTIONS } from './connections.ts'
import { type Flow, plainAddress, type Transport } from './flow.ts'
import { MAX_BODY_BYTES, MAX_HEADER_BYTES } from './parse-message.ts'

/** Browsers behind one office's NAT share theirs. */
const MAX_CONNECTIONS_PER_ADDRESS = 500
/** Keeps NATs and HTTP proxies from forgetting a connection; who misses one ping has gone. */
const PING_MS = 25_000
/** A peer that does not read must not fill our memory. */
const MAX_UNSENT_BYTES = 1 << 20
const PONG = Buffer.from('\r\n')

interface Options extends ConnectionOptions {
  /** Web sites whose pages may connect; absent: any, since whoever comes this way has to prove who he is. */
  origins?: string[] | undefined
  /** A WebSocket was not taken. */
  onRefused: () => void
}

/**
 * SIP over WebSocket (RFC 7118): a message per frame, both ways on the connection that the browser opened; nobody can be connected
 * to (§5).
 */
export async function openWs(options: Options): Promise<Transport> {
  const flows = new Map<string, Flow>()
  const incoming = createAdmission(MAX_CONNECTIONS_PER_ADDRESS)
  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: MAX_HEADER_BYTES + MAX_BODY_BYTES,
    perMessageDeflate: false,
    handleProtocols: (protocols) => (protocols.has('sip') ? 'sip' : false),
  })
  const server = createServer((_, response) => response.writeHead(426, { upgrade: 'websocket' }).end())
  server.headersTimeout = 10_000
  server.maxConnections = MAX_CONNECTIONS

  /** Why a connection is not taken, as HTTP says it; null: it is, and counts from now on. */
  function refusal({ headers, socket }: IncomingMessage): number | null {
    const protocols = headers['sec-websocket-protocol']?.split(',').map((name) => name.trim().toLowerCase()) ?? []
    if (!protocols.includes('sip')) return 400 // RFC 7118 §4
    // RFC 6455 §10.2; what is no browser sends none.
    if (options.origins && headers.origin && !options.origins.includes(headers.origin)) return 403
    return incoming.admit(socket) ? null : 503
  }

  function refuse(socket: Duplex, status: number) {
    options.onRefused()
    // Who does not hang up by itself would else keep one of all connections.
    socket.once('finish', () => socket.destroy())
    socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`)
  }

  function adopt(socket: WebSocket, address: string, port: number) {
    const key = `${address}:${port}`
    const flow: Flow = {
      protocol: 'WS',
      remoteAddress: address,
      remotePort: port,
      get open() {
        return socket.readyState === socket.OPEN
      },
      send(data) {
        if (socket.bufferedAmount > MAX_UNSENT_BYTES) socket.terminate()
        if (socket.readyState !== socket.OPEN) {
          return options.onSendError(new Error(`the WebSocket of ${key} is closed`))
        }
        options.onSent?.(data, flow)
        socket.send(data, { binary: false })
      },
    }
    flows.set(key, flow)
    let alive = true
    const silent = setTimeout(() => socket.terminate(), FIRST_MESSAGE_MS)
    const pinging = setInterval(() => {
      if (!alive) return socket.terminate()
      alive = false
      socket.ping()
    }, PING_MS)
    socket.on('pong', () => {
      alive = true
    })
    socket.on('message', (data: Buffer) => {
      alive = true
      clearTimeout(silent)
      // RFC 5626 §3.5.1, as SIP.js uses it.
      if (data.equals(DOUBLE_CRLF)) socket.send(PONG, { binary: false })
      else options.onPacket(data, flow)
    })
    // `ws` closes by itself: too large, no UTF-8, no valid frame.
    socket.on('error', options.onMalformed)
    socket.on('close', () => {
      clearTimeout(silent)
      clearInterval(pinging)
      flows.delete(key)
      options.onFlowClosed(flow)
    })
  }

  server.on('upgrade', (request, socket, head) => {
    socket.on('error', options.onSendError)
    const status = refusal(request)
    if (status !== null) return refuse(socket, status)
    const { remoteAddress = '', remotePort = 0 } = request.socket
    sockets.handleUpgrade(request, socket, head, (open) => adopt(open, plainAddress(remoteAddress), remotePort))
  })
  sockets.on('wsClientError', (_, socket) => refuse(socket, 400))
  const port = await listen(server, options)

  return {
    port,
    flowTo({ remoteAddress, remotePort }) {
      const flow = flows.get(`${remoteAddress}:${remotePort}`)
      if (!flow?.open) throw new Error(`the WebSocket of ${remoteAddress}:${remotePort} is closed`)
      return flow
    },
    close() {
      incoming.destroyAll()
      server.closeAllConnections()
      return new Promise((resolve) => server.close(() => resolve()))
    },
  }
}

const DOUBLE_CRLF = Buffer.from('\r\n\r\n')
