import { objectMaker } from '@sidetone/contract'
import fc from 'fast-check'
import { expect, test } from 'vitest'

test('fields are copied by name or place, or read, in the order in which they were given', () => {
  const make = objectMaker<unknown[]>([
    { name: 'id', from: 1 },
    { name: 'size', read: (row) => (row[0] as string).length },
    { name: 'kind', from: 0 },
  ])
  const made = make(['call', 'x'])
  expect(made).toEqual({ id: 'x', size: 4, kind: 'call' })
  expect(Object.keys(made)).toEqual(['id', 'size', 'kind'])
})

test('an optional field without a value is absent', () => {
  const make = objectMaker([{ name: 'id' }, { name: 'note', optional: true }])
  expect(Object.keys(make({ id: 'x' }))).toEqual(['id'])
  expect(make({ id: 'x', note: null })).toEqual({ id: 'x', note: null })
})

test('whatever a field is called, it is no code', () => {
  const name = fc.string().filter((text) => text !== '__proto__')
  fc.assert(
    fc.property(fc.dictionary(name, fc.jsonValue()), (source) => {
      expect(objectMaker(Object.keys(source).map((name) => ({ name })))(source)).toEqual(source)
    }),
  )
})
