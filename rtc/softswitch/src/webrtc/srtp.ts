import {
  type Cipheriv,
  createCipheriv,
  createHmac,
  createSecretKey,
  type KeyObject,
  timingSafeEqual,
} from 'node:crypto'
import { isRtcp } from '../media/rtcp.ts'

/** What SDES or DTLS agreed on, for one direction. */
export interface MasterKey {
  key: Buffer
  salt: Buffer
}

export const MASTER_KEY_BYTES = 16
export const MASTER_SALT_BYTES = 14

const TAG_BYTES = 10
const RTP_HEADER_BYTES = 12
const RTCP_HEADER_BYTES = 8
/** `E` flag and index after an SRTCP packet (RFC 3711 §3.4). */
const RTCP_INDEX_BYTES = 4
const BLOCK_BYTES = 16
/** Larger than any datagram we send or take. */
const MAX_PACKET_BYTES = 1500
/** §3.3.2: at least 64. */
const REPLAY_WINDOW = 64
/** A peer has one or two streams; each costs memory. */
const MAX_STREAMS = 16

/**
 * AES_CM_128_HMAC_SHA1_80 (RFC 3711), the profile that every WebRTC endpoint has (RFC 8827 §6.5).
 * Counter mode is made of one ECB call per packet on a cipher that is used again: to set up a cipher for each packet costs
 * ten times what the encryption does.
 */
function createCrypto({ key, salt }: MasterKey, labels: { encryption: number; authentication: number; salt: number }) {
  const derive = (label: number, length: number): Buffer => {
    // §4.3.1, with a key derivation rate of 0; the PRF is the key stream itself (§4.3.3).
    const iv = Buffer.concat([salt, Buffer.alloc(2)])
    iv[7]! ^= label
    const zeros = Buffer.alloc(length)
    return createCipheriv('aes-128-ctr', key, iv).update(zeros)
  }
  const ecb: Cipheriv = createCipheriv('aes-128-ecb', derive(labels.encryption, 16), null).setAutoPadding(false)
  const authKey: KeyObject = createSecretKey(derive(labels.authentication, 20))
  const sessionSalt = derive(labels.salt, MASTER_SALT_BYTES)
  const blocks = Buffer.alloc(Math.ceil(MAX_PACKET_BYTES / BLOCK_BYTES) * BLOCK_BYTES)

  return {
    /** XORs the key stream of a packet onto `bytes` from `start` to `end` (§4.1.1). */
    crypt(bytes: Buffer, start: number, end: number, ssrc: number, index: number) {
      const count = Math.ceil((end - start) / BLOCK_BYTES)
      const high = Math.floor(index / 0x1_0000)
      for (let block = 0, at = 0; block < count; block++, at += BLOCK_BYTES) {
        sessionSalt.copy(blocks, at)
        blocks.writeUInt32BE((sessionSalt.readUInt32BE(4) ^ ssrc) >>> 0, at + 4)
        blocks.writeUInt32BE((sessionSalt.readUInt32BE(8) ^ high) >>> 0, at + 8)
        blocks.writeUInt16BE(sessionSalt.readUInt16BE(12) ^ (index & 0xffff), at + 12)
        blocks.writeUInt16BE(block, at + 14)
      }
      const stream = ecb.update(blocks.subarray(0, count * BLOCK_BYTES))
      for (let i = start; i < end; i++) bytes[i]! ^= stream[i - start]!
    },
    /** §4.2.1 */
    tag: (...parts: Buffer[]): Buffer => {
      const hmac = createHmac('sha1', authKey)
      for (const part of parts) hmac.update(part)
      return hmac.digest().subarray(0, TAG_BYTES)
    },
  }
}

const RTP_LABELS = { encryption: 0, authentication: 1, salt: 2 }
const RTCP_LABELS = { encryption: 3, authentication: 4, salt: 5 }

/** Which packets of a stream have come (§3.3.2). */
interface Stream {
  /** The highest index so far (§3.3.1). */
  highest: number
  seen: Float64Array
}

const isFresh = ({ highest, seen }: Stream, index: number) =>
  index > highest - REPLAY_WINDOW && seen[index % REPLAY_WINDOW] !== index

function createStreams() {
  const streams = new Map<number, Stream>()
  return {
    get: (ssrc: number) => streams.get(ssrc),
    /** Only for what was authenticated. */
    remember(ssrc: number, index: number) {
      let stream = streams.get(ssrc)
      if (!stream) {
        if (streams.size >= MAX_STREAMS) streams.delete(streams.keys().next().value!)
        stream = { highest: index, seen: new Float64Array(REPLAY_WINDOW).fill(-1) }
        streams.set(ssrc, stream)
      }
      stream.highest = Math.max(stream.highest, index)
      stream.seen[index % REPLAY_WINDOW] = index
    },
  }
}

