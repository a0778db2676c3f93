import { createSocket } from 'node:dgram'
import { sine, strongestTone } from '@sidetone/e2e/phone'

/** G.711 μ-law (ITU-T G.711), a sample at a time. */
function decode(byte: number): number {
  const bits = ~byte & 0xff
  const magnitude = ((((bits & 0x0f) << 3) + 0x84) << ((bits >> 4) & 7)) - 0x84
  return bits & 0x80 ? -magnitude : magnitude
}
const codes = Int16Array.from({ length: 256 }, (_, byte) => decode(byte))
const encode = (sample: number): number => {
  let best = 0
  for (let byte = 1; byte < 256; byte++) {
    if (Math.abs(codes[byte]! - sample) < Math.abs(codes[best]! - sample)) best = byte
  }
  return best
}

/** A program outside that takes the audio of a call as RTP, and answers each packet with 20 ms of 400 Hz. */
export async function startRtpHost() {
  const socket = createSocket('udp4')
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve))
  const tone = Buffer.from(Array.from(sine(400, 20, 8_000), encode))
  const heard: number[] = []
  let sequence = 0
  socket.on('message', (packet, from) => {
    heard.push(...Array.from(packet.subarray(12), (byte) => codes[byte]!))
    const reply = Buffer.alloc(12)
    reply[0] = 0x80
    reply.writeUInt16BE(++sequence & 0xffff, 2)
    reply.writeUInt32BE(sequence * 160, 4)
    reply.writeUInt32BE(0x1234, 8)
    socket.send(Buffer.concat([reply, tone]), from.port, from.address)
  })
  return {
    port: socket.address().port,
    /** Whether that tone is what was heard last. */
    heard(frequency: number): boolean {
      const last = Int16Array.from(heard.slice(-1_600))
      if (last.length < 1_600) return false
      const found = strongestTone(last)
      return Math.abs(found.frequency - frequency) < 20 && found.share > 0.5
    },
    close: () => socket.close(),
  }
}
