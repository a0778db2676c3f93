import type { RemoteInfo, Socket } from 'node:dgram'
import type { WebSocket } from 'ws'
import type { Encapsulation } from './media-stream-encapsulations.ts'
import { mulawToPcm, pcmToMulaw } from './media-stream-g711.ts'
import { createPacer } from './media-stream-pacer.ts'
import { isLater, type RtpPacket, readRtp, writeRtp } from './media-stream-rtp.ts'

/** PCMU (RFC 3551 section 6). */
const payloadType = 0
/** Of sound that a slow client has still to get: a second. */
const maxUnsentFrames = 50
/** Less than a second waits in the socket, where nothing can be dropped any more. */
const maxBufferedBytes = 8 * 1024

/** Between the RTP of a call and its client: what the call sounds like goes to the client, and what the client sends is spoken. */
export function relay(
  client: WebSocket,
  rtp: Socket,
  { wrap, unwrap }: Encapsulation,
): {
  /** Whether anything came from the call since the last time this was asked. */
  hasHeard: () => boolean
  stop: () => void
} {
  const pacer = createPacer(performance.now())
  const ssrc = Math.floor(Math.random() * 2 ** 32)
  const unsent: Buffer[] = []
  /** The RTC node: whoever sends first. Audio goes back to where it comes from. */
  let node: RemoteInfo | undefined
  let last: RtpPacket | undefined
  let heard = false
  let sequence = 0
  let timer: NodeJS.Timeout | undefined

  function hear(bytes: Buffer, from: RemoteInfo): void {
    const packet = readRtp(bytes)
    if (packet?.payloadType !== payloadType) return
    node ??= from
    if (from.port !== node.port || from.address !== node.address) return
    heard = true
    if (last?.ssrc === packet.ssrc && !isLater(packet.sequence, last.sequence)) return
    last = packet
    unsent.push(wrap(mulawToPcm(packet.payload)))
    if (unsent.length > maxUnsentFrames) unsent.shift()
    while (unsent.length > 0 && client.readyState === client.OPEN && client.bufferedAmount < maxBufferedBytes) {
      client.send(unsent.shift()!)
    }
    speak()
  }

  function speak(): void {
    clearTimeout(timer)
    if (!node) return
    for (const { mulaw, timestamp, first } of pacer.take(performance.now())) {
      sequence += 1
      const packet = writeRtp({ payloadType, sequence, timestamp, ssrc, marker: first, payload: mulaw })
      rtp.send(packet, node.port, node.address)
    }
    const waitMs = pacer.waitMs(performance.now())
    if (waitMs !== undefined) timer = setTimeout(speak, Math.ceil(waitMs))
  }

  rtp.on('message', hear)
  client.on('message', (data, isBinary) => {
    if (!isBinary) return
    pacer.push(pcmToMulaw(unwrap(data as Buffer)), performance.now())
    speak()
  })

  return {
    hasHeard() {
      const was = heard
      heard = false
      return was
    },
    stop() {
      clearTimeout(timer)
      rtp.off('message', hear)
    },
  }
}
