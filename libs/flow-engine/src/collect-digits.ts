import type { ActionOption } from '@sidetone/proto-schemas/action'

interface Collected {
  digits: string
  /** What was typed after the end. */
  rest: string
  complete: boolean
}

/** Takes typed digits until there are `length` of them or one of `key` ends them; the key is not one of them. */
export function collectDigits(
  typed: string,
  { length, key }: Pick<ActionOption<'digits_receive'>, 'length' | 'key'>,
): Collected {
  const digits = Array.from(typed)
  const end = digits.findIndex((digit, index) => key.includes(digit) || (length > 0 && index + 1 === length))
  if (end === -1) return { digits: typed, rest: '', complete: false }
  const isKey = key.includes(digits[end]!)
  return { digits: typed.slice(0, isKey ? end : end + 1), rest: typed.slice(end + 1), complete: true }
}
