import { Bytes, Id, managers, operation, Time } from '@sidetone/contract'
import { z } from 'zod'

const Port = z.int().min(0).max(65_535)

/** A SIP message as it went over the wire, without credentials. */
export const SipMessage = z.object({
  timestamp: Time,
  /** Of a response the status code, as in `200`. */
  method: z.string().max(32),
  src_ip: z.string().max(45),
  src_port: Port,
  dst_ip: z.string().max(45),
  dst_port: Port,
  raw: z.string().max(65_535),
})
export type SipMessage = z.infer<typeof SipMessage>

/** How well a call was heard, as a media relay told with its end (`X-RTP-Stat`). Jitter and round trip in milliseconds. */
export const RtcpStats = z.object({
  mos: z.number(),
  jitter: z.int(),
  packet_loss_pct: z.number(),
  rtt: z.int(),
  rtp_bytes: z.int(),
  rtp_packets: z.int(),
  rtp_errors: z.int(),
  rtcp_bytes: z.int(),
  rtcp_packets: z.int(),
  rtcp_errors: z.int(),
})
export type RtcpStats = z.infer<typeof RtcpStats>

/** A message with what it is found by. */
export const CapturedSipMessage = SipMessage.extend({ id: Id, sip_call_id: z.string().min(1).max(255) })
export type CapturedSipMessage = z.infer<typeof CapturedSipMessage>

export const sipMessageErrors = {
  CALL_NOT_FOUND: { status: 'NOT_FOUND', message: 'The call was not found.' },
} as const

const ByCall = z.object({ call_id: Id })
const errors = ['CALL_NOT_FOUND'] as const

export const sipMessageResource = {
  operations: {
    analysis: operation({
      http: 'GET /timelines/calls/{call_id}/sip-analysis',
      summary: 'Get the SIP messages of a call, oldest first',
      allow: managers,
      input: ByCall,
      output: z.object({ sip_messages: z.array(SipMessage), rtcp_stats: RtcpStats.nullable() }),
      errors,
    }),
    pcap: operation({
      http: 'GET /timelines/calls/{call_id}/pcap',
      summary: 'Get the SIP messages of a call as a file for Wireshark',
      allow: managers,
      input: ByCall,
      output: Bytes,
      binary: true,
      errors,
    }),
    append: operation({
      http: 'POST /sip_messages',
      summary: 'Keep captured messages. Repeating it with the same ids changes nothing.',
      idempotent: true,
      input: z.object({ messages: z.array(CapturedSipMessage).min(1).max(200) }),
      output: z.object({}),
    }),
  },
  events: {},
}
