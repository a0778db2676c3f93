import { describe, expect, test } from 'vitest'
import { type AmdEvent, type AmdState, decideAmd } from '../src/amd.ts'

const begun: AmdState = {
  handle: 'hangup',
  begun_at: 1_000,
  talking_since: 0,
  wait_beep: false,
  machine_since: 0,
  quiet_since: 0,
}
const started: AmdEvent = { type: 'started' }
const timer: AmdEvent = { type: 'timer' }
const finished = (durationMs: number): AmdEvent => ({ type: 'finished', durationMs })

/** Events with their times after the answer. */
const after = (...events: [number, AmdEvent][]): unknown => decided(begun, events)

function decided(from: AmdState, events: [number, AmdEvent][]): unknown {
  let state: AmdState | string = from
  for (const [at, event] of events) if (typeof state === 'object') state = decideAmd(state, event, begun.begun_at + at)
  return typeof state === 'object' ? 'open' : state
}

describe('who has answered', () => {
  test.each<[string, string, [number, AmdEvent][]]>([
    [
      'a short greeting and a pause',
      'human',
      [
        [300, started],
        [1_900, finished(800)],
      ],
    ],
    [
      'a greeting of the longest that people have',
      'human',
      [
        [0, started],
        [2_800, finished(2_000)],
      ],
    ],
    [
      'a long greeting',
      'machine',
      [
        [300, started],
        [3_200, finished(2_100)],
      ],
    ],
    [
      'one that talks on',
      'machine',
      [
        [300, started],
        [3_100, timer],
      ],
    ],
    ['nothing at all', 'machine', [[2_500, timer]]],
    [
      'a click, and then a greeting',
      'human',
      [
        [0, started],
        [840, finished(40)],
        [1_500, started],
        [3_000, finished(700)],
      ],
    ],
    [
      'a click, and then nothing',
      'machine',
      [
        [0, started],
        [840, finished(40)],
        [2_500, timer],
      ],
    ],
    [
      'the timer of the silence while it talks',
      'open',
      [
        [2_400, started],
        [2_500, timer],
      ],
    ],
    [
      'talking that goes on',
      'open',
      [
        [300, started],
        [2_900, timer],
      ],
    ],
  ])('%s: %s', (_, result, events) => {
    expect(after(...events)).toBe(result)
  })
})

describe('when a machine has said all of its greeting', () => {
  const waiting: AmdState = { ...begun, handle: 'continue', wait_beep: true }
  const beep: AmdEvent = { type: 'beep' }
  const greeted: [number, AmdEvent][] = [
    [300, started],
    [6_000, finished(4_900)],
  ]
  test.each<[string, string, [number, AmdEvent][]]>([
    ['its greeting is over, and there was no beep yet', 'open', greeted],
    ['a beep', 'machine', [...greeted, [6_500, beep]]],
    [
      'a beep before anything was decided',
      'machine',
      [
        [300, started],
        [1_500, beep],
      ],
    ],
    ['silence', 'machine', [...greeted, [8_000, timer]]],
    ['a pause, after which it talks on', 'open', [...greeted, [7_000, started], [8_000, timer]]],
    [
      'it talks on for ever',
      'machine',
      [
        [300, started],
        [3_100, timer],
        [33_100, timer],
      ],
    ],
    [
      'a person is not waited for',
      'human',
      [
        [300, started],
        [1_900, finished(800)],
      ],
    ],
    ['nothing at all, and no beep yet', 'open', [[2_500, timer]]],
  ])('%s: %s', (_, result, events) => {
    expect(decided(waiting, events)).toBe(result)
  })

  test('who hangs up on machines does not wait', () => {
    expect(decided({ ...waiting, handle: 'hangup' }, greeted)).toBe('machine')
  })
})
