import { freeze } from '@sidetone/contract'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { jsonCopy } from '../src/json-copy.ts'

const throughText = (value: unknown): unknown => {
  const text = JSON.stringify(value)
  return text === undefined ? undefined : JSON.parse(text)
}

test('a copy is what the same value is after it has been written and read as JSON', () => {
  const anything = fc.anything({ withDate: true, withNullPrototype: true, withMap: true, withSet: true })
  fc.assert(
    fc.property(anything, (value) => {
      expect(jsonCopy(value)).toStrictEqual(throughText(value))
    }),
  )
})

test.each([
  ['a key that is also the name of an accessor', JSON.parse('{"__proto__":{"admin":true}}')],
  ['what JSON does not have', { a: undefined, b: Number.NaN, c: -0, d: () => 1, e: [undefined, Symbol('x')] }],
  ['a date', { at: new Date(0) }],
])('%s', (_, value) => {
  expect(jsonCopy(value)).toStrictEqual(throughText(value))
})

test('a copy shares nothing with its original', () => {
  const original = { list: [{ value: 1 }], map: { key: 'value' } }
  const copy = jsonCopy(original) as typeof original
  original.list[0]!.value = 2
  original.map.key = 'other'
  expect(copy).toEqual({ list: [{ value: 1 }], map: { key: 'value' } })
})

test('what is immutable is its own copy', () => {
  const shared = freeze({ list: [{ value: 1 }] })
  expect(() => shared.list[0]!.value++).toThrow(TypeError)
  expect((jsonCopy({ shared }) as { shared: object }).shared).toBe(shared)
})

test('what JSON refuses is refused', () => {
  expect(() => jsonCopy({ amount: 1n })).toThrow(TypeError)
})
