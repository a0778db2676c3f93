// biome-ignore-all lint/suspicious/noTemplateCurlyInString: flows write their variables so
import { nilId } from '@sidetone/contract'
import type { Action } from '@sidetone/proto-schemas/action'
import { describe, expect, test } from 'vitest'
import { call, idOf, now, numbers, played, program } from '../test/played.ts'
import { run } from './engine.ts'
import { startOf } from './state.ts'
import { substitute } from './substitute.ts'

describe('variables', () => {
  test('they are filled in, nested too, and unknown ones are empty', () => {
    const destinations = [{ type: 'tel', target: '${to}', name: 'for ${who}${nobody}' }]
    const done = played(program(['variable_set', { key: 'who', value: '${first} B' }], ['connect', { destinations }]), {
      first: 'A',
      to: '+15550100000',
    })
    expect(done.given[0]?.option).toMatchObject({ destinations: [{ target: '+15550100000', name: 'for A B' }] })
  })

  test('what was filled in is not filled in again', () => {
    const done = played(program(['talk', { text: '${a}' }]), { a: '${b}', b: 'secret' })
    expect(done.given[0]?.option).toMatchObject({ text: '${b}' })
  })

  test('names of object properties are names like any other', () => {
    const done = played(
      program(['variable_set', { key: '__proto__', value: 'x' }], ['talk', { text: '[${toString}${__proto__}]' }]),
    )
    expect(done.given[0]?.option).toMatchObject({ text: '[x]' })
  })

  test('a text that doubles itself is stopped by the limit, not by the memory', () => {
    const double = { key: 'a', value: '${a}${a}' }
    const done = played(program(['variable_set', double], ['goto', { target_id: idOf(1), loop_count: 100 }]), {
      a: 'x',
    })
    expect(done.problems[0]).toContain('variable_set')
    expect(done.state.variables.a!.length).toBeLessThanOrEqual(32_768)
  })

  test('a text cannot grow without end while it is filled in', () => {
    const actions = program(['webhook_send', { uri: 'http://x', data: '${a}'.repeat(10_000) }], ['answer'])
    const done = played(actions, { a: 'x'.repeat(32_768) })
    expect(numbers(done)).toEqual([2])
    expect(done.problems[0]).toContain('data')
    expect(JSON.stringify(substitute(actions, done.state.variables)).length).toBeLessThan(200_000)
  })

  test('a flow cannot fill the memory with variables', () => {
    const setOf = (n: number): [string, Record<string, unknown>] => [
      'variable_set',
      { key: `k${n}`, value: 'x'.repeat(30_000) },
    ]
    const actions = program(...Array.from({ length: 20 }, (_, n) => setOf(n)))
    const done = played(actions)
    expect(JSON.stringify(done.state.variables).length).toBeLessThan(300_000)
    expect(done.problems.length).toBeGreaterThan(0)
  })
})

describe('options', () => {
  test('what the caller gets is complete', () => {
    expect(played(program(['digits_receive', { length: 4 }])).given[0]).toEqual({
      id: idOf(1),
      next_id: nilId,
      type: 'digits_receive',
      option: { duration: 5_000, key: '', length: 4 },
      tm_execute: now,
    })
  })

  test('an option that is wrong once it is filled in is skipped, and said', () => {
    const done = played(program(['play', { stream_urls: ['${url}'] }], ['answer']), { url: 'ftp://x' })
    expect(numbers(done)).toEqual([2])
    expect(done.problems).toEqual([`action ${idOf(1)} (play) failed: stream_urls.0: must be an http or https URL`])
    expect(done.state.error).toBe(done.problems[0])
  })
})

describe('an action that fails', () => {
  const wrong: [string, Record<string, unknown>] = ['play', { stream_urls: ['${nothing}'] }]
  const failing = (error_id?: string): Action[] => {
    const [first, ...rest] = program(wrong, ['answer'], ['beep']) as [Action, ...Action[]]
    return [{ ...first, ...(error_id && { error_id }) }, ...rest]
  }

  test('is left by its error_id', () => {
    expect(numbers(played(failing(idOf(3))))).toEqual([3])
    expect(numbers(played(failing()))).toEqual([2, 3])
  })

  test('can be read by the flow, and is reported', () => {
    const { state, failures } = run(startOf(failing()), call)
    expect(failures).toMatchObject([{ action: { id: idOf(1), type: 'play' } }])
    expect(state.variables).toEqual({
      'voipbin.error.action_id': idOf(1),
      'voipbin.error.action_type': 'play',
      'voipbin.error.message': failures[0]!.problem,
    })
  })

  test('and is a condition counts as one that does not hold', () => {
    const option = { condition: '${c}', variable: 'a', false_target_id: idOf(3) }
    expect(numbers(played(program(['condition_variable', option], ['answer'], ['beep'])))).toEqual([3])
  })

  test('where the call executes it goes the same way', () => {
    const [talk, ...rest] = program(['talk', { text: 'a' }], ['answer'], ['beep']) as [Action, ...Action[]]
    const talking = run(startOf([{ ...talk, error_id: idOf(3) }, ...rest]), call)
    const { outcome, failures } = run(talking.state, { ...call, answer: { problem: 'no voice' } })
    expect(outcome).toMatchObject({ kind: 'call', action: { type: 'beep' } })
    expect(failures).toMatchObject([{ action: { type: 'talk' }, problem: 'no voice' }])
  })
})
