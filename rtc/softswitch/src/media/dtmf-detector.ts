import { energyOf, isLoud, toneShare } from './goertzel.ts'
import { keypad, keypadColumnsHz, keypadRowsHz } from './keypad.ts'
import type { AudioSink, Frame } from './types.ts'

/** Short enough for the 40 ms that a digit lasts at least (ITU-T Q.24), long enough to tell its frequencies apart. */
const blockMs = 12.75
const hitsToBegin = 2
const missesToEnd = 2

// Speech has its energy at more than two frequencies; a digit has none elsewhere, but for noise and what leaks out of a block.
const minShareOfBoth = 0.7
/** How much stronger the row and the column must be than their neighbours. */
const minLead = 6.3
// ITU-T Q.24: the column may be 4 dB stronger than the row, or 8 dB weaker.
const [maxColumnOverRow, maxRowOverColumn] = [2.5, 6.3]

/** Hears digits that a peer sends as tones (ITU-T Q.23); each is reported when it has ended, with its length. */
export function createDtmfDetector(report: (digit: string, durationMs: number) => void): AudioSink {
  let block = new Int16Array(0)
  let filled = 0
  let candidate: string | undefined
  let hits = 0
  let misses = 0

  function judge(digit: string | undefined) {
    if (digit !== undefined && digit === candidate) {
      hits += 1 + misses
      misses = 0
      return
    }
    if (candidate !== undefined && hits >= hitsToBegin && ++misses < missesToEnd) return
    if (candidate !== undefined && hits >= hitsToBegin) report(candidate, Math.round(hits * blockMs))
    candidate = digit
    hits = digit === undefined ? 0 : 1
    misses = 0
  }

  return {
    write(frame: Frame) {
      const rateHz = frame.length * 50
      const length = Math.round((rateHz * blockMs) / 1000)
      if (block.length !== length) {
        block = new Int16Array(length)
        filled = 0
      }
      for (let at = 0; at < frame.length; ) {
        const part = frame.subarray(at, at + length - filled)
        block.set(part, filled)
        filled += part.length
        at += part.length
        if (filled < length) return
        filled = 0
        judge(digitIn(block, rateHz))
      }
    },
  }
}

function digitIn(block: Int16Array, rateHz: number): string | undefined {
  const energy = energyOf(block)
  if (!isLoud(block, energy)) return undefined
  const row = strongest(block, energy, keypadRowsHz, rateHz)
  if (!row) return undefined
  const column = strongest(block, energy, keypadColumnsHz, rateHz)
  if (!column || row.share + column.share < minShareOfBoth) return undefined
  if (column.share > row.share * maxColumnOverRow || row.share > column.share * maxRowOverColumn) return undefined
  return keypad[row.index]![column.index]
}

function strongest(block: Int16Array, energy: number, frequencies: number[], rateHz: number) {
  const shares = frequencies.map((frequency) => toneShare(block, energy, frequency, rateHz))
  const share = Math.max(...shares)
  const index = shares.indexOf(share)
  const leads = share > 0.1 && shares.every((other, at) => at === index || other * minLead < share)
  return leads ? { index, share } : undefined
}
