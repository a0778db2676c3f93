import type { WebhookEndpoint } from '@sidetone/proto-schemas/webhook'
import { timeAfter } from '@sidetone/store'

/** How an endpoint does: the attempts in a row that it did not accept, since when, and before when nothing is sent. */
export type Health = Pick<WebhookEndpoint, 'failures' | 'tm_failing' | 'tm_retry'>

export const healthy: Health = { failures: 0, tm_failing: null, tm_retry: null }

const pauseAfter = 8
const places = 16
const shortestPauseMs = 5_000
const longestPauseMs = 5 * 60_000
const hopelessMs = 3 * 24 * 3_600_000

/** One more failure; after a number of them there is a pause, twice as long each time. */
export function afterFailure({ failures: before, tm_failing }: Health): Health {
  const failures = before + 1
  const doublings = failures - pauseAfter
  const pauseMs = Math.min(shortestPauseMs * 2 ** doublings, longestPauseMs) * (0.9 + Math.random() * 0.2)
  return { failures, tm_failing: tm_failing ?? timeAfter(0), tm_retry: doublings < 0 ? null : timeAfter(pauseMs) }
}

/** How many requests may be on their way: a single one to find out whether an endpoint is back. */
export const placesOf = ({ failures }: Health): number => (failures < pauseAfter ? places : 1)

export const isPaused = ({ tm_retry }: Pick<Health, 'tm_retry'>): boolean =>
  tm_retry !== null && tm_retry > timeAfter(0)

/** Nothing was accepted for so long that nobody seems to be there any more. */
export const isHopeless = ({ failures, tm_failing }: Health): boolean =>
  failures >= pauseAfter && tm_failing !== null && tm_failing < timeAfter(-hopelessMs)
