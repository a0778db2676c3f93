import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import type { Flow, FlowTarget, PacketHandler } from './flow.ts'

export interface UdpTransport {
  readonly port: number
  flowTo(target: Pick<FlowTarget, 'remoteAddress' | 'remotePort'>): Flow
  close(): Promise<void>
}

export async function openUdp(options: {
  bind: string
  port: number
  onPacket: PacketHandler
  onSent?: PacketHandler | undefined
  onSendError: (error: Error) => void
}): Promise<UdpTransport> {
  const family = options.bind.includes(':') ? 6 : 4
  // Targets are addresses; without this, Node asks its resolver for each packet.
  const lookup = (host: string, _: unknown, callback: (error: null, address: string, family: number) => void) =>
    callback(null, host, family)
  const socket = createSocket({
    type: `udp${family}`,
    recvBufferSize: 1 << 20,
    ipv6Only: family === 6,
    lookup: lookup as never,
  })
  const flowTo: UdpTransport['flowTo'] = ({ remoteAddress, remotePort }) => {
    const flow: Flow = {
      protocol: 'UDP',
      remoteAddress,
      remotePort,
      open: true,
      send: (data) => {
        options.onSent?.(data, flow)
        socket.send(data, remotePort, remoteAddress, (error) => {
          if (error) options.onSendError(error)
        })
      },
    }
    return flow
  }
  socket.on('message', (data, { address: remoteAddress, port: remotePort }) => {
    if (remotePort !== 0) options.onPacket(data, flowTo({ remoteAddress, remotePort }))
  })
  const listening = once(socket, 'listening') // rejects on 'error'
  socket.bind(options.port, options.bind)
  await listening
  socket.on('error', options.onSendError)
  return {
    port: socket.address().port,
    flowTo,
    close: () => new Promise((resolve) => socket.close(() => resolve())),
  }
}
