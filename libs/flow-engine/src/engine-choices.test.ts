// biome-ignore-all lint/suspicious/noTemplateCurlyInString: flows write their variables so
import { describe, expect, test } from 'vitest'
import { idOf, numbers, played, program } from '../test/played.ts'

describe('branch', () => {
  const menu = program(
    ['branch', { target_ids: { '1': idOf(3), '#': idOf(4) }, default_target_id: idOf(2) }],
    ['beep'],
    ['answer'],
    ['echo'],
  )
  test.each([
    ['1', [3, 4]],
    ['#', [4]],
    ['9', [2, 3, 4]],
    ['', [2, 3, 4]],
    ['constructor', [2, 3, 4]],
  ])('digits %j lead to %j', (digits, expected) => {
    const done = played(menu, { 'voipbin.call.digits': digits, other: 'kept' })
    expect(numbers(done)).toEqual(expected)
    expect(done.state.variables).toEqual({ other: 'kept' })
  })

  test('without a default it goes on', () => {
    expect(numbers(played(program(['branch', { variable: 'x' }], ['beep'])))).toEqual([2])
  })
})

test('goto jumps loop_count times, and never again', () => {
  const done = played(program(['beep'], ['goto', { target_id: idOf(1), loop_count: 2 }], ['answer']))
  expect(numbers(done)).toEqual([1, 1, 1, 3])
  expect(done.state.counts).toEqual({ [idOf(2)]: 2 })
})

test('each goto counts for itself', () => {
  const loop = (target: number, loop_count: number): [string, Record<string, unknown>] => [
    'goto',
    { target_id: idOf(target), loop_count },
  ]
  expect(numbers(played(program(['beep'], loop(1, 1), ['answer'], loop(3, 2))))).toEqual([1, 1, 3, 3, 3])
})

describe('condition_variable', () => {
  test.each([
    ['string', '==', 'a', { value_string: 'a' }, true],
    ['string', '!=', 'a', { value_string: 'a' }, false],
    ['string', '>', 'b', { value_string: 'a' }, true],
    ['string', '>=', 'a', { value_string: 'a' }, true],
    ['string', '<', 'b', { value_string: 'a' }, false],
    ['string', '<=', '10', { value_string: '9' }, true],
    ['number', '==', ' 7.0 ', { value_number: 7 }, true],
    ['number', '!=', '7', { value_number: 8 }, true],
    ['number', '>', '10', { value_number: 9 }, true],
    ['number', '>=', '9', { value_number: 9 }, true],
    ['number', '<', '-1', { value_number: 0 }, true],
    ['number', '<=', '1', { value_number: 0 }, false],
    ['number', '==', '', { value_number: 0 }, false],
    ['number', '<=', 'x', { value_number: 0 }, false],
    ['number', '!=', 'x', { value_number: 0 }, true],
    ['length', '==', 'é😀', { value_length: 2 }, true],
    ['length', '>', '1234', { value_length: 4 }, false],
    ['length', '<', '', { value_length: 1 }, true],
  ])('%s %s with %j against %j is %j', (value_type, condition, value, values, holds) => {
    const option = { condition, variable: '${it}', value_type, ...values, false_target_id: idOf(3) }
    const done = played(program(['condition_variable', option], ['answer'], ['beep']), { it: value })
    expect(numbers(done)).toEqual(holds ? [2, 3] : [3])
  })

  test('without a target for false it goes on', () => {
    const option = { condition: '==', variable: 'a', value_string: 'b' }
    expect(numbers(played(program(['condition_variable', option], ['answer'])))).toEqual([2])
  })
})
