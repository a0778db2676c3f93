/**
 * The part of a block's energy that lies at one frequency, 0 to 1 (Goertzel); about 1 for a pure tone. A block of n
 * milliseconds tells frequencies apart that are 1000/n Hz apart.
 */
export function toneShare(block: Int16Array, energy: number, frequency: number, rateHz: number): number {
  if (energy === 0) return 0
  const coefficient = 2 * Math.cos((2 * Math.PI * frequency) / rateHz)
  let last = 0
  let before = 0
  for (let i = 0; i < block.length; i++) {
    const next = block[i]! + coefficient * last - before
    before = last
    last = next
  }
  return (2 * (last * last + before * before - coefficient * last * before)) / (block.length * energy)
}

export function energyOf(block: Int16Array): number {
  let sum = 0
  for (let i = 0; i < block.length; i++) sum += block[i]! * block[i]!
  return sum
}

/** Whether a block is loud enough to say anything: about -45 dBm0. */
export const isLoud = (block: Int16Array, energy: number): boolean => energy > 130 * 130 * block.length
