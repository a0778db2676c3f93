import { randomBytes } from 'node:crypto'
import { frameSamples } from './frame.ts'
import { g711 } from './g711.ts'
import { type RtpHeader, rtpHeaderBytes, writeRtpHeader } from './rtp.ts'
import { type TelephoneEvent, writeTelephoneEvent } from './telephone-event.ts'
import type { CodecName, Frame } from './types.ts'

// The kernel takes a packet at once unless its queue is full; only then is a buffer still in use after `send` returns.
const buffersInTurn = 8

/** Makes one session's outgoing packets; `tick` advances the media time, also when nothing is sent. */
export function createRtpSender(transmit: (packet: Buffer) => void) {
  const random = randomBytes(10)
  const header: RtpHeader = {
    payloadType: 0,
    marker: false,
    sequence: random.readUInt16BE(0),
    timestamp: random.readUInt32BE(2),
    ssrc: random.readUInt32BE(6),
  }
  const audio = Array.from({ length: buffersInTurn }, () => Buffer.alloc(rtpHeaderBytes + frameSamples))
  let turn = 0
  let now = header.timestamp
  let silentBefore = true

  function send(packet: Buffer, payloadType: number, timestamp: number, marker: boolean) {
    header.payloadType = payloadType
    header.timestamp = timestamp
    header.marker = marker
    writeRtpHeader(packet, header)
    header.sequence = (header.sequence + 1) & 0xffff
    transmit(packet)
  }

  let eventStart = now
  return {
    tick() {
      now = (now + frameSamples) >>> 0
    },
    silent() {
      silentBefore = true
    },
    audio(frame: Frame, codecName: CodecName) {
      const codec = g711[codecName]
      const packet = audio[turn]!
      turn = (turn + 1) % buffersInTurn
      for (let i = 0; i < frameSamples; i++) packet[rtpHeaderBytes + i] = codec.encode[frame[i]! & 0xffff]!
      send(packet, codec.payloadType, now, silentBefore) // marker: the first packet of a talkspurt (RFC 3551 section 4.1)
      silentBefore = false
    },
    /** All packets of an event carry the time at which it began (RFC 4733 section 2.5.1.1). */
    event(event: TelephoneEvent, payloadType: number, start: boolean) {
      if (start) eventStart = now
      const packet = Buffer.alloc(rtpHeaderBytes + 4)
      writeTelephoneEvent(packet, rtpHeaderBytes, event)
      send(packet, payloadType, eventStart, start)
    },
  }
}
