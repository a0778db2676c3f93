// biome-ignore-all lint/suspicious/noTemplateCurlyInString: flows write their variables so
import { nilId } from '@sidetone/contract'
import { type Action, reservedActionIds } from '@sidetone/proto-schemas/action'
import { describe, expect, test } from 'vitest'
import { call, idOf, numbers, played, program } from '../test/played.ts'
import { end, run, step } from './engine.ts'
import { continueWith, startOf } from './state.ts'

describe('the order of actions', () => {
  test('they run one after the other, then the flow ends', () => {
    const done = played(program(['answer'], ['talk', { text: 'hi' }], ['hangup']))
    expect(numbers(done)).toEqual([1, 2, 3])
    expect(done.state.status).toBe('ended')
    expect(done.state.current_action.id).toBe(reservedActionIds.finish)
    expect(done.state.executed_actions.map(({ type }) => type)).toEqual(['answer', 'talk', 'hangup'])
  })

  test('a program without actions ends at once', () => {
    expect(played([])).toMatchObject({ given: [], outcome: 'ended' })
  })

  test('next_id wins over the order of the list', () => {
    expect(numbers(played(program(['answer', {}, 3], ['beep'], ['hangup'])))).toEqual([1, 3])
  })

  test('stop ends the flow', () => {
    expect(played(program(['answer'], ['stop'], ['beep']))).toMatchObject({
      outcome: 'ended',
      given: [{ type: 'answer' }],
    })
  })

  test('an ended stack returns to where it came from and is forgotten', () => {
    const [one, two, three] = program(['beep'], ['answer'], ['hangup']) as [Action, Action, Action]
    const main = { id: 'main', actions: [one, three], return_stack_id: nilId, return_action_id: nilId }
    const inner = { id: 'inner', actions: [two], return_stack_id: 'main', return_action_id: three.id }
    const state = { ...startOf([]), stack_map: { main, inner }, current_stack_id: 'inner' }
    const first = step(state, call)
    expect(first.outcome).toMatchObject({ action: { type: 'answer' } })
    const second = step(first.state, call)
    expect(second.outcome).toMatchObject({ action: { type: 'hangup' } })
    expect(second.state).toMatchObject({ current_stack_id: 'main', stack_map: { main } })
    expect(second.state.stack_map).not.toHaveProperty('inner')
    expect(step(second.state, call).outcome.kind).toBe('ended')
  })

  test('a jump out of a stack leaves it', () => {
    const [one, two] = program(['beep'], ['goto', { target_id: idOf(1), loop_count: 1 }]) as [Action, Action]
    const main = { id: 'main', actions: [one], return_stack_id: nilId, return_action_id: nilId }
    const inner = { id: 'inner', actions: [two], return_stack_id: 'main', return_action_id: nilId }
    const { state, outcome } = run({ ...startOf([]), stack_map: { main, inner }, current_stack_id: 'inner' }, call)
    expect(outcome).toMatchObject({ action: { type: 'beep' } })
    expect(Object.keys(state.stack_map)).toEqual(['main'])
  })

  test('an action that is missing ends the flow and is named', () => {
    const done = played(program(['answer', {}, 9]))
    expect(done.outcome).toBe('failed')
    expect(done.state.error).toContain(idOf(1))
  })
})

test('what makes no sense during a call, or without one, is passed over', () => {
  const actions = program(['ai_task'], ['block'], ['queue_join', { queue_id: idOf(9) }], ['empty'], ['ai_talk'])
  const kinds = (hasCall: boolean) => {
    const { outcome } = run(startOf(actions), { ...call, hasCall })
    return 'action' in outcome ? `${outcome.kind} ${outcome.action.type}` : outcome.kind
  }
  expect(kinds(true)).toBe('other queue_join')
  expect(kinds(false)).toBe('other ai_task')
})

test('a block waits', () => {
  const { state, outcome } = run(startOf(program(['block'], ['empty'])), { ...call, hasCall: false })
  expect(outcome.kind).toBe('blocked')
  expect(run(state, { ...call, hasCall: false }).outcome.kind).toBe('ended')
})

test('a webhook that is waited for is executed by others, one that is not by a job', () => {
  const webhook = (sync: boolean) => program(['webhook_send', { uri: 'http://x', sync }], ['beep'])
  expect(run(startOf(webhook(true)), call).outcome.kind).toBe('other')
  expect(run(startOf(webhook(false)), call)).toMatchObject({
    outcome: { kind: 'call' },
    webhooks: [{ uri: 'http://x' }],
  })
})

describe('without a call', () => {
  const quiet = { ...call, hasCall: false }
  test('actions that need one are passed over', () => {
    const { state, outcome } = run(
      startOf(program(['talk', { text: 'hi' }], ['variable_set', { key: 'a', value: 'b' }])),
      quiet,
    )
    expect(outcome.kind).toBe('ended')
    expect(state).toMatchObject({ variables: { a: 'b' }, error: '' })
  })

  test('webhooks are collected in order', () => {
    const { webhooks } = run(
      startOf(program(['webhook_send', { uri: 'http://a' }], ['webhook_send', { uri: 'http://b' }])),
      quiet,
    )
    expect(webhooks.map(({ uri }) => uri)).toEqual(['http://a', 'http://b'])
  })
})

describe('limits', () => {
  const circle = program([
    'condition_variable',
    { condition: '==', variable: 'a', value_string: 'b', false_target_id: idOf(1) },
  ])

  test('a circle without an action for the call is left after the given number of steps', () => {
    const { state, outcome } = run(startOf(circle), call)
    expect(outcome.kind).toBe('unfinished')
    expect(state.execute_count).toBe(1_000)
  })

  test('nothing executes for ever', () => {
    const { state, outcome } = run(startOf(circle), { ...call, maxSteps: Number.POSITIVE_INFINITY })
    expect(outcome.kind).toBe('failed')
    expect(state.error).toContain('100000')
  })

  test('an announcement may repeat thousands of times', () => {
    let state = startOf(program(['beep'], ['goto', { target_id: idOf(1), loop_count: 1_000_000 }]))
    for (let n = 0; n < 5_000; n++) state = run(state, call).state
    expect(state.status).toBe('running')
    expect(state.executed_actions).toHaveLength(100)
  })

  test('the history stays small, whatever is said', () => {
    let state = startOf(
      program(['talk', { text: 'x'.repeat(5_000) }], ['goto', { target_id: idOf(1), loop_count: 1_000_000 }]),
    )
    for (let n = 0; n < 50; n++) state = run(state, call).state
    expect(state.executed_actions.length).toBeGreaterThan(10)
    expect(JSON.stringify(state.executed_actions).length).toBeLessThan(70_000)
  })
})

test('another program goes on with the variables and the history of the first', () => {
  const { state } = run({ ...startOf([]), variables: { a: 'b' }, execute_count: 7 }, call)
  const next = run(continueWith(state, program(['talk', { text: '${a}' }])), call)
  expect(next.outcome).toMatchObject({ action: { option: { text: 'b' } } })
  expect(next.state).toMatchObject({ status: 'running', execute_count: 8 })
})

test('ending twice changes nothing', () => {
  const ended = end(run(startOf(program(['answer'])), call).state)
  expect(end(ended)).toEqual(ended)
})
