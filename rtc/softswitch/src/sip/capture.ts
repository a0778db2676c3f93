import { createSocket } from 'node:dgram'
import { hepPacket } from '@sidetone/hep'
import type { Flow } from './flow.ts'

/** Hears of each message as it comes and goes. */
export type OnMessage = (direction: 'received' | 'sent', data: Buffer, flow: Flow) => void

export interface Capture {
  onMessage: OnMessage
  close(): void
}

const AGENT_ID = 1

/** Sends a copy of each message to a collector, which may or may not be there. */
export function openCapture(
  collector: { address: string; port: number; key?: string | undefined },
  /** Where that side finds us. */
  localOf: (flow: Flow) => { address: string; port: number },
): Capture {
  const socket = createSocket(collector.address.includes(':') ? 'udp6' : 'udp4')
  socket.unref()
  // Nobody listens any more, or the message is too long for a datagram: calls go on.
  socket.on('error', () => {})
  return {
    onMessage(direction, data, flow) {
      const local = localOf(flow)
      const remote = { address: flow.remoteAddress, port: flow.remotePort }
      const [from, to] = direction === 'sent' ? [local, remote] : [remote, local]
      const packet = hepPacket(
        {
          protocol: flow.protocol === 'UDP' ? 'UDP' : 'TCP', // HEP knows no TLS below SIP
          srcAddress: from.address,
          srcPort: from.port,
          dstAddress: to.address,
          dstPort: to.port,
          timeUs: Math.round((performance.timeOrigin + performance.now()) * 1_000),
          payload: data,
          key: collector.key,
        },
        AGENT_ID,
      )
      socket.send(packet, collector.port, collector.address, () => {})
    },
    close: () => socket.close(),
  }
}
