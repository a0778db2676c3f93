// biome-ignore-all lint/suspicious/noTemplateCurlyInString: flows write their variables so
import type { Simulation } from '@sidetone/proto-schemas/simulation'
import { describe, expect, test } from 'vitest'
import { idOf } from '../test/played.ts'
import { simulate } from './index.ts'

/** What happened, in short: `at type what`. */
const story = ({ trace }: Simulation) =>
  trace.map(({ at, type, action, value }) =>
    [at, type, ...(action ? [action.type] : []), ...(value ? [value] : [])].join(' '),
  )

const menu = [
  { type: 'answer' },
  { id: idOf(1), type: 'talk', option: { text: 'Press a key', digits_handle: 'next' } },
  { type: 'digits_receive', option: { duration: 3_000, length: 1 } },
  { type: 'branch', option: { target_ids: { '1': idOf(2) }, default_target_id: idOf(3) } },
  { id: idOf(2), type: 'talk', option: { text: 'one' } },
  { type: 'hangup' },
  { id: idOf(3), type: 'goto', option: { target_id: idOf(1), loop_count: 1 } },
  { type: 'hangup' },
]

test('a digit ends what is said and decides where it goes on', async () => {
  const done = await simulate(menu, { caller: [{ at: 300, type: 'digits', value: '1' }] })
  expect(story(done)).toEqual([
    '0 action answer',
    '0 action talk',
    '300 digits 1',
    '300 action digits_receive',
    '300 action branch',
    '300 action talk',
    '495 action hangup',
    '495 end',
  ])
  expect(done).toMatchObject({ status: 'ended', error: '', duration: 495 })
})

test('a caller who types nothing is waited for, as often as the flow says', async () => {
  const done = await simulate(menu)
  expect(done.trace.filter(({ action }) => action?.type === 'digits_receive')).toHaveLength(2)
  expect(done.duration).toBe(2 * (715 + 3_000))
})

test('digits typed ahead wait for who receives them; the key that ends them is not one of them', async () => {
  const done = await simulate(
    [
      { type: 'play', option: { stream_urls: ['http://x/a.wav'] } },
      { type: 'digits_receive', option: { duration: 5_000, length: 0, key: '#' } },
      { type: 'variable_set', option: { key: 'pin', value: '${voipbin.call.digits}' } },
      { type: 'digits_receive', option: { duration: 5_000, length: 2 } },
    ],
    { caller: [{ at: 100, type: 'digits', value: '12#3' }] },
  )
  expect(done.final_variables).toMatchObject({ pin: '12', 'voipbin.call.digits': '3' })
  expect(done.duration).toBe(8_000)
})

test('a caller who hangs up ends it there and then', async () => {
  const done = await simulate([{ type: 'sleep', option: { duration: 60_000 } }, { type: 'beep' }], {
    caller: [
      { at: 2_000, type: 'speech', value: 'hello?' },
      { at: 5_000, type: 'hangup' },
    ],
  })
  expect(story(done)).toEqual(['0 action sleep', '2000 speech hello?', '5000 hangup', '5000 end'])
})

test('the time is the scenario’s', async () => {
  const open = {
    condition: '>=',
    hour: 9,
    timezone: 'Africa/Kigali',
    weekdays: [1, 2, 3, 4, 5],
    false_target_id: idOf(2),
  }
  const flow = [
    { type: 'sleep', option: { duration: 120_000 } },
    { type: 'condition_datetime', option: open },
    { type: 'talk', option: { text: 'open' } },
    { type: 'stop' },
    { id: idOf(2), type: 'talk', option: { text: 'closed' } },
  ]
  const said = async (time: string) =>
    (await simulate(flow, { time })).trace.find(({ action }) => action?.type === 'talk')?.action?.option.text
  expect(await said('2026-11-23T06:57:59Z')).toBe('closed')
  expect(await said('2026-11-23T06:58:00Z')).toBe('open')
  expect(await said('2026-11-22T10:00:00+02:00')).toBe('closed')
  expect((await simulate(flow, { time: '2026-11-23T06:58:00Z' })).time_end).toBe('2026-11-23T07:00:00.260Z')
})

