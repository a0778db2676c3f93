import { createServer, isIP, connect as netConnect, type Server, type Socket } from 'node:net'
import { createServer as createTlsServer, connect as tlsConnect } from 'node:tls'
import { type ConnectionOptions, createAdmission, FIRST_MESSAGE_MS, listen } from './connections.ts'
import { type Flow, type FlowTarget, plainAddress, type Transport } from './flow.ts'
import { createStreamFramer } from './stream-framing.ts'
import type { TlsIdentity } from './tls-identity.ts'

const MAX_CONNECTIONS_PER_ADDRESS = 200
const HANDSHAKE_MS = 10_000
/** A server that is there has answered by then; the next one may be tried (RFC 3263 §4.3). */
const CONNECT_MS = 4000
const PONG = Buffer.from('\r\n')

const keyOf = ({ remoteAddress, remotePort, serverName = '' }: FlowTarget) =>
  `${remoteAddress}:${remotePort} ${serverName}`

/** TCP, or with an identity TLS: listens, and connects to others where no connection is there (RFC 3261 §18.1.1). */
export async function openStream(options: ConnectionOptions & { tls?: TlsIdentity | undefined }): Promise<Transport> {
  const { tls } = options
  const protocol = tls ? 'TLS' : 'TCP'
  const flows = new Map<string, Flow & { socket: Socket }>()
  const incoming = createAdmission(MAX_CONNECTIONS_PER_ADDRESS)

  function adopt(socket: Socket, target: FlowTarget, accepted: boolean): Flow {
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
    socket.setTimeout(accepted ? FIRST_MESSAGE_MS : CONNECT_MS, () => socket.destroy())
    if (!accepted) socket.once(tls ? 'secureConnect' : 'connect', () => socket.setTimeout(0))
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

  /** Before any handshake. */
  function admit(socket: Socket): boolean {
    const admitted = incoming.admit(socket)
    if (!admitted) socket.destroy()
    return admitted
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
  const port = await listen(server, options)

  function connect({ remoteAddress: host, remotePort: port, serverName = host }: FlowTarget): Socket {
    if (!tls) return netConnect(port, host)
    // RFC 6066 §3: a server name is never an address.
    return tlsConnect({ host, port, secureContext: tls.client(), ...(!isIP(serverName) && { servername: serverName }) })
  }

  return {
    port,
    flowTo(target) {
      const existing = flows.get(keyOf(target))
      return existing?.open || existing?.socket.connecting ? existing : adopt(connect(target), target, false)
    },
    close() {
      tls?.close()
      for (const { socket } of flows.values()) socket.destroy()
      incoming.destroyAll()
      return new Promise((resolve) => server.close(() => resolve()))
    },
  }
}
