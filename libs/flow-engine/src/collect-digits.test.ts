import fc from 'fast-check'
import { expect, test } from 'vitest'
import { collectDigits } from './collect-digits.ts'

test.each([
  ['12', { length: 3, key: '' }, { digits: '12', rest: '', complete: false }],
  ['123', { length: 3, key: '' }, { digits: '123', rest: '', complete: true }],
  ['12345', { length: 3, key: '' }, { digits: '123', rest: '45', complete: true }],
  ['12#', { length: 0, key: '#' }, { digits: '12', rest: '', complete: true }],
  ['12#9', { length: 5, key: '#' }, { digits: '12', rest: '9', complete: true }],
  ['12*', { length: 0, key: '#*' }, { digits: '12', rest: '', complete: true }],
  ['#', { length: 1, key: '#' }, { digits: '', rest: '', complete: true }],
  ['12', { length: 0, key: '' }, { digits: '12', rest: '', complete: false }],
  ['', { length: 1, key: '#' }, { digits: '', rest: '', complete: false }],
])('"%s" with %o', (typed, option, expected) => {
  expect(collectDigits(typed, option)).toEqual(expected)
})

test('typing one by one ends where typing ahead ends, and no digit is lost', () => {
  const digits = fc.string({ unit: fc.constantFrom(...'0123456789*#'), maxLength: 12 })
  fc.assert(
    fc.property(digits, fc.nat(5), fc.constantFrom('', '#', '*#'), (typed, length, key) => {
      const ahead = collectDigits(typed, { length, key })
      const places = Array.from({ length: typed.length + 1 }, (_, count) => typed.slice(0, count))
      const first = places.find((part) => collectDigits(part, { length, key }).complete)
      expect(ahead.complete).toBe(first !== undefined)
      if (first !== undefined) {
        expect(ahead.digits).toBe(collectDigits(first, { length, key }).digits)
        expect(first + ahead.rest).toBe(typed)
      }
    }),
  )
})
