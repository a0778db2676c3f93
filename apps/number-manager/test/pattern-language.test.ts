import { describe, expect, test } from 'vitest'
import { fits, meaningOf } from '../src/pattern-language.ts'

const wildcard = (pattern: string) => ({ type: 'wildcard' as const, pattern })
const regex = (pattern: string) => ({ type: 'regex' as const, pattern })

test.each([
  ['+4989123*', '+4989123', true],
  ['+4989123*', '+498912345678', true],
  ['+4989123*', '+498912', false],
  ['+4989123??', '+498912345', true],
  ['+4989123??', '+4989123456', false],
  ['+49?9*', '+49891', true],
  ['+49?9*', '+49811', false],
  ['+*', '+15550100000', true],
])('the wildcard %s and %s: %s', (pattern, number, expected) => {
  expect(fits(wildcard(pattern), number)).toBe(expected)
})

test.each([
  ['\\+49(30|40)[0-9]{5,}', '+493012345', true],
  ['\\+49(30|40)[0-9]{5,}', '+498912345', false],
  ['^\\+4930\\d*$', '+4930123', true],
  // The whole number, with or without anchors.
  ['4930', '+493012345', false],
  ['\\+4930', '+493012345', false],
])('the regex %s and %s: %s', (pattern, number, expected) => {
  expect(fits(regex(pattern), number)).toBe(expected)
})

test.each([
  [wildcard('+4989123*'), '+4989123', 7],
  [wildcard('+49?9*'), '+49', 3],
  [wildcard('+*'), '+', 0],
  [regex('^\\+4930\\d*$'), '+4930', 4],
  [regex('[+]4930[0-9]'), '+4930', 4],
  [regex('\\+493?0'), '+49', 4],
  [regex('\\+490*1'), '+49', 4],
  [regex('\\+491{3}'), '+49', 3],
  [regex('\\+4930|\\+1'), '', 5],
  [regex('(\\+49)30'), '', 4],
  [regex('.*'), '', 0],
])('%j begins with %s and fixes %i digits', (pattern, prefix, digits) => {
  expect(meaningOf(pattern)).toEqual({ prefix, digits })
})

test('whatever fits begins with the prefix', () => {
  const patterns = [
    '\\+493?0\\d+',
    '\\+49+\\d*',
    '\\+4{2}\\d*',
    '^\\+12{0}3\\d*',
    '\\+1[23]\\d*',
    '\\+(1|2)\\d*',
    '\\+12*\\d*',
  ]
  for (const pattern of patterns.map(regex)) {
    for (let n = 0; n < 2_000; n++) {
      const number = `+${String(Math.floor((n / 2_000) * 1e10)).padStart(10, '1')}`
      if (fits(pattern, number))
        expect(number.startsWith(meaningOf(pattern).prefix), `${pattern.pattern} ${number}`).toBe(true)
    }
  }
})

describe('what is not valid is refused', () => {
  test.each(['4989*', '+49*1', '+49a', '', '+49**'])('the wildcard %s', (pattern) => {
    expect(() => meaningOf(wildcard(pattern))).toThrow('must be +')
  })
  // A look-behind or a back-reference would take time without bounds.
  test.each(['(', '[', '\\+(1)\\1', '(?=1)1', '(?<=1)2'])('the regex %s', (pattern) => {
    expect(() => meaningOf(regex(pattern))).toThrow()
  })
})
