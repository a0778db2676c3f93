import { once } from 'node:events'
import { createServer, connect as netConnect, type Socket } from 'node:net'
import type { Flow, PacketHandler } from './flow.ts'
import { createStreamFramer } from './stream-framing.ts'

export interface TcpTransport {
  readonly port: number
  /** Uses the connection that the peer keeps open, else opens one. */
  flowTo(address: string, port: number): Flow
  close(): Promise<void>
}

const MAX_CONNECTIONS = 2000
/** So that one address cannot take them all. */
const MAX_CONNECTIONS_PER_ADDRESS = 200
/** Who connects and sends no message within this time is a scanner. */
const FIRST_MESSAGE_MS = 32_000
const PONG = Buffer.from('\r\n')

const plain = (address: string): string => (address.startsWith('::ffff:') ? address.slice(7) : address)

export async function openTcp(options: {
  bind: string
  port: number
  onPacket: PacketHandler
  onSent?: PacketHandler | undefined
  onSendError: (error: Error) => void
  onMalformed: () => void
  onFlowClosed: (flow: Flow) => void
}): Promise<TcpTransport> {
  const flows = new Map<string, Flow & { socket: Socket }>()

  function adopt(socket: Socket, address: string, port: number, incoming: boolean): Flow {
    const key = `${address}:${port}`
    socket.setNoDelay(true)
    socket.setKeepAlive(true, 30_000)
    const flow = {
      protocol: 'TCP' as const,
      remoteAddress: address,
      remotePort: port,
      socket,
      get open() {
        return !socket.destroyed && socket.writable
      },
      send: (data: Buffer) => {
        if (socket.writable || socket.connecting) {
          options.onSent?.(data, flow)
          socket.write(data)
        } else options.onSendError(new Error(`TCP connection to ${key} is closed`))
      },
    }
    flows.set(key, flow)
    if (incoming) socket.setTimeout(FIRST_MESSAGE_MS, () => socket.destroy())
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
    socket.on('error', options.onSendError)
    socket.on('close', () => {
      if (flows.get(key) === flow) flows.delete(key)
      options.onFlowClosed(flow)
    })
    return flow
  }

  const server = createServer((socket) => {
    const address = plain(socket.remoteAddress ?? '')
    const ofAddress = [...flows.values()].filter(({ remoteAddress }) => remoteAddress === address).length
    if (address === '' || flows.size >= MAX_CONNECTIONS || ofAddress >= MAX_CONNECTIONS_PER_ADDRESS) socket.destroy()
    else adopt(socket, address, socket.remotePort ?? 0, true)
  })
  server.listen({ port: options.port, host: options.bind, ipv6Only: options.bind.includes(':') })
  await once(server, 'listening')
  server.on('error', options.onSendError)
  const address = server.address()

  return {
    port: typeof address === 'object' && address ? address.port : options.port,
    flowTo(host, port) {
      const existing = flows.get(`${host}:${port}`)
      return existing?.open ? existing : adopt(netConnect(port, host), host, port, false)
    },
    close() {
      for (const { socket } of flows.values()) socket.destroy()
      return new Promise((resolve) => server.close(() => resolve()))
    },
  }
}
