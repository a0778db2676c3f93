const second = 1_000
const minute = 60 * second
const hour = 60 * minute

/** Between the attempts: quick at first, for a receiver that restarts, then over a day. */
const delaysMs = [second, 5 * second, 30 * second, 5 * minute, 30 * minute, 2 * hour, 6 * hour, 15 * hour]

export const retries = delaysMs.length

/** How long to wait after the given attempt (counted from 1), with up to a fifth of jitter. */
export const retryAfterMs = (attempt: number): number =>
  delaysMs[Math.min(attempt, retries) - 1]! * (0.9 + Math.random() * 0.2)
