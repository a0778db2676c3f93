import type { SrvRecord } from 'node:dns'

/** SRV records as RFC 2782 wants them tried: by priority, and within one at random, the heavier the sooner. */
export function inOrder(records: readonly SrvRecord[], random: () => number): SrvRecord[] {
  const left = [...records]
  const ordered: SrvRecord[] = []
  while (left.length > 0) {
    const best = Math.min(...left.map(({ priority }) => priority))
    const now = left.filter(({ priority }) => priority === best)
    // A weight of 0 means seldom, not never.
    const weightOf = ({ weight }: SrvRecord) => weight || 0.01
    let at = random() * now.reduce((sum, record) => sum + weightOf(record), 0)
    const chosen =
      now.find((record) => {
        at -= weightOf(record)
        return at < 0
      }) ?? now.at(-1)!
    left.splice(left.indexOf(chosen), 1)
    ordered.push(chosen)
  }
  return ordered
}
