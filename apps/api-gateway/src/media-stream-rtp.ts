/** What of an RTP packet (RFC 3550 section 5.1) is of use here. */
export interface RtpPacket {
  payloadType: number
  sequence: number
  /** In samples; VoIPBIN's streams count bytes. */
  timestamp: number
  ssrc: number
  marker?: boolean
  payload: Buffer
}

const headerBytes = 12

/** Absent for what is not RTP. */
export function readRtp(bytes: Buffer): RtpPacket | undefined {
  if (bytes.length < headerBytes || bytes[0]! >> 6 !== 2) return undefined
  let start = headerBytes + 4 * (bytes[0]! & 0x0f)
  const isExtended = (bytes[0]! & 0x10) !== 0
  if (isExtended) {
    if (bytes.length < start + 4) return undefined
    start += 4 + 4 * bytes.readUInt16BE(start + 2)
  }
  const isPadded = (bytes[0]! & 0x20) !== 0
  const end = bytes.length - (isPadded ? bytes[bytes.length - 1]! : 0)
  if (end < start) return undefined
  return {
    payloadType: bytes[1]! & 0x7f,
    sequence: bytes.readUInt16BE(2),
    timestamp: bytes.readUInt32BE(4),
    ssrc: bytes.readUInt32BE(8),
    marker: bytes[1]! >= 0x80,
    payload: bytes.subarray(start, end),
  }
}

/** Counters may have run past their fields: they wrap. */
export function writeRtp({ payloadType, sequence, timestamp, ssrc, marker, payload }: RtpPacket): Buffer {
  const bytes = Buffer.allocUnsafe(headerBytes + payload.length)
  bytes[0] = 0x80
  bytes[1] = (marker ? 0x80 : 0) | payloadType
  bytes.writeUInt16BE(sequence & 0xffff, 2)
  bytes.writeUInt32BE(timestamp >>> 0, 4)
  bytes.writeUInt32BE(ssrc, 8)
  payload.copy(bytes, headerBytes)
  return bytes
}

/** Whether a packet comes after another one, of which it may be a copy; sequence numbers wrap. */
export const isLater = (sequence: number, than: number): boolean => ((sequence - than) << 16) >> 16 > 0