/** Protects what one side sends, RTP and RTCP. What it returns is used again after a few more packets. */
export function createSrtpSender(master: MasterKey): (packet: Buffer) => Buffer {
  const rtp = createCrypto(master, RTP_LABELS)
  const rtcp = createCrypto(master, RTCP_LABELS)
  const buffers = Array.from({ length: 8 }, () => Buffer.alloc(MAX_PACKET_BYTES))
  const rollover = Buffer.alloc(4)
  let turn = 0
  let rolloverCount = 0
  let lastSequence = -1
  let rtcpIndex = 0

  return (packet) => {
    const out = buffers[turn]!
    turn = (turn + 1) % buffers.length
    const { length } = packet
    if (length + RTCP_INDEX_BYTES + TAG_BYTES > MAX_PACKET_BYTES) throw new RangeError(`${length} bytes are no packet`)
    packet.copy(out)
    if (isRtcp(packet)) {
      rtcpIndex++
      rtcp.crypt(out, RTCP_HEADER_BYTES, length, packet.readUInt32BE(4), rtcpIndex)
      out.writeUInt32BE((0x8000_0000 | rtcpIndex) >>> 0, length)
      const end = length + RTCP_INDEX_BYTES
      rtcp.tag(out.subarray(0, end)).copy(out, end)
      return out.subarray(0, end + TAG_BYTES)
    }
    const sequence = packet.readUInt16BE(2)
    if (lastSequence - sequence > 0x8000) rolloverCount++
    lastSequence = sequence
    const start = payloadStart(packet, length)
    rtp.crypt(out, start, length, packet.readUInt32BE(8), rolloverCount * 0x1_0000 + sequence)
    rollover.writeUInt32BE(rolloverCount)
    rtp.tag(out.subarray(0, length), rollover).copy(out, length)
    return out.subarray(0, length + TAG_BYTES)
  }
}

/** Opens what the peer sends, in place; `null` for what is not from it, or came before. */
export function createSrtpReceiver(master: MasterKey): (packet: Buffer) => Buffer | null {
  const rtp = createCrypto(master, RTP_LABELS)
  const rtcp = createCrypto(master, RTCP_LABELS)
  const rtpStreams = createStreams()
  const rtcpStreams = createStreams()
  const rollover = Buffer.alloc(4)

  function openRtcp(packet: Buffer): Buffer | null {
    const end = packet.length - TAG_BYTES
    const indexAt = end - RTCP_INDEX_BYTES
    if (indexAt < RTCP_HEADER_BYTES) return null
    const word = packet.readUInt32BE(indexAt)
    const index = word & 0x7fff_ffff
    const ssrc = packet.readUInt32BE(4)
    const stream = rtcpStreams.get(ssrc)
    if (stream && !isFresh(stream, index)) return null
    if (!timingSafeEqual(rtcp.tag(packet.subarray(0, end)), packet.subarray(end))) return null
    rtcpStreams.remember(ssrc, index)
    if (word >>> 31) rtcp.crypt(packet, RTCP_HEADER_BYTES, indexAt, ssrc, index)
    return packet.subarray(0, indexAt)
  }

  return (packet) => {
    if (packet.length > MAX_PACKET_BYTES) return null
    if (isRtcp(packet)) return openRtcp(packet)
    const end = packet.length - TAG_BYTES
    const start = end < RTP_HEADER_BYTES ? Number.POSITIVE_INFINITY : payloadStart(packet, end)
    if (start > end) return null
    const ssrc = packet.readUInt32BE(8)
    const stream = rtpStreams.get(ssrc)
    const index = guessIndex(packet.readUInt16BE(2), stream?.highest)
    if (index < 0 || (stream && !isFresh(stream, index))) return null
    rollover.writeUInt32BE(Math.floor(index / 0x1_0000))
    if (!timingSafeEqual(rtp.tag(packet.subarray(0, end), rollover), packet.subarray(end))) return null
    rtpStreams.remember(ssrc, index)
    rtp.crypt(packet, start, end, ssrc, index)
    return packet.subarray(0, end)
  }
}

/** The index nearest to the highest one that ends in this sequence number (§3.3.1). */
function guessIndex(sequence: number, highest: number | undefined): number {
  if (highest === undefined) return sequence
  const ahead = ((sequence - highest) << 16) >> 16
  return highest + ahead
}

/** After the fixed header, CSRCs and the header extension, all of which stay readable. */
function payloadStart(packet: Buffer, end: number): number {
  const start = RTP_HEADER_BYTES + 4 * (packet[0]! & 0x0f)
  if (!(packet[0]! & 0x10)) return start
  return start + 4 > end ? end + 1 : start + 4 + 4 * packet.readUInt16BE(start + 2)
}
