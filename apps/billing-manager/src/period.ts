/** The month of a time, `2026-11`; in UTC, as all times are. */
export const periodOf = (time: string): string => time.slice(0, 7)

/** The month that is so many months later. */
export function periodAfter(period: string, months = 1): string {
  const [year, month] = period.split('-').map(Number) as [number, number]
  return new Date(Date.UTC(year, month - 1 + months)).toISOString().slice(0, 7)
}

/** The first moment of a month. */
export const startOf = (period: string): string => `${period}-01T00:00:00.000000Z`
