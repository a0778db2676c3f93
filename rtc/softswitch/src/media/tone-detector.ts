import { frameMs } from './frame.ts'
import { energyOf, isLoud, toneShare } from './goertzel.ts'
import type { AudioSink, Frame } from './types.ts'

const minShare = 0.6

/** Hears one frequency; `report` is called once for each time it lasts `minMs`, when it has lasted so long. */
export function createToneDetector(frequencyHz: number, minMs: number, report: () => void): AudioSink {
  const enough = Math.max(1, Math.round(minMs / frameMs))
  let frames = 0
  return {
    write(frame) {
      const energy = energyOf(frame)
      const isTone = isLoud(frame, energy) && toneShare(frame, energy, frequencyHz, frame.length * 50) > minShare
      frames = isTone ? frames + 1 : 0
      if (frames === enough) report()
    },
  }
}

/** What answering machines beep with. */
const [beepFromHz, beepToHz, beepStepHz] = [400, 2100, 25]
const minBeepShare = 0.75
/** A beep keeps its frequency; what a voice holds moves by more. */
const maxDriftHz = 12
const [minBeepMs, maxBeepMs] = [160, 5000]

/** Hears the beep of an answering machine: a pure tone of any frequency; reported with it when it has ended. */
export function createBeepDetector(report: (frequencyHz: number) => void): AudioSink {
  let frames = 0
  let beganAt = 0
  return {
    write(frame) {
      const frequency = pureTone(frame)
      if (frames > 0 && frequency !== null && Math.abs(frequency - beganAt) <= maxDriftHz) {
        frames++
        return
      }
      const ms = frames * frameMs
      // What another tone follows is a melody, or a voice.
      if (frequency === null && ms >= minBeepMs && ms <= maxBeepMs) report(Math.round(beganAt))
      frames = frequency === null ? 0 : 1
      beganAt = frequency ?? 0
    },
  }
}

function pureTone(frame: Frame): number | null {
  const energy = energyOf(frame)
  if (!isLoud(frame, energy)) return null
  const rateHz = frame.length * 50
  const shareAt = (frequency: number) => toneShare(frame, energy, frequency, rateHz)
  let best = { frequency: 0, share: 0 }
  for (let frequency = beepFromHz; frequency <= beepToHz; frequency += beepStepHz) {
    const share = shareAt(frequency)
    if (share > best.share) best = { frequency, share }
  }
  if (best.share < minBeepShare) return null
  // Between the steps by a parabola through the peak.
  const [below, above] = [shareAt(best.frequency - beepStepHz), shareAt(best.frequency + beepStepHz)]
  const curvature = below - 2 * best.share + above
  return curvature === 0 ? best.frequency : best.frequency + (beepStepHz * (below - above)) / (2 * curvature)
}
