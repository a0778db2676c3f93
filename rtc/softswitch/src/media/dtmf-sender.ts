import { frameMs, frameSamples } from './frame.ts'
import { dtmfDigits, type TelephoneEvent } from './telephone-event.ts'
import { digitsSource } from './tones.ts'
import type { AudioSource, Frame } from './types.ts'

/** What is to be sent in one tick instead of audio; `start` marks the first packet of an event. */
export type DtmfStep = { event: TelephoneEvent; start: boolean } | { tone: Frame }

interface Job {
  digits: string
  durationMs: number
  gapMs: number
  started?: { events: Iterator<DtmfStep | null, void> } | { tones: AudioSource }
  resolve(): void
}

const volume = 10 // -10 dBm0, as most senders say
const maxMs = 8000 // what the duration field of one event can say

/** One step per tick, `null` between digits: a packet with growing duration each tick, the end three times (RFC 4733 section 2.5.1.4). */
function* eventSteps({ digits, durationMs, gapMs }: Job): Generator<DtmfStep | null, void> {
  const ticks = Math.max(1, Math.round(durationMs / frameMs))
  for (const digit of digits) {
    const event = dtmfDigits.indexOf(digit)
    for (let tick = 1; tick < ticks + 3; tick++) {
      const duration = Math.min(tick, ticks) * frameSamples
      yield { event: { event, volume, duration, end: tick >= ticks }, start: tick === 1 }
    }
    for (let gap = 0; gap < gapMs / frameMs; gap++) yield null
  }
}

/** Digits that wait to be sent, as events or, where the peer takes none, as tones. */
export function createDtmfSender() {
  const jobs: Job[] = []
  let isClosed = false

  return {
    async send(digits: string, { durationMs = 100, gapMs = 100 } = {}) {
      const wrong = [...digits].find((digit) => !dtmfDigits.includes(digit))
      if (wrong !== undefined) throw new RangeError(`digits: "${wrong}" is not a DTMF digit; use ${dtmfDigits}`)
      if (!(durationMs >= frameMs && durationMs <= maxMs))
        throw new RangeError(`durationMs: ${durationMs} must be from ${frameMs} to ${maxMs}`)
      if (!(gapMs >= 0 && gapMs <= maxMs)) throw new RangeError(`gapMs: ${gapMs} must be from 0 to ${maxMs}`)
      if (isClosed) return
      const { promise, resolve } = Promise.withResolvers<void>()
      jobs.push({ digits, durationMs, gapMs, resolve })
      await promise
    },
    next(takesEvents: boolean): DtmfStep | null {
      const job = jobs[0]
      if (!job) return null
      job.started ??= takesEvents ? { events: eventSteps(job) } : { tones: digitsSource(job.digits, job) }
      if ('tones' in job.started) {
        const tone = job.started.tones.next()
        if (tone) return { tone }
      } else {
        const step = job.started.events.next()
        if (!step.done) return step.value
      }
      jobs.shift()
      job.resolve()
      return null
    },
    close() {
      isClosed = true
      for (const job of jobs.splice(0)) job.resolve()
    },
  }
}
