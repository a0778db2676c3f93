import type { ReceptionReport } from './reception.ts'

/** RTCP packets (RFC 3550 section 6): what of them a voice call says and understands. */

const types = { senderReport: 200, receiverReport: 201, sourceDescription: 202, bye: 203 }

export interface SenderInfo {
  /** Wall-clock time as milliseconds since 1970. */
  sentAtMs: number
  rtpTime: number
  packets: number
  bytes: number
}

/** A report block: what its sender hears of `ssrc`, and when it last heard a report of it. */
export interface ReportBlock extends Omit<ReceptionReport, 'jitterMs'> {
  /** In units of the timestamp clock. */
  jitter: number
  /** The middle 32 bits of the NTP time of the last sender report; 0: none yet. */
  lastReport: number
  /** 1/65536 s from that report to this one. */
  sinceLastReport: number
}

export interface Rtcp {
  ssrc: number
  sender?: { ntpMiddle: number; packets: number }
  blocks: ReportBlock[]
  bye: boolean
}

/** RTCP on the port of RTP is told by its second byte (RFC 5761 section 4). */
export const isRtcp = (bytes: Buffer): boolean => bytes.length >= 8 && bytes[1]! >= 192 && bytes[1]! <= 223

const ntpEpochSeconds = 2_208_988_800

/** The middle 32 bits of an NTP timestamp: 16 of seconds, 16 of their fraction. */
export const ntpMiddleOf = (ms: number): number => Math.floor((ms / 1000 + ntpEpochSeconds) * 65_536) % 2 ** 32

const blockBytes = 24

/** A compound packet: a report, who we are, and perhaps a goodbye. */
export function writeRtcp(packet: {
  ssrc: number
  cname: string
  sender: SenderInfo | undefined
  block: ReportBlock | undefined
  bye: boolean
}): Buffer {
  const { ssrc, cname, sender, block, bye } = packet
  const parts: Buffer[] = []
  const report = Buffer.alloc(8 + (sender ? 20 : 0) + (block ? blockBytes : 0))
  writeHeader(report, sender ? types.senderReport : types.receiverReport, block ? 1 : 0)
  report.writeUInt32BE(ssrc, 4)
  if (sender) writeSender(report, sender)
  if (block) writeBlock(report.subarray(report.length - blockBytes), block)
  parts.push(report)

  const name = Buffer.from(cname)
  // An item is ended by at least one null, up to the next word (section 6.5).
  const description = Buffer.alloc(8 + 4 * Math.ceil((3 + name.length) / 4))
  writeHeader(description, types.sourceDescription, 1)
  description.writeUInt32BE(ssrc, 4)
  description[8] = 1 // CNAME
  description[9] = name.length
  name.copy(description, 10)
  parts.push(description)

  if (bye) {
    const goodbye = Buffer.alloc(8)
    writeHeader(goodbye, types.bye, 1)
    goodbye.writeUInt32BE(ssrc, 4)
    parts.push(goodbye)
  }
  return Buffer.concat(parts)
}

function writeHeader(bytes: Buffer, type: number, count: number) {
  bytes[0] = 0x80 | count
  bytes[1] = type
  bytes.writeUInt16BE(bytes.length / 4 - 1, 2)
}

function writeSender(bytes: Buffer, { sentAtMs, rtpTime, packets, bytes: octets }: SenderInfo) {
  const seconds = sentAtMs / 1000 + ntpEpochSeconds
  bytes.writeUInt32BE(Math.floor(seconds) % 2 ** 32, 8)
  bytes.writeUInt32BE(Math.floor((seconds % 1) * 2 ** 32), 12)
  bytes.writeUInt32BE(rtpTime, 16)
  bytes.writeUInt32BE(packets >>> 0, 20)
  bytes.writeUInt32BE(octets >>> 0, 24)
}

function writeBlock(bytes: Buffer, block: ReportBlock) {
  bytes.writeUInt32BE(block.ssrc, 0)
  bytes[4] = Math.min(255, Math.floor(block.fractionLost * 256))
  bytes.writeIntBE(Math.max(-0x800000, Math.min(0x7fffff, block.lost)), 5, 3)
  bytes.writeUInt32BE(block.highestSequence, 8)
  bytes.writeUInt32BE(Math.min(0xffffffff, Math.round(block.jitter)), 12)
  bytes.writeUInt32BE(block.lastReport, 16)
  bytes.writeUInt32BE(Math.min(0xffffffff, block.sinceLastReport), 20)
}

/** Reads a compound packet; `null` for what is none. Parts it does not know are passed over. */
export function parseRtcp(bytes: Buffer): Rtcp | null {
  let found: Rtcp | null = null
  for (let at = 0; at + 4 <= bytes.length; ) {
    if (bytes[at]! >> 6 !== 2) return null
    const length = 4 * (bytes.readUInt16BE(at + 2) + 1)
    if (at + length > bytes.length) return null
    const part = bytes.subarray(at, at + length)
    const type = part[1]
    if (type === types.senderReport || type === types.receiverReport) found = mergeReport(found, part)
    // The first part is a report, always (section 6.1).
    else if (!found) return null
    else if (type === types.bye) found.bye = true
    at += length
  }
  return found
}

function mergeReport(found: Rtcp | null, part: Buffer): Rtcp | null {
  const isSender = part[1] === types.senderReport
  const begin = isSender ? 28 : 8
  const count = part[0]! & 0x1f
  if (part.length < begin + count * blockBytes) return found
  const rtcp = found ?? { ssrc: part.readUInt32BE(4), blocks: [], bye: false }
  if (isSender) {
    // The middle of the NTP time is what comes back to the sender as `lastReport`.
    rtcp.sender = { ntpMiddle: part.readUInt32BE(10), packets: part.readUInt32BE(20) }
  }
  for (let index = 0; index < count; index++) rtcp.blocks.push(readBlock(part.subarray(begin + index * blockBytes)))
  return rtcp
}

const readBlock = (bytes: Buffer): ReportBlock => ({
  ssrc: bytes.readUInt32BE(0),
  fractionLost: bytes[4]! / 256,
  lost: bytes.readIntBE(5, 3),
  highestSequence: bytes.readUInt32BE(8),
  jitter: bytes.readUInt32BE(12),
  lastReport: bytes.readUInt32BE(16),
  sinceLastReport: bytes.readUInt32BE(20),
})
