import { expect, test } from 'vitest'
import { newId } from './clock.ts'

test('ids are all different, of version 7, of now, and in the order in which they were made', () => {
  const begun = Date.now()
  const ids = Array.from({ length: 20_000 }, newId)
  const time = (id: string) => Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16)
  expect(new Set(ids).size).toBe(ids.length)
  expect(ids.toSorted()).toEqual(ids)
  expect(new Set(ids.map((id) => id.slice(-8))).size).toBeGreaterThan(19_000)
  expect(ids.every((id) => /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/.test(id))).toBe(true)
  expect(time(ids[0]!)).toBeGreaterThanOrEqual(begun)
  expect(time(ids.at(-1)!)).toBeLessThanOrEqual(Date.now())
})