describe('others', () => {
  const fetching = [
    { type: 'fetch', option: { event_url: 'http://x' }, error_id: idOf(5) },
    { type: 'talk', option: { text: 'after' } },
    { type: 'hangup' },
    { id: idOf(5), type: 'talk', option: { text: 'sorry' } },
  ]
  const spoken = ({ trace }: Simulation) =>
    trace.flatMap(({ action }) => (action?.type === 'talk' ? [action.option.text] : []))

  test('answer by script, once each', async () => {
    const answers = [{ action: 'fetch', actions: [{ type: 'talk', option: { text: 'fetched' } }] }]
    expect(spoken(await simulate(fetching, { answers }))).toEqual(['fetched', 'after'])
  })

  test('are not asked without one', async () => {
    const done = await simulate(fetching)
    expect(spoken(done)).toEqual(['sorry'])
    expect(story(done)[1]).toBe('0 failure fetch the scenario has no answer to it')
  })

  test('may send what could not be saved', async () => {
    const done = await simulate(fetching, { answers: [{ action: 'fetch', actions: [{ type: 'dance' }] }] })
    expect(spoken(done)).toEqual(['sorry'])
  })

  test('may fail, take their time, and leave variables', async () => {
    const flow = [
      { id: idOf(1), type: 'connect', option: { destinations: [{ type: 'extension', target: '1' }] } },
      { type: 'connect', option: { destinations: [{ type: 'extension', target: '2' }] } },
    ]
    const done = await simulate(flow, {
      answers: [
        { action: idOf(1), duration: 1_000, problem: 'busy' },
        { action: 'connect', duration: 30_000, variables: { a: 'b' } },
      ],
    })
    const failed = `action ${idOf(1)} (connect) failed: busy`
    expect(story(done)).toEqual([
      '0 action connect',
      '1000 failure connect busy',
      '1000 action connect',
      `31000 end ${failed}`,
    ])
    expect(done.final_variables).toMatchObject({ a: 'b' })
  })

  test('flows come from who asks for the simulation', async () => {
    const flow = [{ type: 'fetch_flow', option: { flow_id: idOf(7) } }]
    const flowOf = async (id: string) => (id === idOf(7) ? [{ type: 'talk', option: { text: 'seven' } }] : undefined)
    expect(spoken(await simulate(flow, {}, { flowOf }))).toEqual(['seven'])
    expect(story(await simulate(flow))).toContain('0 failure fetch_flow flow_id: the flow was not found')
  })
})

test('without a call what needs one is passed over, and webhooks are shown', async () => {
  const flow = [
    { type: 'talk', option: { text: 'unheard' } },
    { type: 'webhook_send', option: { uri: 'http://x', data: '${a}' } },
  ]
  const done = await simulate(flow, { call: false, variables: { a: 'b' } })
  expect(story(done)).toEqual(['0 action talk', '0 action webhook_send', '0 webhook webhook_send b', '0 end'])
})

test('a block is waited at', async () => {
  const done = await simulate([{ type: 'block' }, { type: 'empty' }], { call: false })
  expect(done).toMatchObject({ status: 'running', error: expect.stringContaining('waits to be continued') })
})

test('a circle ends as on the platform', async () => {
  const done = await simulate([{ id: idOf(1), next_id: idOf(1), type: 'empty' }])
  expect(done).toMatchObject({ status: 'ended', error: expect.stringContaining('1000 actions') })
})

test('a flow that never ends is cut off', async () => {
  const done = await simulate([
    { id: idOf(1), type: 'beep' },
    { type: 'goto', option: { target_id: idOf(1), loop_count: 1_000_000 } },
  ])
  expect(done).toMatchObject({ status: 'running', error: expect.stringContaining('2000 entries') })
})

test('what could not be saved is refused, with the field', async () => {
  await expect(simulate([{ type: 'talk' }])).rejects.toThrow('actions.0.option.text')
  await expect(simulate([{ type: 'answer' }], { caller: [{ at: -1, type: 'hangup' }] })).rejects.toThrow()
})
