import { toneSource } from './tones.ts'
import type { AudioSource } from './types.ts'

const beatMs = 360
const notesHz: Record<string, number> = {
  C: 262,
  D: 294,
  E: 330,
  F: 349,
  G: 392,
  A: 440,
  c: 523,
  d: 587,
  e: 659,
  '-': 0,
}

// Made for this: four bars of three notes over a held one, and a bar to breathe. Soft, so that nobody mistakes it for a signal.
const melody = 'G c e d c G | A c d c A F | G c e d e c | d c A G E D | C - -'
const bass = 'C F C G C'

/** The music that people on hold hear, again and again. */
export function holdTune(): AudioSource {
  const bars = melody.split(' | ').map((bar) => bar.split(' '))
  const parts = bars.flatMap((bar, index) =>
    bar.map((note) => {
      const voices = [notesHz[note]!, notesHz[bass.split(' ')[index]!]! / 2].filter((frequency) => frequency > 0)
      return `${voices.join('+')}/${beatMs}`
    }),
  )
  return toneSource({ spec: [...parts, `0/${4 * beatMs}`].join(','), amplitude: 1800 })
}
