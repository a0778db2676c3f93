import { once } from 'node:events'
import { createServer, isIP, connect as netConnect, type Server, type Socket } from 'node:net'
import { createServer as createTlsServer, connect as tlsConnect } from 'node:tls'
import { type Flow, type FlowTarget, type PacketHandler, plainAddress } from './flow.ts'
import { createStreamFramer } from './stream-framing.ts'
import type { TlsIdentity } from './tls-identity.ts'

export interface StreamTransport {
  readonly port: number
  /** Uses the connection that is there (RFC 3261 §18.1.1), else opens one. */
  flowTo(target: FlowTarget): Flow
  close(): Promise<void>
}

const MAX_CONNECTIONS = 2000
/** So that one address cannot take them all. */
const MAX_CONNECTIONS_PER_ADDRESS = 200
/** Who connects and sends no message within this time is a scanner. */
const FIRST_MESSAGE_MS = 32_000
const HANDSHAKE_MS = 10_000
/** A server that is there has answered by then; the next one may be tried (RFC 3263 §4.3). */
const CONNECT_MS = 4000
const PONG = Buffer.from('\r\n')

const keyOf = ({ remoteAddress, remotePort, serverName = '' }: FlowTarget) =>
  `${remoteAddress}:${remotePort} ${serverName}`

/** TCP, or with an identity TLS: listens, and connects to others. */
export async function openStream(options: {
  bind: string
  port: number
  tls?: TlsIdentity | undefined
  onPacket: PacketHandler
  onSent?: PacketHandler | undefined
  onSendError: (error: Error) => void
  onMalformed: () => void
  onFlowClosed: (flow: Flow) => void
}): Promise<StreamTransport> {
  const { tls } = options
  const protocol = tls ? 'TLS' : 'TCP'
  const flows = new Map<string, Flow & { socket: Socket }>()
  const sockets = new Set<Socket>()
  const perAddress = new Map<string, number>()

  function adopt(socket: Socket, target: FlowTarget, incoming: boolean): Flow {
    const key = keyOf(target)
    socket.setNoDelay(true)
    socket.setKeepAlive(true, 30_000)
    const flow = {
      ...target,
      socket,
      get open() {
        return !socket.destroyed && socket.writable
      },
      send: (data: Buffer) => {
        if (socket.writable || socket.connecting) {
          options.onSent?.(data, flow)
          socket.write(data)
        } else options.onSendError(new Error(`the ${protocol} connection to ${key} is closed`))
      },
    }
    flows.set(key, flow)
    socket.setTimeout(incoming ? FIRST_MESSAGE_MS : CONNECT_MS, () => socket.destroy())
    if (!incoming) socket.once(tls ? 'secureConnect' : 'connect', () => socket.setTimeout(0))
    const framer = createStreamFramer(() => socket.write(PONG))
    socket.on('data', (chunk) => {
      const messages = framer.push(chunk)
      if (!messages) {
        options.onMalformed()
        socket.destroy()
        return
      }
      if (messages.length > 0) socket.setTimeout(0)
      for (const message of messages) options.onPacket(message, flow)
    })
    socket.on('error', (error) => options.onSendError(new Error(`${key}: ${error.message}`, { cause: error })))
    socket.on('close', () => {
      if (flows.get(key) === flow) flows.delete(key)
      options.onFlowClosed(flow)
    })
    return flow
  }

  /** Counts a connection, before any handshake; too many are refused. */
  function admit(socket: Socket): boolean {
    const address = plainAddress(socket.remoteAddress ?? '')
    const count = (perAddress.get(address) ?? 0) + 1
    if (address === '' || sockets.size >= MAX_CONNECTIONS || count > MAX_CONNECTIONS_PER_ADDRESS) {
      socket.destroy()
      return false
    }
    sockets.add(socket)
    perAddress.set(address, count)
    socket.on('close', () => {
      sockets.delete(socket)
      const left = perAddress.get(address)! - 1
      if (left > 0) perAddress.set(address, left)
      else perAddress.delete(address)
    })
    return true
  }

  const accept = (socket: Socket) => {
    const remoteAddress = plainAddress(socket.remoteAddress ?? '')
    if (remoteAddress === '') return void socket.destroy() // it has gone already
    adopt(socket, { protocol, remoteAddress, remotePort: socket.remotePort ?? 0 }, true)
  }
  let server: Server
  if (tls) {
    const secure = createTlsServer({ ...tls.server(), handshakeTimeout: HANDSHAKE_MS })
    tls.onRenewed((identity) => secure.setSecureContext(identity))
    secure.on('tlsClientError', options.onMalformed)
    server = secure.on('secureConnection', accept).on('connection', admit)
  } else {
    server = createServer((socket) => {
      if (admit(socket)) accept(socket)
    })
  }
  server.listen({ port: options.port, host: options.bind, ipv6Only: options.bind.includes(':') })
  await once(server, 'listening')
  server.on('error', options.onSendError)
  const address = server.address()

  function connect({ remoteAddress: host, remotePort: port, serverName = host }: FlowTarget): Socket {
    if (!tls) return netConnect(port, host)
    // RFC 6066 §3: a server name is never an address.
    return tlsConnect({ host, port, secureContext: tls.client(), ...(!isIP(serverName) && { servername: serverName }) })
  }

  return {
    port: typeof address === 'object' && address ? address.port : options.port,
    flowTo(target) {
      const existing = flows.get(keyOf(target))
      return existing?.open || existing?.socket.connecting ? existing : adopt(connect(target), target, false)
    },
    close() {
      tls?.close()
      for (const { socket } of flows.values()) socket.destroy()
      for (const socket of sockets) socket.destroy()
      return new Promise((resolve) => server.close(() => resolve()))
    },
  }
}
