import type { ConnectionOptions } from './connections.ts'
import type { Flow, FlowTarget, Protocol, Transport } from './flow.ts'
import { openStream } from './stream-transport.ts'
import type { TlsIdentity } from './tls-identity.ts'
import { openUdp } from './udp-transport.ts'
import { openWs } from './ws-transport.ts'

export interface Transports {
  /** Where we listen; `undefined` for what is switched off. */
  portOf(protocol: Protocol): number | undefined
  /** Throws for a protocol that is switched off, and for a browser that is not connected. */
  flowTo(target: FlowTarget): Flow
  close(): Promise<void>
}

interface Options extends ConnectionOptions {
  tls?: { port: number; identity: TlsIdentity } | undefined
  ws?: { port: number; origins?: string[] | undefined } | undefined
  /** A WebSocket was not taken. */
  onRefused: () => void
}

/** Opens UDP and TCP on the same port, TLS and WebSocket on their own. Port 0 takes a free one. */
export async function openTransports(options: Options): Promise<Transports> {
  const { tls, ws, ...plain } = options
  const [udp, tcp] = await openUdpAndTcp(plain)
  const secure = tls && (await openStream({ ...plain, port: tls.port, tls: tls.identity }).catch(closeFirst))
  const sockets = ws && (await openWs({ ...plain, ...ws }).catch(closeFirst))
  async function closeFirst(error: unknown): Promise<never> {
    await Promise.all([udp.close(), tcp.close(), secure?.close()])
    throw error
  }
  const all = { UDP: udp, TCP: tcp, TLS: secure, WS: sockets }
  return {
    portOf: (protocol) => all[protocol]?.port,
    flowTo(target) {
      const transport = all[target.protocol]
      if (!transport) throw new Error(`SIP over ${target.protocol} is off; SIP_${target.protocol}_PORT switches it on`)
      return transport.flowTo(target)
    },
    async close() {
      await Promise.all([udp.close(), tcp.close(), secure?.close(), sockets?.close()])
    },
  }
}

async function openUdpAndTcp(options: ConnectionOptions): Promise<[udp: Transport, tcp: Transport]> {
  const udp = await openUdp(options)
  const tcp = await openStream({ ...options, port: udp.port }).catch(async (error: NodeJS.ErrnoException) => {
    await udp.close()
    // The free UDP port may be taken on TCP: then try the next one.
    if (options.port === 0 && error.code === 'EADDRINUSE') return null
    throw error
  })
  return tcp ? [udp, tcp] : openUdpAndTcp(options)
}
