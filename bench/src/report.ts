/** One line of the table: what we do, what the machine could do, and whether the target is met. */
export interface Figure {
  name: string
  ours: string
  limit: string
  ratio: string
  target: string
  met: boolean
}

/** A figure that has only its target to be held against: what must not be more, or less. */
export const againstTarget = (name: string, ours: string, target: string, met: boolean): Figure => ({
  name,
  ours,
  limit: '',
  ratio: '',
  target,
  met,
})

export function median(values: readonly number[]): number {
  return percentile(values, 0.5)
}

export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
}

/** `median (min..max)` of the rounds. */
export function spread(values: readonly number[], unit = ''): string {
  const write = (value: number) => value.toLocaleString('en', { maximumFractionDigits: digitsFor(value) })
  return `${write(median(values))}${unit} (${write(Math.min(...values))}..${write(Math.max(...values))})`
}

const digitsFor = (value: number): number => (value >= 100 ? 0 : value >= 10 ? 1 : 2)

/** Each round's quotient: what disturbs the machine disturbs both sides of a round. */
export const ratios = (ours: readonly number[], limit: readonly number[]): number[] =>
  ours.map((value, round) => value / limit[round]!)

/** Runs both sides in turn, the other one first every second round. */
export async function alternate<T>(
  rounds: number,
  ours: () => Promise<T>,
  limit: () => Promise<T>,
): Promise<{ ours: T[]; limit: T[] }> {
  const results: { ours: T[]; limit: T[] } = { ours: [], limit: [] }
  for (let round = 0; round < rounds; round++) {
    const sides = [
      ['ours', ours],
      ['limit', limit],
    ] as const
    for (const [side, run] of round % 2 === 0 ? sides : sides.toReversed()) results[side].push(await run())
  }
  return results
}

export function printTable(figures: Figure[]): void {
  const head: Figure & { verdict?: string } = {
    name: 'what',
    ours: 'Sidetone',
    limit: 'limit',
    ratio: 'Sidetone ÷ limit',
    target: 'target',
    met: true,
  }
  const columns = ['name', 'ours', 'limit', 'ratio', 'target'] as const
  const widths = columns.map((column) => Math.max(...[head, ...figures].map((figure) => figure[column].length)))
  const line = (figure: Figure, verdict: string) =>
    `| ${columns.map((column, index) => figure[column].padEnd(widths[index]!)).join(' | ')} | ${verdict.padEnd(6)} |`
  console.log(line(head, 'met'))
  console.log(`|${[...widths, 6].map((width) => '-'.repeat(width + 2)).join('|')}|`)
  for (const figure of figures) console.log(line(figure, figure.target === '' ? '' : figure.met ? 'yes' : 'NO'))
}
