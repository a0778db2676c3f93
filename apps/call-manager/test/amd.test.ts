import { describe, expect, test } from 'vitest'
import { type AmdEvent, type AmdState, decideAmd } from '../src/amd.ts'

const begun: AmdState = { handle: 'hangup', begun_at: 1_000, talking_since: 0 }
const started: AmdEvent = { type: 'started' }
const timer: AmdEvent = { type: 'timer' }
const finished = (durationMs: number): AmdEvent => ({ type: 'finished', durationMs })

/** Events with their times after the answer. */
const after = (...events: [number, AmdEvent][]): unknown => {
  let state: AmdState | string = begun
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
