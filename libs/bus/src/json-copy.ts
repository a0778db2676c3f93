import { isImmutable } from '@sidetone/contract'

/**
 * What `JSON.parse(JSON.stringify(value))` gives, at a third of its cost: what a receiver at the other end of a broker would have.
 * What nobody can change is not copied.
 */
export function jsonCopy(value: unknown): unknown {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return value
    case 'number':
      return Number.isFinite(value) ? value + 0 : null
    case 'object':
      return value === null ? null : copyObject(value)
    case 'bigint':
      throw new TypeError('a bigint cannot be sent as JSON')
    default:
      return undefined
  }
}

function copyObject(value: object): unknown {
  if (isImmutable(value)) return value
  if ('toJSON' in value && typeof value.toJSON === 'function') return jsonCopy(value.toJSON())
  if (Array.isArray(value)) return value.map((item) => jsonCopy(item) ?? null)
  const copy: Record<string, unknown> = { ...value }
  for (const key of Object.keys(copy)) {
    const item = copy[key]
    if (typeof item === 'string' || item === null) continue
    const copied = jsonCopy(item)
    if (copied === undefined) delete copy[key]
    else copy[key] = copied
  }
  return copy
}
