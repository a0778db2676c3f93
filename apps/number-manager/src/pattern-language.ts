import type { NumberPattern } from '@sidetone/proto-schemas/number'
import { RE2JS } from 're2js'

/** What a pattern means. */
export interface Meaning {
  /** The beginning that every number of it has. */
  prefix: string
  /** How many digits are fixed in all. */
  digits: number
}

const wildcard = /^\+[0-9?]*\*?$/
const digitsIn = (text: string): number => text.replace(/[^0-9]/g, '').length

/** Throws an error that says what is wrong with the pattern. */
export function meaningOf({ type, pattern }: Pick<NumberPattern, 'type' | 'pattern'>): Meaning {
  if (type === 'wildcard') {
    if (!wildcard.test(pattern))
      throw new Error('must be + and digits, with ? for any digit and at the end * for any more')
    return { prefix: /^[+0-9]*/.exec(pattern)![0], digits: digitsIn(pattern) }
  }
  RE2JS.compile(pattern)
  return { prefix: prefixOfRegex(pattern), digits: digitsIn(pattern.replace(/\{[^}]*\}|\[[^\]]*\]/g, '')) }
}

/** Whether a number in E.164 fits, in a time that grows with its length alone. */
export function fits({ type, pattern }: Pick<NumberPattern, 'type' | 'pattern'>, number: string): boolean {
  if (type === 'regex') return RE2JS.matches(pattern, number)
  const open = pattern.endsWith('*')
  const fixed = open ? pattern.slice(0, -1) : pattern
  if (open ? number.length < fixed.length : number.length !== fixed.length) return false
  return [...fixed].every((wanted, at) => wanted === '?' || wanted === number[at])
}

/** The literal beginning of a regular expression: none when alternatives might begin differently. */
function prefixOfRegex(pattern: string): string {
  if (pattern.includes('|')) return ''
  // A digit that may be missing or repeated is no longer certain.
  const [, plus = '', digits = ''] = /^\^?(\\\+|\[\+\])?((?:[0-9](?![?*+{]))*)/.exec(pattern)!
  return plus && `+${digits}`
}
