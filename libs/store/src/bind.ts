/** What both databases store alike. */
export type Bindable = string | number | bigint | null | Uint8Array

/**
 * Lets only those values through to a statement: node:sqlite takes an object in the first place for named parameters
 * and finds nothing, mysql2 turns one into SQL.
 */
export function bind(value: unknown): Bindable {
  if (value === null || typeof value === 'string' || typeof value === 'bigint' || value instanceof Uint8Array) {
    return value
  }
  if (typeof value === 'boolean') return value ? 1 : 0
  if (typeof value === 'number' && Number.isFinite(value)) return value
  const found = typeof value === 'object' ? (value as object).constructor?.name : String(value)
  throw new TypeError(`a statement takes strings, finite numbers, booleans and null, not ${found}`)
}
