/** Samples per second of everything the phone plays and hears. */
export const sampleRateHz = 8000

/** A sine wave as 16-bit samples. */
export function sine(frequency: number, durationMs: number, amplitude = 8000): Int16Array {
  const step = (2 * Math.PI * frequency) / sampleRateHz
  return Int16Array.from({ length: (durationMs * sampleRateHz) / 1000 }, (_, i) => amplitude * Math.sin(step * i))
}

/** Root mean square of the samples; 0 for none. */
export function loudness(samples: Int16Array): number {
  if (samples.length === 0) return 0
  return Math.sqrt(samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length)
}

/** The part of the signal's energy that lies at one frequency, 0 to 1 (Goertzel). A pure tone gives about 1. */
export function toneShare(samples: Int16Array, frequency: number): number {
  const energy = samples.reduce((sum, sample) => sum + sample * sample, 0)
  if (energy === 0) return 0
  const coefficient = 2 * Math.cos((2 * Math.PI * frequency) / sampleRateHz)
  let last = 0
  let beforeLast = 0
  for (const sample of samples) {
    const next = sample + coefficient * last - beforeLast
    beforeLast = last
    last = next
  }
  const power = last * last + beforeLast * beforeLast - coefficient * last * beforeLast
  return Math.min(1, (2 * power) / (samples.length * energy))
}

/** The strongest frequency between 100 and 3500 Hz to about 1 Hz, and its share of the energy. */
export function strongestTone(samples: Int16Array): { frequency: number; share: number } {
  const window = samples.subarray(0, sampleRateHz / 2)
  const best = (from: number, to: number, step: number) => {
    let found = { frequency: 0, share: 0 }
    for (let frequency = from; frequency <= to; frequency += step) {
      const share = toneShare(window, frequency)
      if (share > found.share) found = { frequency, share }
    }
    return found
  }
  // A window of n samples tells frequencies apart that are 8000/n Hz apart: a coarser scan would step over the peak.
  const coarse = best(100, 3500, Math.max(2, sampleRateHz / Math.max(1, window.length) / 2))
  return best(coarse.frequency - 10, coarse.frequency + 10, 1)
}

/** Loud in most of its parts and spread over more than two frequencies, as voices are and signal tones are not. */
export function soundsLikeSpeech(samples: Int16Array): boolean {
  const frameLength = sampleRateHz / 50
  const frames = Math.floor(samples.length / frameLength)
  let loud = 0
  for (let i = 0; i < frames; i++) {
    if (loudness(samples.subarray(i * frameLength, (i + 1) * frameLength)) > 200) loud++
  }
  if (frames === 0 || loud / frames < 0.5) return false
  const shares: number[] = []
  for (let frequency = 100; frequency <= 3500; frequency += sampleRateHz / samples.length) {
    shares.push(toneShare(samples, frequency))
  }
  const strongest = shares.sort((a, b) => b - a).slice(0, 6) // two tones, each with what leaks beside it
  return strongest.reduce((sum, share) => sum + share, 0) < 0.8
}
