import { randomBytes } from 'node:crypto'
import type { Codec, Encoder } from './codec.ts'
import { codecs } from './codecs.ts'
import { createConverter } from './convert.ts'
import { frameSamples } from './frame.ts'
import { type RtpHeader, rtpHeaderBytes, writeRtpHeader } from './rtp.ts'
import { maxEventDuration, type TelephoneEvent, writeTelephoneEvent } from './telephone-event.ts'
import type { Frame, RemoteMedia } from './types.ts'

// The kernel takes a packet at once unless its queue is full; only then is a buffer still in use after `send` returns.
const buffersInTurn = 8

interface Speaking {
  codec: Codec
  payloadType: number
  encoder: Encoder
  atItsRate: (frame: Frame) => Frame
  buffers: Buffer[]
}

/** Makes one session's outgoing packets, each given to `transmit` and not used again before a few more; `tick` advances the media time, also when nothing is sent. */
export function createRtpSender(transmit: (packet: Buffer) => void) {
  const random = randomBytes(10)
  const header: RtpHeader = {
    payloadType: 0,
    marker: false,
    sequence: random.readUInt16BE(0),
    timestamp: random.readUInt32BE(2),
    ssrc: random.readUInt32BE(6),
  }
  const sent = { packets: 0, bytes: 0 }
  let speaking: Speaking | undefined
  let turn = 0
  let now = header.timestamp
  let silentBefore = true
  let eventStart = now
  let eventSegment = 0

  function send(packet: Buffer, payloadType: number, timestamp: number, marker: boolean) {
    header.payloadType = payloadType
    header.timestamp = timestamp
    header.marker = marker
    writeRtpHeader(packet, header)
    header.sequence = (header.sequence + 1) & 0xffff
    sent.packets++
    sent.bytes += packet.length - rtpHeaderBytes
    transmit(packet)
  }

  function sendEvent(event: TelephoneEvent, payloadType: number, marker: boolean) {
    const packet = Buffer.alloc(rtpHeaderBytes + 4)
    writeTelephoneEvent(packet, rtpHeaderBytes, event)
    send(packet, payloadType, eventStart, marker)
  }

  return {
    ssrc: header.ssrc,
    sent,
    /** The media time, on the clock of the codec. */
    now: () => now,
    /** What is spoken from now on. */
    setRemote({ codec: name, payloadType }: RemoteMedia) {
      const codec = codecs[name]
      if (speaking?.codec !== codec) {
        speaking?.encoder.close?.()
        speaking = {
          codec,
          payloadType: 0,
          encoder: codec.createEncoder(),
          atItsRate: createConverter(codec.frameSamples),
          buffers: Array.from({ length: buffersInTurn }, () => Buffer.alloc(rtpHeaderBytes + codec.maxBytes)),
        }
      }
      speaking.payloadType = payloadType ?? codec.payloadType
    },
    clockHz: () => speaking?.codec.clockHz ?? 8000,
    setLoss: (share: number) => void speaking?.encoder.setLoss?.(share),
    tick() {
      now = (now + (speaking ? speaking.codec.clockHz / 50 : frameSamples)) >>> 0
    },
    silent() {
      silentBefore = true
    },
    audio(frame: Frame) {
      if (!speaking) return
      const { encoder, atItsRate, buffers, payloadType } = speaking
      const packet = buffers[turn]!
      turn = (turn + 1) % buffersInTurn
      const bytes = encoder.encode(atItsRate(frame), packet, rtpHeaderBytes)
      if (bytes === 0) return
      // marker: the first packet of a talkspurt (RFC 3551 section 4.1)
      send(packet.subarray(0, rtpHeaderBytes + bytes), payloadType, now, silentBefore)
      silentBefore = false
    },
    /** All packets of an event carry the time at which it began (RFC 4733 section 2.5.1.1), counted by the event's clock. */
    event(event: TelephoneEvent, { payloadType, clockHz }: { payloadType: number; clockHz: number }, start: boolean) {
      if (start) {
        eventStart = now
        eventSegment = 0
      }
      let duration = (event.duration * clockHz) / 8000
      // What its field cannot say goes on in a segment that begins where the last one ended (section 2.5.1.3).
      const segment = Math.floor((duration - 1) / maxEventDuration)
      if (segment > eventSegment) {
        sendEvent({ ...event, end: false, duration: maxEventDuration }, payloadType, false)
        eventStart = (eventStart + maxEventDuration) >>> 0
        eventSegment = segment
      }
      duration -= segment * maxEventDuration
      sendEvent({ ...event, duration }, payloadType, start)
    },
    close: () => speaking?.encoder.close?.(),
  }
}
