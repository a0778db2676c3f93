/** The spread of a value over time, as RTP statistics show it. */
export function createSeries() {
  let count = 0
  let least = 0
  let most = 0
  let mean = 0
  let squares = 0 // of the differences from the mean (Welford)
  let last = 0
  return {
    add(value: number) {
      count++
      least = count === 1 ? value : Math.min(least, value)
      most = Math.max(most, value)
      const before = value - mean
      mean += before / count
      squares += before * (value - mean)
      last = value
    },
    /** The latest, and of all: least, most, mean and standard deviation; zeros before the first. */
    get: () => ({ last, least, most, mean, deviation: count === 0 ? 0 : Math.sqrt(squares / count) }),
  }
}
