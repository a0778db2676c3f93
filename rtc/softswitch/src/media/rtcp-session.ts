import { randomBytes } from 'node:crypto'
import { performance } from 'node:perf_hooks'
import { frameMs } from './frame.ts'
import type { createReception } from './reception.ts'
import { ntpMiddleOf, parseRtcp, type ReportBlock, writeRtcp } from './rtcp.ts'
import { createSeries } from './series.ts'
import type { RtpQuality } from './types.ts'

// RFC 3550 section 6.2: at least 5 s between two reports on average, half of that before the first, each time from half to
// one and a half of it at random. With two in a session the share of the bandwidth never makes it longer.
const intervalMs = 5000
const ticksUntilNext = (isFirst: boolean) =>
  Math.ceil(((isFirst ? 0.5 : 1) * intervalMs * (0.5 + Math.random())) / frameMs)

interface Stream {
  ssrc: number
  now(): number
  clockHz(): number
  sent: { packets: number; bytes: number }
  setLoss(share: number): void
}

const wallClockMs = () => performance.timeOrigin + performance.now()

/** Tells the peer what arrives of it and what we send, and reads what it tells. */
export function createRtcpSession(
  sender: Stream,
  reception: ReturnType<typeof createReception>,
  heardClockHz: () => number,
  transmit: (packet: Buffer) => void,
) {
  const cname = randomBytes(12).toString('base64') // RFC 7022: new in each session, so that it tells nobody who we are
  const series = {
    heardJitter: createSeries(),
    heardLost: createSeries(),
    toldJitter: createSeries(),
    toldLost: createSeries(),
    roundTrip: createSeries(),
  }
  let lastSenderReport: { ntpMiddle: number; atMs: number } | undefined
  let sentBefore = 0
  let ticksLeft = ticksUntilNext(true)
  let isOpen = false
  let toldLost = 0

  function send(bye: boolean) {
    const report = reception.report()
    const nowMs = wallClockMs()
    const { packets, bytes } = sender.sent
    const block: ReportBlock | undefined = report && {
      ...report,
      jitter: (report.jitterMs * heardClockHz()) / 1000,
      lastReport: lastSenderReport?.ntpMiddle ?? 0,
      sinceLastReport: lastSenderReport ? Math.round(((nowMs - lastSenderReport.atMs) * 65_536) / 1000) : 0,
    }
    if (report) {
      series.heardJitter.add(report.jitterMs)
      series.heardLost.add(report.fractionLost)
    }
    // Who has sent nothing since the report before the last is a receiver (section 6.4).
    const info = { sentAtMs: nowMs, rtpTime: sender.now(), packets, bytes }
    const isSending = packets > sentBefore
    sentBefore = packets
    transmit(writeRtcp({ ssrc: sender.ssrc, cname, sender: isSending ? info : undefined, block, bye }))
  }

  function learn({ fractionLost, lost, jitter, lastReport, sinceLastReport }: ReportBlock) {
    toldLost = Math.max(0, lost)
    series.toldLost.add(fractionLost)
    series.toldJitter.add((jitter * 1000) / sender.clockHz())
    sender.setLoss(fractionLost)
    if (lastReport === 0) return
    // Section 6.4.1: arrival - DLSR - LSR, in 1/65536 s that wrap.
    const units = (ntpMiddleOf(wallClockMs()) - sinceLastReport - lastReport) | 0
    if (units >= 0) series.roundTrip.add((units * 1000) / 65_536)
  }

  return {
    /** There is somebody to report to. */
    open() {
      isOpen = true
    },
    tick() {
      if (!isOpen || --ticksLeft > 0) return
      ticksLeft = ticksUntilNext(false)
      send(false)
    },
    receive(bytes: Buffer) {
      const rtcp = parseRtcp(bytes)
      if (!rtcp) return false
      if (rtcp.sender) lastSenderReport = { ntpMiddle: rtcp.sender.ntpMiddle, atMs: wallClockMs() }
      for (const block of rtcp.blocks) if (block.ssrc === sender.ssrc) learn(block)
      return true
    },
    quality(): RtpQuality {
      const { ssrc, expected, received, bytes, jitterMs } = reception.soFar()
      return {
        heard: {
          ssrc: ssrc ?? 0,
          packets: received,
          bytes,
          lost: Math.max(0, expected - received),
          jitterMs: { ...series.heardJitter.get(), last: jitterMs },
          lossShare: series.heardLost.get(),
        },
        said: {
          ssrc: sender.ssrc,
          packets: sender.sent.packets,
          bytes: sender.sent.bytes,
          lost: toldLost,
          jitterMs: series.toldJitter.get(),
          lossShare: series.toldLost.get(),
        },
        roundTripMs: series.roundTrip.get(),
      }
    },
    close() {
      if (isOpen && sender.sent.packets > 0) send(true)
      isOpen = false
    },
  }
}
