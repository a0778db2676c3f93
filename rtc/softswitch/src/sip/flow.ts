/** A way to one peer: a UDP address, or one TCP connection. */
export interface Flow {
  readonly protocol: 'UDP' | 'TCP'
  readonly remoteAddress: string
  readonly remotePort: number
  /** False once a TCP connection has gone. */
  readonly open: boolean
  /** Sends, or reports to `onSendError` of its transport; never throws. */
  send(data: Buffer): void
}

export type PacketHandler = (data: Buffer, flow: Flow) => void
