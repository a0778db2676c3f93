// biome-ignore-all lint/suspicious/noTemplateCurlyInString: flows write their variables so
import { nilId } from '@sidetone/contract'
import { type Action, type ActionType, actionOptions, reservedActionIds } from '@sidetone/proto-schemas/action'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Answer, describeFailure, end, run, step } from './engine.ts'
import { continueWith, type FlowState, startOf } from './state.ts'
import { substitute } from './substitute.ts'

const idOf = (n: number) => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`
const now = '2026-08-22T10:00:00.123456Z'
const call = { hasCall: true, now, maxSteps: 1_000 }

/** Action `n` has the id `idOf(n)`, counted from 1. */
const program = (...actions: [type: string, option?: Record<string, unknown>, next?: number][]): Action[] =>
  actions.map(([type, option = {}, next], index) => ({
    id: idOf(index + 1),
    next_id: next ? idOf(next) : nilId,
    type,
    option,
    tm_execute: null,
  }))

/** The media actions that a call is given, until the end or the hundredth. */
function played(actions: Action[], variables: Record<string, string> = {}) {
  let state: FlowState = { ...startOf(actions), variables }
  const given: Action[] = []
  const problems: string[] = []
  while (given.length < 100) {
    const ran = run(state, call)
    state = ran.state
    problems.push(...ran.failures.map(describeFailure))
    if (ran.outcome.kind !== 'call') return { given, state, problems, outcome: ran.outcome.kind }
    given.push(ran.outcome.action)
  }
  return { given, state, problems, outcome: 'call' as const }
}

const numbers = ({ given }: { given: Action[] }) => given.map(({ id }) => Number(id.slice(-12)))

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
