import { writeFileSync } from 'node:fs'
import type { RtpSession } from './rtp-session.ts'
import { loudness, sampleRateHz, soundsLikeSpeech, strongestTone, toneShare } from './tones.ts'
import { writeWav } from './wav.ts'

type Wait = { timeoutMs?: number; sinceMs?: number; minMs?: number }

export type Listening = ReturnType<typeof listening>

/** What can be asked about the audio of a call. Times are milliseconds since the call's media was opened. */
export function listening(rtp: RtpSession) {
  const heard = (sinceMs = 0, untilMs = Number.POSITIVE_INFINITY): Int16Array => {
    const wanted = rtp.frames.filter(({ atMs }) => atMs >= sinceMs && atMs <= untilMs)
    const samples = new Int16Array(wanted.reduce((sum, frame) => sum + frame.samples.length, 0))
    let at = 0
    for (const frame of wanted) {
      samples.set(frame.samples, at)
      at += frame.samples.length
    }
    return samples
  }
  const tail = (sinceMs: number, lengthMs: number): Int16Array => {
    const samples = heard(Math.max(sinceMs, rtp.nowMs() - 4 * lengthMs))
    return samples.subarray(Math.max(0, samples.length - (lengthMs * sampleRateHz) / 1000))
  }

  /** Resolves with the time at which `found` came true; checked whenever something arrives, and every 20 ms. */
  const waitUntil = (what: string, timeoutMs: number, found: () => boolean) =>
    new Promise<number>((resolve, reject) => {
      const startedAt = rtp.nowMs()
      const stop = () => {
        clearInterval(timer)
        rtp.listeners.delete(check)
      }
      const check = () => {
        if (found()) {
          stop()
          resolve(rtp.nowMs())
        } else if (rtp.nowMs() - startedAt > timeoutMs) {
          stop()
          reject(new Error(`${what} did not come within ${timeoutMs} ms; ${describe(startedAt)}`))
        }
      }
      const timer = setInterval(check, 20)
      rtp.listeners.add(check)
      check()
    })

  const describe = (sinceMs: number) => {
    const samples = heard(sinceMs)
    if (samples.length === 0) return 'no audio arrived'
    const { frequency, share } = strongestTone(samples)
    const seconds = (samples.length / sampleRateHz).toFixed(2)
    return `${seconds} s arrived, loudness ${loudness(samples).toFixed(0)}, strongest ${frequency.toFixed(0)} Hz with ${(100 * share).toFixed(0)} % of the energy`
  }

  return {
    /** Now, on the clock of `heard`. */
    now: rtp.nowMs,
    /** The samples that arrived in that time, in order of arrival. */
    heard,
    frames: rtp.frames,
    /** Resolves once `minMs` of audio hold the frequency strongly (a signal of two tones counts for both). */
    waitForTone: (frequency: number, { timeoutMs = 5000, sinceMs = rtp.nowMs(), minMs = 100 }: Wait = {}) =>
      waitUntil(`${frequency} Hz`, timeoutMs, () => {
        const samples = tail(sinceMs, minMs)
        return (
          samples.length >= (minMs * sampleRateHz) / 1000 &&
          loudness(samples) > 100 &&
          toneShare(samples, frequency) > 0.3
        )
      }),
    waitForSpeech: ({ timeoutMs = 5000, sinceMs = rtp.nowMs(), minMs = 400 }: Wait = {}) => {
      let examined = 0
      return waitUntil('speech', timeoutMs, () => {
        const samples = heard(sinceMs)
        const length = (minMs * sampleRateHz) / 1000
        if (samples.length < length || samples.length - examined < sampleRateHz / 10) return false
        examined = samples.length
        return soundsLikeSpeech(samples.subarray(-length))
      })
    },
    /** Resolves once nothing loud has arrived for `minMs`; no packets at all are silence too. */
    waitForSilence: ({ timeoutMs = 5000, sinceMs = rtp.nowMs(), minMs = 300 }: Wait = {}) =>
      waitUntil('silence', timeoutMs, () => {
        if (rtp.nowMs() - sinceMs < minMs) return false
        return !rtp.frames.some(({ atMs, samples }) => atMs > rtp.nowMs() - minMs && loudness(samples) > 50)
      }),
    /** The strongest frequency that arrived in that time; 0 when it was silent. */
    dominantFrequency: (fromMs = 0, toMs = Number.POSITIVE_INFINITY) => {
      const samples = heard(fromMs, toMs)
      return loudness(samples) > 50 ? strongestTone(samples).frequency : 0
    },
    /** Resolves once these digits have come, as telephone events, at the end of all that came. */
    waitForDigits: (expected: string, { timeoutMs = 5000 }: { timeoutMs?: number } = {}) =>
      waitUntil(`digits ${expected}`, timeoutMs, () => digitsOf(rtp).endsWith(expected)),
    /** Leaves what arrived as a WAV file, for whoever examines a failed test. */
    saveHeard: (path: string) => writeFileSync(path, writeWav(heard())),
  }
}

/** The telephone events that have ended. */
export const digitsOf = (rtp: RtpSession) =>
  rtp.digits
    .filter(({ ended }) => ended)
    .map(({ digit }) => digit)
    .join('')
