import type { Socket } from 'node:dgram'
import type { MediaSecurity, SecureMedia } from '../webrtc/secure-media.ts'
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
  /** A way of its own for RTCP, for a peer that cannot take both on one port; absent where that never happens. */
  openControl?(): ControlTransport
  close(): void
  /** What our SDP says when it offers to encrypt, which begins when the peer has agreed; absent where nothing can. */
  secure?(): MediaSecurity
}

/** What lies between a session and the network once it is secure. */
export type MakeSecure = (hooks: {
  send(bytes: Buffer, to: Endpoint): void
  deliver(packet: Buffer, from: Endpoint): void
}) => SecureMedia

/** STUN and DTLS (RFC 7983 §7), which a plain phone never sends. */
const isHandshake = (bytes: Buffer): boolean => bytes[0]! < 64

/** A transport in the clear that can be secured: of several phones that ring together only the one that answers tells. */
export function securable(below: PacketTransport, makeSecure: MakeSecure): PacketTransport {
  let deliver: (packet: Buffer, from: Endpoint) => void = () => {}
  let secured: SecureMedia | undefined
  return {
    localPort: below.localPort,
    receive(onPacket) {
      deliver = onPacket
      below.receive((bytes, from) => {
        if (secured && (secured.inUse || isHandshake(bytes))) secured.receive(bytes, from)
        else onPacket(bytes, from)
      })
    },
    send: (packet, to) => (secured?.inUse ? secured.send(packet) : below.send(packet, to)),
    ...(below.openControl && { openControl: below.openControl }),
    secure() {
      secured ??= makeSecure({ send: below.send, deliver })
      return secured.security
    },
    close() {
      secured?.close()
      below.close()
    },
  }
}

export type ControlTransport = Pick<PacketTransport, 'receive' | 'send' | 'close'>

type OnSent = (error: Error | null) => void

/** Plain RTP on a bound socket; `bindControl` gives one for RTCP, on the next port (RFC 3550 section 11). */
export function udpTransport(socket: Socket, onSent: OnSent, bindControl: () => Promise<Socket>): PacketTransport {
  return {
    localPort: socket.address().port,
    receive: (onPacket) => void socket.on('message', onPacket),
    send: (packet, to) => socket.send(packet, to.port, to.address, onSent),
    openControl: () => udpControl(bindControl(), onSent),
    close: () => void socket.close(),
  }
}

/** Sends and receives from when the socket is there. */
function udpControl(bound: Promise<Socket>, onSent: OnSent): ControlTransport {
  let socket: Socket | undefined
  let isClosed = false
  const ready = bound.then(
    (opened) => {
      if (isClosed) opened.close()
      else socket = opened
    },
    () => {}, // somebody else has that port: the call goes on without reports
  )
  return {
    receive: (onPacket) => void ready.then(() => socket?.on('message', onPacket)),
    send: (packet, to) => socket?.send(packet, to.port, to.address, onSent),
    close() {
      isClosed = true
      socket?.close()
      socket = undefined
    },
  }
}
