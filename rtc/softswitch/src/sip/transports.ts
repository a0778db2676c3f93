import type { Flow, PacketHandler } from './flow.ts'
import { openTcp } from './tcp-transport.ts'
import { openUdp } from './udp-transport.ts'

export interface Transports {
  readonly port: number
  flowTo(protocol: 'UDP' | 'TCP', address: string, port: number): Flow
  close(): Promise<void>
}

/** Opens UDP and TCP on the same port. Port 0 takes a free one. */
export async function openTransports(options: {
  bind: string
  port: number
  onPacket: PacketHandler
  /** Just before it goes. */
  onSent?: PacketHandler | undefined
  onSendError: (error: Error) => void
  onMalformed: () => void
  onFlowClosed: (flow: Flow) => void
}): Promise<Transports> {
  const udp = await openUdp(options)
  const tcp = await openTcp({ ...options, port: udp.port }).catch(async (error: NodeJS.ErrnoException) => {
    await udp.close()
    // The free UDP port may be taken on TCP: then try the next one.
    if (options.port === 0 && error.code === 'EADDRINUSE') return null
    throw error
  })
  if (!tcp) return openTransports(options)
  return {
    port: udp.port,
    flowTo: (protocol, address, port) => (protocol === 'TCP' ? tcp : udp).flowTo(address, port),
    close: async () => {
      await Promise.all([udp.close(), tcp.close()])
    },
  }
}
