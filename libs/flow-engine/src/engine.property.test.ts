// biome-ignore-all lint/suspicious/noTemplateCurlyInString: flows write their variables so
import { nilId } from '@sidetone/contract'
import { type Action, type ActionType, actionOptions, reservedActionIds } from '@sidetone/proto-schemas/action'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { idOf, now } from '../test/played.ts'
import { type Answer, run } from './engine.ts'
import { type FlowState, startOf } from './state.ts'

describe('any flow', () => {
  const type = fc.constantFrom<string>(...(Object.keys(actionOptions) as ActionType[]), 'nonsense')
  const text = fc.oneof(fc.string(), fc.constantFrom('${a}', '${voipbin.call.digits}', '${', '__proto__', 'a', ''))
  const anyId = fc.oneof(fc.integer({ min: 1, max: 8 }).map(idOf), fc.constantFrom(nilId, 'x', reservedActionIds.start))
  const value = fc.oneof(
    text,
    anyId,
    fc.integer({ min: -1, max: 9 }),
    fc.boolean(),
    fc.array(text),
    fc.dictionary(text, anyId),
    fc.jsonValue(),
  )
  const option = fc.dictionary(
    fc.constantFrom(
      'target_id',
      'loop_count',
      'variable',
      'default_target_id',
      'target_ids',
      'false_target_id',
      'condition',
      'key',
      'value',
      'text',
      'duration',
      'uri',
    ),
    value,
  )
  const sensible = fc.oneof(
    fc.constantFrom(['fetch', { event_url: 'http://x' }] as const, ['block', {}] as const, ['beep', {}] as const),
    fc
      .record({ target_id: anyId, loop_count: fc.integer({ min: 0, max: 1_000_000 }) })
      .map((o) => ['goto', o] as const),
    fc.record({ key: text, value: text }).map((o) => ['variable_set', o] as const),
    fc
      .record({ variable: text, target_ids: fc.dictionary(text, anyId), default_target_id: anyId })
      .map((o) => ['branch', o] as const),
    fc
      .record({
        condition: fc.constantFrom('==', '!=', '<'),
        variable: text,
        value_string: text,
        false_target_id: anyId,
      })
      .map((o) => ['condition_variable', o] as const),
  )
  const action = fc
    .tuple(anyId, anyId, fc.oneof(sensible, fc.tuple(type, option)))
    .map(([id, next_id, [name, given]]): Action => ({ id, next_id, type: name, option: given, tm_execute: null }))

  const answer: fc.Arbitrary<Answer> = fc.record(
    {
      actions: fc.array(action, { maxLength: 4 }),
      variables: fc.dictionary(text, text),
      target_id: anyId,
      problem: fc.string(),
    },
    { requiredKeys: [] },
  )

  test('ends, or waits for somebody, within the steps it is given, and never throws', () => {
    fc.assert(
      fc.property(
        fc.array(action, { maxLength: 8 }),
        fc.boolean(),
        fc.dictionary(text, text),
        fc.array(answer, { minLength: 8, maxLength: 8 }),
        (actions, hasCall, variables, answers) => {
          let state: FlowState = { ...startOf(actions), variables }
          let answer: Answer | undefined
          for (let turn = 0; turn < 8 && state.status === 'running'; turn++) {
            const before = state.execute_count
            const ran = run(state, { hasCall, now, maxSteps: 100, answer })
            answer = ran.outcome.kind === 'other' || ran.outcome.kind === 'call' ? answers[turn] : undefined
            state = ran.state
            expect(state.execute_count - before).toBeLessThanOrEqual(100)
            expect(JSON.parse(JSON.stringify(state))).toEqual(state)
            if (ran.outcome.kind === 'call') expect(hasCall).toBe(true)
            expect(state.status === 'ended').toBe(ran.outcome.kind === 'ended' || ran.outcome.kind === 'failed')
          }
        },
      ),
      { numRuns: 200 },
    )
  })
})
