import { once } from 'node:events'
import { createServer, type IncomingMessage, STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'
import { type WebSocket, WebSocketServer } from 'ws'
import { type Flow, type FlowTarget, type PacketHandler, plainAddress } from './flow.ts'
import { MAX_BODY_BYTES, MAX_HEADER_BYTES } from './parse-message.ts'

export interface WsTransport {
  readonly port: number
  /** The connection that a peer keeps open; throws when there is none, since nobody can be connected to (RFC 7118 §5). */
  flowTo(target: FlowTarget): Flow
  close(): Promise<void>
}

const MAX_CONNECTIONS = 2000
/** So that one address cannot take them all; browsers behind one office's NAT share theirs. */
const MAX_CONNECTIONS_PER_ADDRESS = 500
/** Who connects and sends no message within this time is a scanner. */
const FIRST_MESSAGE_MS = 32_000
/** Keeps NATs and HTTP proxies from forgetting a connection; who misses one ping has gone. */
const PING_MS = 25_000
/** A peer that does not read must not fill our memory. */
const MAX_UNSENT_BYTES = 1 << 20
const PONG = Buffer.from('\r\n')

/** SIP over WebSocket (RFC 7118): a message per frame, both ways on the connection that the browser opened. */
export async function openWs(options: {
  bind: string
  port: number
  /** Web sites whose pages may connect; absent: any, since whoever comes this way has to prove who he is. */
  origins?: string[] | undefined
  onPacket: PacketHandler
  onSent?: PacketHandler | undefined
  onSendError: (error: Error) => void
  onMalformed: () => void
  onRefused: () => void
  onFlowClosed: (flow: Flow) => void
}): Promise<WsTransport> {
  const flows = new Map<string, Flow>()
  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: MAX_HEADER_BYTES + MAX_BODY_BYTES,
    perMessageDeflate: false,
    handleProtocols: (protocols) => (protocols.has('sip') ? 'sip' : false),
  })
  const server = createServer((_, response) => response.writeHead(426, { upgrade: 'websocket' }).end())
  server.headersTimeout = 10_000
  server.maxConnections = MAX_CONNECTIONS

  /** Why a connection is not taken, as HTTP says it. */
  function refusal({ headers, socket }: IncomingMessage): number | null {
    const protocols = headers['sec-websocket-protocol']?.split(',').map((name) => name.trim().toLowerCase()) ?? []
    if (!protocols.includes('sip')) return 400 // RFC 7118 §4
    // RFC 6455 §10.2; what is no browser sends none.
    if (options.origins && headers.origin && !options.origins.includes(headers.origin)) return 403
    const address = plainAddress(socket.remoteAddress ?? '')
    const ofAddress = [...flows.values()].filter(({ remoteAddress }) => remoteAddress === address).length
    if (flows.size >= MAX_CONNECTIONS || ofAddress >= MAX_CONNECTIONS_PER_ADDRESS) return 503
    return address === '' ? 400 : null
  }

  function refuse(socket: Duplex, status: number) {
    options.onRefused()
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
  server.listen({ port: options.port, host: options.bind, ipv6Only: options.bind.includes(':') })
  await once(server, 'listening')
  server.on('error', options.onSendError)
  const address = server.address()

  return {
    port: typeof address === 'object' && address ? address.port : options.port,
    flowTo({ remoteAddress, remotePort }) {
      const flow = flows.get(`${remoteAddress}:${remotePort}`)
      if (!flow?.open) throw new Error(`the WebSocket of ${remoteAddress}:${remotePort} is closed`)
      return flow
    },
    close() {
      for (const socket of sockets.clients) socket.terminate()
      server.closeAllConnections()
      return new Promise((resolve) => server.close(() => resolve()))
    },
  }
}

const DOUBLE_CRLF = Buffer.from('\r\n\r\n')
