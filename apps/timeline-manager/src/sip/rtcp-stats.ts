import type { RtcpStats, SipMessage } from '@sidetone/proto-schemas/sip-message'

const header = /^x-rtp-stat[ \t]*:[ \t]*(.*)$/im
const counts = (name: string): RegExp => new RegExp(`\\b${name}: (\\d+) bytes, (\\d+) packets, (\\d+) errors`, 'i')

/** What the last message says that has an `X-RTP-Stat`: `MOS=4.3;Jitter=2;PacketLossPct=0.1;RTT=40;RTPStat=RTP: 1 bytes, …; RTCP: …`. */
export function rtcpStatsOf(messages: SipMessage[]): RtcpStats | null {
  const told = messages.findLast(({ raw }) => header.test(raw))
  if (!told) return null
  const value = header.exec(told.raw)![1]!
  const number = (name: string): number =>
    Number(new RegExp(`\\b${name}=(\\d+(?:\\.\\d+)?)`, 'i').exec(value)?.[1] ?? 0)
  const [rtp_bytes, rtp_packets, rtp_errors] = countsOf(value, 'RTP')
  const [rtcp_bytes, rtcp_packets, rtcp_errors] = countsOf(value, 'RTCP')
  return {
    mos: number('MOS'),
    jitter: Math.round(number('Jitter')),
    packet_loss_pct: number('PacketLossPct'),
    rtt: Math.round(number('RTT')),
    ...{ rtp_bytes, rtp_packets, rtp_errors, rtcp_bytes, rtcp_packets, rtcp_errors },
  }
}

function countsOf(value: string, name: string): [number, number, number] {
  const [, bytes = 0, packets = 0, errors = 0] = counts(name).exec(value) ?? []
  return [Number(bytes), Number(packets), Number(errors)]
}
