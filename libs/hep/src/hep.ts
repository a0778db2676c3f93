import { isIPv4 } from 'node:net'
import { inflateSync } from 'node:zlib'
import { bytesOfAddress, textOfAddress } from './address.ts'

/** A SIP message as it went over the wire. */
export interface CapturedMessage {
  protocol: 'UDP' | 'TCP'
  srcAddress: string
  srcPort: number
  dstAddress: string
  dstPort: number
  /** Microseconds since the epoch. */
  timeUs: number
  payload: Buffer
  /** What the sender shows that it may send, if a key is agreed upon. */
  key?: string | undefined
}

// Types of the generic chunks (vendor 0x0000).
const type = {
  family: 1,
  protocol: 2,
  source4: 3,
  destination4: 4,
  source6: 5,
  destination6: 6,
  sourcePort: 7,
  destinationPort: 8,
  seconds: 9,
  microseconds: 10,
  payloadType: 11,
  agentId: 12,
  key: 14,
  payload: 15,
  compressedPayload: 16,
} as const

const magic = 'HEP3'
const headerBytes = 6
const sip = 1
// The numbers of the address families (AF_INET, AF_INET6) and protocols as Linux and IANA have them.
const [ipv4, ipv6] = [2, 10]
const protocols = { TCP: 6, UDP: 17 } as const
const maxPayloadBytes = 65_535

/** The packet that tells a collector of a message; `agentId` says who tells. */
export function hepPacket(message: CapturedMessage, agentId: number): Buffer {
  const { protocol, srcAddress, dstAddress, timeUs, payload, key } = message
  const is4 = isIPv4(srcAddress)
  const chunks = [
    chunk(type.family, Buffer.of(is4 ? ipv4 : ipv6)),
    chunk(type.protocol, Buffer.of(protocols[protocol])),
    chunk(is4 ? type.source4 : type.source6, bytesOfAddress(srcAddress)),
    chunk(is4 ? type.destination4 : type.destination6, bytesOfAddress(dstAddress)),
    chunk(type.sourcePort, uint16(message.srcPort)),
    chunk(type.destinationPort, uint16(message.dstPort)),
    chunk(type.seconds, uint32(Math.floor(timeUs / 1_000_000))),
    chunk(type.microseconds, uint32(timeUs % 1_000_000)),
    chunk(type.payloadType, Buffer.of(sip)),
    chunk(type.agentId, uint32(agentId)),
    ...(key === undefined ? [] : [chunk(type.key, Buffer.from(key))]),
    chunk(type.payload, payload),
  ]
  const bytes = chunks.reduce((sum, { length }) => sum + length, headerBytes)
  return Buffer.concat([Buffer.from(magic), uint16(bytes), ...chunks])
}

/** The SIP message that a packet tells of; undefined for everything else. */
export function parseHep(packet: Buffer): CapturedMessage | undefined {
  if (packet.length < headerBytes || packet.toString('latin1', 0, 4) !== magic) return undefined
  const chunks = chunksOf(packet.subarray(headerBytes, packet.readUInt16BE(4)))
  const number = (which: number): number => {
    const value = chunks?.get(which)
    return value?.length ? value.readUIntBE(0, Math.min(value.length, 4)) : 0
  }
  if (!chunks || number(type.payloadType) !== sip) return undefined
  const source = chunks.get(type.source4) ?? chunks.get(type.source6)
  const destination = chunks.get(type.destination4) ?? chunks.get(type.destination6)
  const payload = chunks.get(type.payload) ?? inflated(chunks.get(type.compressedPayload))
  const srcAddress = source && textOfAddress(source)
  const dstAddress = destination && textOfAddress(destination)
  if (!payload || !srcAddress || !dstAddress) return undefined
  return {
    protocol: number(type.protocol) === protocols.TCP ? 'TCP' : 'UDP',
    srcAddress,
    srcPort: number(type.sourcePort),
    dstAddress,
    dstPort: number(type.destinationPort),
    timeUs: number(type.seconds) * 1_000_000 + number(type.microseconds),
    payload,
    ...(chunks.has(type.key) && { key: chunks.get(type.key)!.toString() }),
  }
}

function chunksOf(rest: Buffer): Map<number, Buffer> | undefined {
  const chunks = new Map<number, Buffer>()
  for (let at = 0; at < rest.length; ) {
    if (rest.length - at < headerBytes) return undefined
    const length = rest.readUInt16BE(at + 4)
    if (length < headerBytes || at + length > rest.length) return undefined
    // Of other vendors nothing is known.
    if (rest.readUInt16BE(at) === 0) chunks.set(rest.readUInt16BE(at + 2), rest.subarray(at + headerBytes, at + length))
    at += length
  }
  return chunks
}

function inflated(compressed: Buffer | undefined): Buffer | undefined {
  try {
    return compressed && inflateSync(compressed, { maxOutputLength: maxPayloadBytes })
  } catch {
    return undefined
  }
}

const chunk = (which: number, value: Buffer): Buffer =>
  Buffer.concat([uint16(0), uint16(which), uint16(headerBytes + value.length), value])

function uint16(value: number): Buffer {
  const bytes = Buffer.alloc(2)
  bytes.writeUInt16BE(value)
  return bytes
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}
