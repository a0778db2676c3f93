import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import type { Flow, FlowTarget, Transport, TransportOptions } from './flow.ts'

export async function openUdp(options: TransportOptions): Promise<Transport> {
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
  const flowTo = ({ remoteAddress, remotePort }: Pick<FlowTarget, 'remoteAddress' | 'remotePort'>): Flow => {
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
