import type { Socket } from 'node:dgram'
import type { Endpoint } from './latch.ts'

/**
 * The border between a session and the network: carries packets, RTP and RTCP alike, in the clear on the session's side.
 * A UDP socket, or what encrypts above one (SRTP). Whoever makes one gives it to `engine.openSession`, which owns it from then on.
 */
export interface PacketTransport {
  /** What our SDP names. */
  readonly localPort: number
  /** Called once: where packets that arrive go, with what they came from. The memory of a packet is its receiver's. */
  receive(onPacket: (bytes: Buffer, from: Endpoint) => void): void
  /** Takes the packet at once, or copies it: its memory is used again after a few more. */
  send(packet: Buffer, to: Endpoint): void
  close(): void
}

/** Plain RTP on a bound socket. */
export function udpTransport(socket: Socket, onSent: (error: Error | null) => void): PacketTransport {
  return {
    localPort: socket.address().port,
    receive: (onPacket) => void socket.on('message', onPacket),
    send: (packet, to) => socket.send(packet, to.port, to.address, onSent),
    close: () => void socket.close(),
  }
}
