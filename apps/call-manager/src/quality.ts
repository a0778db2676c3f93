import type { CallQuality } from '@sidetone/proto-schemas/call'

/** What happened to the packets of one direction. */
interface Stream {
  packets: number
  lost: number
  jitterMs: number
}

// ITU-T G.107 (06/2015) with its default values: a connection that adds nothing (table 3 note), and G.711 with the concealment
// of its appendix I, whose robustness to random loss is that of G.113 appendix I. Delay by the approximation of Cole and
// Rosenbluth ("Voice over IP performance monitoring", 2001).
const undisturbed = 93.2
const robustness = 25.1
const packetMs = 20
const leastBufferMs = 40

function mosOf({ packets, lost, jitterMs }: Stream, roundTripMs: number): number {
  const lossPercent = packets + lost === 0 ? 0 : (100 * lost) / (packets + lost)
  const delayMs = roundTripMs / 2 + packetMs + Math.max(leastBufferMs, 2 * jitterMs)
  const byDelay = 0.024 * delayMs + 0.11 * Math.max(0, delayMs - 177.3)
  const byLoss = (95 * lossPercent) / (lossPercent + robustness)
  const r = Math.max(0, Math.min(100, undisturbed - byDelay - byLoss))
  const mos = 1 + 0.035 * r + 7e-6 * r * (r - 60) * (100 - r) // annex B; below R 6.5 it would fall below 1
  return rounded(Math.max(1, mos), 2)
}

const rounded = (value: number, digits: number): number => Number(value.toFixed(digits))

const streamOf = (stream: Stream, roundTripMs: number): CallQuality['received'] => ({
  mos: mosOf(stream, roundTripMs),
  packets: stream.packets,
  packets_lost: stream.lost,
  jitter_ms: rounded(stream.jitterMs, 1),
})

/**
 * Reads the variable RTPAUDIOQOS, which an RTC node sets when a channel ends. Its names take the side of the reports: `lp` and
 * `txjitter` are what we report of what we hear, `rlp` and `rxjitter` what the phone reports. Undefined: nothing was heard.
 */
export function qualityOf(variable: string): CallQuality | undefined {
  const values = new Map(variable.split(';').map((part) => part.split('=', 2) as [string, string | undefined]))
  const value = (name: string): number => {
    const number = Number(values.get(name))
    return Number.isFinite(number) && number > 0 ? number : 0
  }
  const roundTripMs = 1000 * value('rtt')
  const heard = { packets: value('rxcount'), lost: value('lp'), jitterMs: 1000 * value('txjitter') }
  if (heard.packets === 0) return undefined
  const reported = { lost: Math.min(value('rlp'), value('txcount')), jitterMs: 1000 * value('rxjitter') }
  const isReported = roundTripMs > 0 || reported.lost > 0 || reported.jitterMs > 0
  const packets = value('txcount') - reported.lost
  return {
    received: streamOf(heard, roundTripMs),
    sent: isReported ? streamOf({ packets, ...reported }, roundTripMs) : null,
    round_trip_ms: roundTripMs > 0 ? rounded(roundTripMs, 1) : null,
  }
}
