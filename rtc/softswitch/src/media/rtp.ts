/** RTP packets (RFC 3550 section 5). */
export interface RtpHeader {
  payloadType: number
  marker: boolean
  sequence: number
  timestamp: number
  ssrc: number
}

export interface RtpPacket extends RtpHeader {
  /** A view into what was parsed: padding and header extension are already off. */
  payload: Buffer
}

export const rtpHeaderBytes = 12

/** Reads a packet from the network; `null` for what is not RTP. */
export function parseRtp(bytes: Buffer): RtpPacket | null {
  if (bytes.length < rtpHeaderBytes) return null
  const first = bytes[0]!
  if (first >> 6 !== 2) return null
  let start = rtpHeaderBytes + 4 * (first & 0x0f)
  if (first & 0x10) {
    if (bytes.length < start + 4) return null
    start += 4 + 4 * bytes.readUInt16BE(start + 2)
  }
  let end = bytes.length
  if (first & 0x20) {
    const padding = bytes[end - 1]!
    if (padding === 0) return null
    end -= padding
  }
  if (start > end) return null
  const second = bytes[1]!
  return {
    payloadType: second & 0x7f,
    marker: second >= 0x80,
    sequence: bytes.readUInt16BE(2),
    timestamp: bytes.readUInt32BE(4),
    ssrc: bytes.readUInt32BE(8),
    payload: bytes.subarray(start, end),
  }
}

/** Writes the 12 bytes before a payload: no CSRC, extension or padding, none of which this side needs. */
export function writeRtpHeader(bytes: Buffer, header: RtpHeader): void {
  bytes[0] = 0x80
  bytes[1] = (header.marker ? 0x80 : 0) | header.payloadType
  bytes.writeUInt16BE(header.sequence, 2)
  bytes.writeUInt32BE(header.timestamp, 4)
  bytes.writeUInt32BE(header.ssrc, 8)
}

/** How far `a` is ahead of `b` in 16-bit sequence numbers that wrap: negative when it is behind. */
export const sequenceAhead = (a: number, b: number) => ((a - b) << 16) >> 16
