import type { MediaEncapsulation } from '@sidetone/proto-schemas/media-stream'
import { readRtp, writeRtp } from './media-stream-rtp.ts'

/** How audio is packed into binary frames: always 16-bit signed little-endian PCM, 8 kHz, mono. */
export interface Encapsulation {
  wrap: (pcm: Buffer) => Buffer
  /** Empty for a frame without audio. */
  unwrap: (frame: Buffer) => Buffer
}

const nothing = Buffer.alloc(0)
const rtpPayloadType = 96
/** Of an AudioSocket message: its kind and the length of what follows. */
const audioSocketHeaderBytes = 3
const audioSocketAudio = 0x10

const sln = (): Encapsulation => ({ wrap: (pcm) => pcm, unwrap: (frame) => frame })

/** As VoIPBIN: SSRC 0, and timestamps that count bytes. */
function rtp(): Encapsulation {
  let sequence = 0
  let timestamp = 0
  return {
    wrap(pcm) {
      sequence += 1
      const packet = writeRtp({ payloadType: rtpPayloadType, sequence, timestamp, ssrc: 0, payload: pcm })
      timestamp += pcm.length
      return packet
    },
    unwrap(frame) {
      const packet = readRtp(frame)
      return packet?.payloadType === rtpPayloadType ? packet.payload : nothing
    },
  }
}

/** Messages of Asterisk's AudioSocket; a frame may hold several, but no part of one. */
const audiosocket = (): Encapsulation => ({
  wrap(pcm) {
    const message = Buffer.allocUnsafe(audioSocketHeaderBytes + pcm.length)
    message[0] = audioSocketAudio
    message.writeUInt16BE(pcm.length, 1)
    pcm.copy(message, audioSocketHeaderBytes)
    return message
  },
  unwrap(frame) {
    const audio: Buffer[] = []
    for (let rest = frame; rest.length >= audioSocketHeaderBytes; ) {
      const end = audioSocketHeaderBytes + rest.readUInt16BE(1)
      if (rest[0] === audioSocketAudio && end <= rest.length) audio.push(rest.subarray(audioSocketHeaderBytes, end))
      rest = rest.subarray(end)
    }
    return audio.length === 1 ? audio[0]! : Buffer.concat(audio)
  },
})

/** By the name that the query gives; made anew for each stream. */
export const encapsulations: Record<MediaEncapsulation, () => Encapsulation> = { rtp, sln, audiosocket }
