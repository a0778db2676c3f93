// biome-ignore-all lint/suspicious/noTemplateCurlyInString: flows write their variables so
import type { Action } from '@sidetone/proto-schemas/action'
import { describe, expect, test } from 'vitest'
import { call, idOf, program } from '../test/played.ts'
import { run } from './engine.ts'
import { type FlowState, startOf } from './state.ts'

describe('what others execute', () => {
  const fetch: [string, Record<string, unknown>] = ['fetch', { event_url: 'http://x/${a}' }]
  const asked = (actions: Action[], variables = {}) => run({ ...startOf(actions), variables }, call)
  const answer = (state: FlowState, given: object) => run(state, { ...call, answer: given })

  test('is handed out with its option filled in', () => {
    expect(asked(program(fetch), { a: 'b' }).outcome).toMatchObject({
      kind: 'other',
      action: { type: 'fetch', option: { event_url: 'http://x/b', event_method: 'POST' } },
    })
  })

  test('the actions of an answer run first, then the flow goes on', () => {
    const { state } = asked(program(fetch, ['hangup']))
    const inner = answer(state, { actions: program(['beep'], ['echo']) })
    expect(inner.outcome).toMatchObject({ action: { type: 'beep' } })
    const second = run(inner.state, call)
    expect(second.outcome).toMatchObject({ action: { type: 'echo' } })
    const back = run(second.state, call)
    expect(back.outcome).toMatchObject({ action: { type: 'hangup' } })
    expect(Object.keys(back.state.stack_map)).toEqual([back.state.current_stack_id])
  })

  test('an answer may have nothing, variables, or a place to go on', () => {
    const { state } = asked(program(fetch, ['talk', { text: 'a${b}' }], ['beep']))
    expect(answer(state, {}).outcome).toMatchObject({ action: { type: 'talk' }, kind: 'call' })
    expect(answer(state, { variables: { b: 'c' } }).outcome).toMatchObject({ action: { option: { text: 'ac' } } })
    expect(answer(state, { target_id: idOf(3) }).outcome).toMatchObject({ action: { type: 'beep' } })
  })

  test('an answer with too many variables fails', () => {
    const { state } = asked(program(fetch, ['beep']))
    const { failures, outcome } = answer(state, { variables: { b: 'x'.repeat(300_000) } })
    expect(failures[0]?.problem).toContain('262144')
    expect(outcome).toMatchObject({ action: { type: 'beep' } })
  })

  test('a menu that fetches its next part at its end may do so for hours', () => {
    let { state, outcome } = asked(program(fetch, ['hangup']))
    for (let round = 0; round < 200; round++) {
      const talking = answer(state, { actions: program(['talk', { text: String(round) }], fetch) })
      expect(talking.outcome).toMatchObject({ kind: 'call', action: { option: { text: String(round) } } })
      ;({ state, outcome } = run(talking.state, call))
      expect(outcome.kind).toBe('other')
    }
    expect(Object.keys(state.stack_map).length).toBeLessThanOrEqual(30)
    expect(answer(state, {}).outcome).toMatchObject({ action: { type: 'hangup' } })
  })

  test('fetching from the middle of what was fetched has an end', () => {
    let { state } = asked(program(fetch, ['hangup']))
    let failures: unknown[] = []
    for (let round = 0; round < 40 && failures.length === 0; round++) {
      ;({ state, failures } = answer(state, { actions: program(fetch, ['beep']) }))
    }
    expect(failures).toMatchObject([{ problem: expect.stringContaining('30 deep') }])
  })

  test('a goto in what is fetched again counts anew', () => {
    const part = program(['beep'], ['goto', { target_id: idOf(1), loop_count: 1 }])
    let { state } = asked(program(fetch, ['goto', { target_id: idOf(1), loop_count: 1 }]))
    const heard: string[] = []
    for (let round = 0; round < 2; round++) {
      let ran = answer(state, { actions: part })
      while (ran.outcome.kind === 'call') {
        heard.push(ran.outcome.action.type)
        ran = run(ran.state, call)
      }
      state = ran.state
    }
    expect(heard).toEqual(['beep', 'beep', 'beep', 'beep'])
    expect(state.counts).toEqual({ [idOf(2)]: 1 })
  })
})
