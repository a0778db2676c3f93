import { counter, gauge, histogram } from '@sidetone/telemetry'
import type { CallRow } from './call-row.ts'

const total = counter({
  name: 'calls_total',
  help: 'Legs that have ended, by how',
  labels: ['direction', 'hangup_reason'],
})
const duration = histogram({
  name: 'call_duration_seconds',
  help: 'From the answer of a leg to its end',
  labels: ['direction'],
  buckets: [1, 5, 15, 30, 60, 120, 300, 600, 1_800, 3_600],
})
const active = gauge({ name: 'calls_active', help: 'Legs that have not ended, at the last round of the reaper' })

/** Counts a leg that has ended. */
export function countEnded({ direction, hangup_reason, tm_progressing, tm_hangup }: CallRow): void {
  total.inc({ direction, hangup_reason })
  if (tm_progressing && tm_hangup) {
    duration.observe({ direction }, (Date.parse(tm_hangup) - Date.parse(tm_progressing)) / 1_000)
  }
}

export const countActive = (count: number): void => active.set(count)
