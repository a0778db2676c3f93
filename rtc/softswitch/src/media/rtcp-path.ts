import type { createLatch, Endpoint } from './latch.ts'
import type { ControlTransport, PacketTransport } from './transport.ts'
import type { RemoteMedia } from './types.ts'

/**
 * Which way the RTCP of a session goes: with its RTP, where the peer agreed to that (RFC 5761), else by a port of its own. That
 * one follows the peer as RTP does (RFC 4961: it sends from where it receives), but never to another host than its RTP.
 */
export function createRtcpPath(
  transport: PacketTransport,
  latch: ReturnType<typeof createLatch>,
  onPacket: (bytes: Buffer) => void,
) {
  let control: ControlTransport | undefined
  let named: Endpoint | undefined
  let heardFrom: Endpoint | undefined
  let isMuxed = false

  function openControl(): ControlTransport | undefined {
    const opened = transport.openControl?.()
    opened?.receive((bytes, from) => {
      if (from.address !== latch.target()?.address) return
      heardFrom = { address: from.address, port: from.port }
      onPacket(bytes)
    })
    return opened
  }

  return {
    setRemote({ address, port, rtcpMux, rtcpPort }: RemoteMedia) {
      isMuxed = rtcpMux === true
      named = { address, port: rtcpPort ?? port + 1 }
      heardFrom = undefined
      if (!isMuxed) control ??= openControl()
    },
    send(packet: Buffer) {
      const target = latch.target()
      if (!target || target.port === 0 || ['0.0.0.0', '::'].includes(target.address)) return // held, the old way
      if (isMuxed) return transport.send(packet, target)
      // Behind a NAT the host is where its RTP comes from, whatever its SDP says.
      const to = heardFrom ?? (named && { address: target.address, port: named.port })
      if (to && to.port <= 65_535) control?.send(packet, to)
    },
    close: () => control?.close(),
  }
}
