import type { AudioSink, AudioSource } from '../../src/media/types.ts'

/** Keeps what is written to it. */
export function ear(): AudioSink & { samples(): Int16Array } {
  const frames: Int16Array[] = []
  return {
    write: (frame) => void frames.push(frame.slice()),
    samples: () => Int16Array.from(frames.flatMap((frame) => [...frame])),
  }
}

/** The level of one frequency, as the peak amplitude of its sine (Goertzel). */
export function amplitudeAt(samples: Int16Array, frequency: number, rateHz = 8000): number {
  const radians = (2 * Math.PI * frequency) / rateHz
  const coefficient = 2 * Math.cos(radians)
  let [before, last] = [0, 0]
  for (const sample of samples) [before, last] = [last, sample + coefficient * last - before]
  return (2 * Math.hypot(last - before * Math.cos(radians), before * Math.sin(radians))) / samples.length
}

/** The strongest frequency, to 1 Hz. */
export function strongestFrequency(samples: Int16Array): number {
  const loudest = (from: number, to: number, step: number) => {
    let best = from
    let level = 0
    for (let frequency = from; frequency <= to; frequency += step) {
      const here = amplitudeAt(samples, frequency)
      if (here > level) [best, level] = [frequency, here]
    }
    return best
  }
  const about = loudest(50, 3950, 10)
  return loudest(about - 10, about + 10, 1)
}

/** From the first loud sample to the last. */
export function loudPart(samples: Int16Array, threshold = 500): Int16Array {
  const isLoud = (sample: number) => Math.abs(sample) > threshold
  return samples.slice(samples.findIndex(isLoud), samples.findLastIndex(isLoud) + 1)
}

/** All that a source plays, or its first seconds. */
export function heardOf(source: AudioSource, maxSeconds = 10): Int16Array {
  const { write, samples } = ear()
  for (let frame = source.next(), left = 50 * maxSeconds; frame && left > 0; frame = source.next(), left--) write(frame)
  return samples()
}
