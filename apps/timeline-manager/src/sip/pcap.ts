import { isIPv4 } from 'node:net'
import { bytesOfAddress } from '@sidetone/hep'
import type { SipMessage } from '@sidetone/proto-schemas/sip-message'

const magic = 0xa1b2c3d4
/** Packets begin with their IP header (LINKTYPE_RAW). */
const linkType = 101
const maxPacketBytes = 65_535
const udp = 17
const udpHeaderBytes = 8

/**
 * A libpcap file (draft-ietf-opsawg-pcap) with each message in a UDP datagram of its own, also where it came over TCP: what is
 * known is the message, not the segments.
 */
export function pcapOf(messages: SipMessage[]): Buffer {
  const header = Buffer.alloc(24)
  header.writeUInt32LE(magic, 0)
  header.writeUInt16LE(2, 4)
  header.writeUInt16LE(4, 6)
  header.writeUInt32LE(maxPacketBytes, 16)
  header.writeUInt32LE(linkType, 20)
  return Buffer.concat([header, ...messages.map(recordOf)])
}

function recordOf(message: SipMessage): Buffer {
  const packet = packetOf(message)
  const header = Buffer.alloc(16)
  header.writeUInt32LE(Math.floor(Date.parse(message.timestamp) / 1_000), 0)
  header.writeUInt32LE(microsecondsOf(message.timestamp), 4)
  header.writeUInt32LE(packet.length, 8)
  header.writeUInt32LE(packet.length, 12)
  return Buffer.concat([header, packet])
}

/** The fraction of `2026-08-22T10:00:00.123456Z`. */
const microsecondsOf = (timestamp: string): number =>
  Number((/\.(\d+)/.exec(timestamp)?.[1] ?? '').padEnd(6, '0').slice(0, 6))

function packetOf({ src_ip, src_port, dst_ip, dst_port, raw }: SipMessage): Buffer {
  const is4 = isIPv4(src_ip)
  const [source, destination] = [bytesOfAddress(src_ip), bytesOfAddress(dst_ip)]
  const payload = Buffer.from(raw).subarray(0, maxPacketBytes - udpHeaderBytes - (is4 ? 20 : 0))
  const datagram = Buffer.concat([Buffer.alloc(udpHeaderBytes), payload])
  datagram.writeUInt16BE(src_port, 0)
  datagram.writeUInt16BE(dst_port, 2)
  datagram.writeUInt16BE(datagram.length, 4)
  // RFC 768, RFC 8200 section 8.1: over the addresses, the protocol and the length too; 0 stands for "none".
  const pseudo = Buffer.concat([source, destination, Buffer.of(0, udp), datagram.subarray(4, 6)])
  datagram.writeUInt16BE(checksum(pseudo, datagram) || 0xffff, 6)
  return Buffer.concat([
    is4 ? ipv4Header(source, destination, datagram.length) : ipv6Header(source, destination, datagram.length),
    datagram,
  ])
}

/** RFC 791 section 3.1, without options. */
function ipv4Header(source: Buffer, destination: Buffer, length: number): Buffer {
  const header = Buffer.alloc(20)
  header[0] = 0x45
  header.writeUInt16BE(20 + length, 2)
  header[8] = 64
  header[9] = udp
  source.copy(header, 12)
  destination.copy(header, 16)
  header.writeUInt16BE(checksum(header), 10)
  return header
}

/** RFC 8200 section 3. */
function ipv6Header(source: Buffer, destination: Buffer, length: number): Buffer {
  const header = Buffer.alloc(40)
  header[0] = 0x60
  header.writeUInt16BE(length, 4)
  header[6] = udp
  header[7] = 64
  source.copy(header, 8)
  destination.copy(header, 24)
  return header
}

/** RFC 1071. */
function checksum(...parts: Buffer[]): number {
  let sum = 0
  for (const part of parts) {
    for (let at = 0; at < part.length; at += 2) sum += (part[at]! << 8) | (part[at + 1] ?? 0)
  }
  while (sum > 0xffff) sum = (sum & 0xffff) + Math.floor(sum / 0x10000)
  return ~sum & 0xffff
}
