const immutable = new WeakSet<object>()

/** Freezes a JSON value, all of it; from then on it may be shared without a copy. */
export function freeze<T extends object>(value: T): T {
  freezeAll(value)
  immutable.add(value)
  return value
}

function freezeAll(value: object): void {
  for (const inner of Object.values(value)) if (typeof inner === 'object' && inner !== null) freezeAll(inner)
  Object.freeze(value)
}

/** Whether the value, an object or a list, was given to `freeze`. */
export const isImmutable = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && immutable.has(value)

/** The same function; what it gave for an immutable value, it gives again without working it out. For one that depends on nothing else. */
export function onceForImmutable<T>(work: (value: unknown) => T): (value: unknown) => T {
  const results = new WeakMap<object, T>()
  return (value) => {
    if (!isImmutable(value)) return work(value)
    const known = results.get(value as object)
    if (known !== undefined) return known
    const result = work(value)
    results.set(value as object, result)
    return result
  }
}
