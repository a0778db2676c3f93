/** Listeners by prefix. Finding those of a topic costs a look-up per length of prefix, however many prefixes there are. */
export interface Prefixes<T> {
  /** `first`: nobody listened to this prefix before. */
  add(prefix: string, listener: T): { first: boolean; remove: () => 'last' | 'others' | 'gone' }
  matching(topic: string): T[]
}

export function createPrefixes<T>(): Prefixes<T> {
  const byLength = new Map<number, Map<string, Set<{ listener: T }>>>()

  return {
    add(prefix, listener) {
      const { length } = prefix
      const ofLength = byLength.get(length) ?? new Map<string, Set<{ listener: T }>>()
      byLength.set(length, ofLength)
      const entries = ofLength.get(prefix) ?? new Set()
      ofLength.set(prefix, entries)
      const first = entries.size === 0
      const entry = { listener }
      entries.add(entry)
      return {
        first,
        remove() {
          if (!entries.delete(entry)) return 'gone'
          if (entries.size > 0) return 'others'
          ofLength.delete(prefix)
          if (ofLength.size === 0) byLength.delete(length)
          return 'last'
        },
      }
    },
    matching(topic) {
      const found: T[] = []
      for (const [length, ofLength] of byLength) {
        if (length > topic.length) continue
        for (const { listener } of ofLength.get(topic.slice(0, length)) ?? []) found.push(listener)
      }
      return found
    },
  }
}
