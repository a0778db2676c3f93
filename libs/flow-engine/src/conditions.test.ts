import { actionOptions } from '@sidetone/proto-schemas/action'
import { describe, expect, test } from 'vitest'
import { digitsHold, timeHolds } from './conditions.ts'

describe('condition_datetime', () => {
  // A Saturday; in Kigali it is 23:30, in Auckland Sunday the 22nd.
  const now = '2026-11-21T21:30:15.123456Z'
  test.each<[object, boolean]>([
    [{}, true],
    [{ hour: 21 }, true],
    [{ hour: 21, minute: 30 }, true],
    [{ hour: 21, minute: 31 }, false],
    [{ condition: '!=', hour: 20 }, true],
    [{ condition: '>=', hour: 9, minute: 45 }, true],
    [{ condition: '>', hour: 21, minute: 30 }, false],
    [{ condition: '<', hour: 21, minute: 31 }, true],
    [{ condition: '<', hour: 22, minute: 0 }, true],
    [{ condition: '<=', hour: 21, minute: 0 }, false],
    [{ condition: '>=', minute: 0 }, true],
    [{ condition: '>=', hour: 0 }, true],
    [{ condition: '==', hour: 0 }, false],
    [{ condition: '<', month: 12, day: 1 }, true],
    [{ condition: '>=', month: 11, day: 21 }, true],
    [{ month: 0, day: 0, hour: -1, minute: -1 }, true],
    [{ weekdays: [6] }, true],
    [{ weekdays: [1, 2, 3, 4, 5] }, false],
    [{ condition: '>', weekdays: [6] }, true],
    [{ condition: '>=', hour: 9, weekdays: [0] }, false],
    [{ hour: 23, timezone: 'Africa/Kigali' }, true],
    [{ day: 22, weekdays: [0], timezone: 'Pacific/Auckland' }, true],
    [{ hour: 0, timezone: 'Asia/Karachi' }, false],
  ])('%j holds: %j', (given, holds) => {
    expect(timeHolds(actionOptions.condition_datetime.parse(given), now)).toBe(holds)
  })

  test('midnight is hour 0', () => {
    expect(timeHolds(actionOptions.condition_datetime.parse({ hour: 0, minute: 0 }), '2026-01-01T00:00:00Z')).toBe(true)
  })

  test('summer time is that of the zone', () => {
    const nine = actionOptions.condition_datetime.parse({ hour: 9, timezone: 'Europe/Berlin' })
    expect(['2026-07-01T07:00:00Z', '2026-12-01T08:00:00Z'].map((time) => timeHolds(nine, time))).toEqual([true, true])
  })

  test('a zone that does not exist is refused', () => {
    const { error } = actionOptions.condition_datetime.safeParse({ timezone: 'Mars/Olympus' })
    expect(error?.issues[0]).toMatchObject({ path: ['timezone'], message: expect.stringContaining('IANA') })
  })
})

test.each([
  [{ length: 3 }, '12', false],
  [{ length: 3 }, '123', true],
  [{ length: 3 }, '1234', true],
  [{ key: '#*' }, '12*', true],
  [{ key: '#' }, '12*', false],
  [{ length: 9, key: '1' }, '1', true],
  [{}, '1', false],
])('condition_call_digits %j with %j holds: %j', (given, digits, holds) => {
  const option = actionOptions.condition_call_digits.parse(given)
  expect(digitsHold(option, { 'voipbin.call.digits': digits })).toBe(holds)
})
