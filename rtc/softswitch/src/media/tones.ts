import { frameSamples, newFrame, sampleRateHz } from './frame.ts'
import { keypad, keypadColumnsHz, keypadRowsHz } from './keypad.ts'
import { dtmfDigits } from './telephone-event.ts'
import type { AudioSource } from './types.ts'

/** One stretch of a tone: the sum of some sines, or the first modulated by `modulationHz`; none is silence. */
interface Segment {
  frequencies: number[]
  modulationHz?: number
  /** Absent: for ever. */
  samples?: number
  once: boolean
}

export interface PlainTone {
  frequencies: number[]
  /** Absent: until stopped. */
  durationMs?: number | undefined
  /** Peak of each frequency, of 32767. */
  amplitude?: number | undefined
}

// -14 dBm0 each, the middle of what networks use for their tones (ITU-T E.180 section 4); full scale is +3.14 dBm0.
const defaultAmplitude = 4550
// Fading over 2 ms keeps the edges of a tone from clicking.
const fadeSamples = 16

const samplesOf = (ms: number) => Math.round((ms * sampleRateHz) / 1000)

function parseSegment(text: string, spec: string): Segment {
  const match = /^(!?)(\d+(?:\.\d+)?)(?:((?:\+\d+(?:\.\d+)?)+)|\*(\d+(?:\.\d+)?))?(?:\/(\d+))?$/.exec(text.trim())
  const frequencies = match ? [match[2], ...(match[3]?.split('+').slice(1) ?? [])].map(Number) : []
  if (!match || frequencies.some((frequency) => frequency >= sampleRateHz / 2))
    throw new Error(`tone "${spec}": "${text}" is not like 440, 350+440, 425*25/1000 (ms) or !950/330, below 4000 Hz`)
  return {
    frequencies: frequencies.filter((frequency) => frequency > 0),
    once: match[1] === '!',
    ...(match[4] !== undefined && { modulationHz: Number(match[4]) }),
    ...(match[5] !== undefined && Number(match[5]) > 0 && { samples: samplesOf(Number(match[5])) }),
  }
}

interface Cadence {
  /** As a tone of Asterisk's indications. */
  spec: string
  amplitude: number
}

function segmentsOf(tone: string | Cadence | PlainTone): Segment[] {
  const spec = typeof tone === 'object' && 'spec' in tone ? tone.spec : tone
  if (typeof spec === 'string') return spec.split(/[,|]/).map((text) => parseSegment(text, spec))
  const { frequencies, durationMs } = spec
  return [{ frequencies, once: true, ...(durationMs !== undefined && { samples: samplesOf(durationMs) }) }]
}

/**
 * A tone in the syntax of Asterisk's indications: `350+440` for ever, `480+620/500,0/500` repeated, parts with `!` only once;
 * or one plain tone. Ends only when every part has `!` and a duration.
 */
export function toneSource(spec: string | Cadence | PlainTone): AudioSource {
  const amplitude = (typeof spec === 'object' ? spec.amplitude : undefined) ?? defaultAmplitude
  let segments = segmentsOf(spec)
  let index = 0
  let at = 0
  let ended = false
  const frame = newFrame()

  function sample({ frequencies, modulationHz, samples }: Segment): number {
    let value = 0
    const radians = (2 * Math.PI * at) / sampleRateHz
    for (const frequency of frequencies) value += Math.sin(frequency * radians)
    if (modulationHz !== undefined) value *= (1 + 0.9 * Math.sin(modulationHz * radians)) / 1.9
    const edge = Math.min(at + 1, samples === undefined ? fadeSamples : samples - at, fadeSamples)
    return Math.max(-32_768, Math.min(32_767, Math.round((amplitude * value * edge) / fadeSamples)))
  }

  function nextSegment() {
    at = 0
    if (++index < segments.length) return
    segments = segments.filter((segment) => !segment.once)
    index = 0
    ended = segments.length === 0
  }

  return {
    next() {
      if (ended) return null
      frame.fill(0)
      for (let i = 0; i < frameSamples && !ended; i++) {
        const segment = segments[index]!
        frame[i] = sample(segment)
        if (++at === segment.samples) nextSegment()
      }
      return frame
    },
  }
}

/** The short signal before a recording. */
export const beepSource = () => toneSource({ frequencies: [1000], durationMs: 300 })

/** DTMF digits as tones, for a peer without RFC 4733. */
export function digitsSource(digits: string, { durationMs = 100, gapMs = 100 } = {}): AudioSource {
  const parts = [...digits].flatMap((digit) => {
    const row = keypad.findIndex((keys) => keys.includes(digit))
    if (row < 0) throw new RangeError(`digits: "${digit}" is not a DTMF digit; use ${dtmfDigits}`)
    const column = keypad[row]!.indexOf(digit)
    return [
      `!${keypadRowsHz[row]}+${keypadColumnsHz[column]}/${Math.round(durationMs)}`,
      ...(gapMs >= 1 ? [`!0/${Math.round(gapMs)}`] : []),
    ]
  })
  return toneSource(parts.join(','))
}
