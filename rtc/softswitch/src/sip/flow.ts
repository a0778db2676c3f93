/** What messages travel by (RFC 3261 §18, RFC 7118). */
export type Protocol = 'UDP' | 'TCP' | 'TLS' | 'WS'

/** Where a flow leads. */
export interface FlowTarget {
  protocol: Protocol
  remoteAddress: string
  remotePort: number
  /** The host that its certificate must name (RFC 5922 §7.2), when it is we who connect. */
  serverName?: string | undefined
}

/** A way to one peer: a UDP address, or one connection. */
export interface Flow extends Readonly<FlowTarget> {
  /** False once a connection has gone. */
  readonly open: boolean
  /** Sends, or reports to `onSendError` of its transport; never throws. */
  send(data: Buffer): void
}

type PacketHandler = (data: Buffer, flow: Flow) => void

/** Sends and hears messages of one protocol. */
export interface Transport {
  readonly port: number
  /** Throws where none can be opened: to a browser that is not connected. */
  flowTo(target: FlowTarget): Flow
  close(): Promise<void>
}

/** What every transport takes. */
export interface TransportOptions {
  /** The address to listen at. */
  bind: string
  port: number
  onPacket: PacketHandler
  /** Just before it goes. */
  onSent?: PacketHandler | undefined
  onSendError: (error: Error) => void
}

/** A protocol that neither loses nor repeats: its requests are not sent again (§17.1.1.2). */
export const isReliable = ({ protocol }: Pick<Flow, 'protocol'>): boolean => protocol !== 'UDP'

/** An IPv4 address that a socket of both families writes as IPv6. */
export const plainAddress = (address: string): string => (address.startsWith('::ffff:') ? address.slice(7) : address)
