// biome-ignore-all lint/suspicious/noTemplateCurlyInString: flows write their variables so
import { nilId } from '@sidetone/contract'
import { flowContract } from '@sidetone/proto-schemas/flow'
import { checkTables } from '@sidetone/store'
import { adminOf, someId, startTestPlatform, type TestPlatform } from '@sidetone/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { activeflows, flows } from '../src/core.ts'
import { flowManager } from '../src/manager.ts'

let app: TestPlatform
beforeAll(async () => {
  app = await startTestPlatform({ managers: [flowManager] })
})
afterAll(() => app.close())

const [acme, rival] = [someId(901), someId(902)]
const as = (customer: string) => app.as(flowContract, adminOf(customer)).flow
const idOf = someId
const rejection = (work: Promise<unknown>) =>
  work.then(
    () => undefined,
    (error: { reason: string; message: string; details: { field: string; problem: string }[] }) => error,
  )
const fieldsOf = async (actions: object[]) => {
  const error = await rejection(as(acme).create({ name: 'f', actions: actions as never }))
  return { reason: error?.reason, fields: error?.details.map(({ field }) => field) }
}

test('the tables hold what the schemas say', async () => {
  await expect(checkTables(app.platform.store, [flows, activeflows])).resolves.toBeUndefined()
})

test('a flow is kept as it was sent, with ids for its actions', async () => {
  const option = { text: 'hello ${name}' }
  const made = await as(acme).create({
    name: 'f',
    detail: 'd',
    actions: [{ type: 'answer' }, { type: 'talk', option }],
  })
  expect(made).toMatchObject({ type: 'flow', name: 'f', detail: 'd', on_complete_flow_id: nilId, direct_hash: '' })
  expect(made.actions).toMatchObject([{ type: 'answer', option: {}, next_id: nilId, tm_execute: null }, { option }])
  expect(new Set(made.actions.map(({ id }) => id)).size).toBe(2)
  expect({ ...(await as(acme).get({ id: made.id })), warnings: [] }).toEqual(made)
})

test('a change is announced, and replaces everything', async () => {
  const { id } = await as(acme).create({ name: 'f', detail: 'd', actions: [{ type: 'answer' }] })
  const changed = await as(acme).update({ id, name: 'g', actions: [] })
  expect(changed).toMatchObject({ name: 'g', detail: '', actions: [] })
  await as(acme).delete({ id })
  expect(await rejection(as(acme).get({ id }))).toMatchObject({ reason: 'FLOW_NOT_FOUND' })
  const types = (await app.events()).filter(({ resource_id }) => resource_id === id).map(({ type }) => type)
  expect(types).toEqual(['flow_created', 'flow_updated', 'flow_deleted'])
})

test('a flow does not exist for anyone but its customer', async () => {
  const { id } = await as(acme).create({ name: 'f', actions: [] })
  const { get, update, delete: remove } = as(rival)
  const works = [get({ id }), update({ id, name: 'x', actions: [] }), remove({ id })]
  const reasons = (await Promise.all(works.map(rejection))).map((error) => error?.reason)
  expect(new Set(reasons)).toEqual(new Set(['FLOW_NOT_FOUND']))
  expect((await as(rival).list({})).result).toEqual([])
})

test('the flow that follows must be one of the own', async () => {
  const { id } = await as(rival).create({ name: 'f', actions: [] })
  const foreign = { name: 'f', actions: [], on_complete_flow_id: id }
  expect(await rejection(as(acme).create(foreign))).toMatchObject({ reason: 'INVALID_ON_COMPLETE_FLOW' })
  const own = await as(acme).create({ name: 'f', actions: [] })
  expect(await rejection(as(acme).update({ id: own.id, ...foreign }))).toMatchObject({
    reason: 'INVALID_ON_COMPLETE_FLOW',
  })
  const circle = await as(acme).update({ id: own.id, name: 'f', actions: [], on_complete_flow_id: own.id })
  expect(circle.on_complete_flow_id).toBe(own.id)
})

describe('the check', () => {
  test('an unknown type is named with the types that there are', async () => {
    const error = await rejection(as(acme).create({ name: 'f', actions: [{ type: 'answer' }, { type: 'dance' }] }))
    expect(error).toMatchObject({ reason: 'INVALID_ACTION_TYPE', status: 'INVALID_ARGUMENT' })
    expect(error?.details).toHaveLength(1)
    expect(error?.details[0]).toMatchObject({ field: 'actions.1.type' })
    expect(error?.message).toMatch(/^actions\.1\.type: there is no type "dance"; there are .*\btalk\b/)
  })

  test.each<[string, object[], string[]]>([
    ['a type in an option', [{ type: 'sleep', option: { duration: 'long' } }], ['actions.0.option.duration']],
    [
      'a variable where a number belongs',
      [{ type: 'sleep', option: { duration: '${ms}' } }],
      ['actions.0.option.duration'],
    ],
    ['a missing option', [{ type: 'answer' }, { type: 'talk' }], ['actions.1.option.text']],
    ['an unknown option', [{ type: 'beep', option: { loud: true } }], ['actions.0.option.loud']],
    ['a wrong form', [{ type: 'play', option: { stream_urls: ['x'] } }], ['actions.0.option.stream_urls.0']],
    ['a next_id that leads nowhere', [{ type: 'answer', next_id: idOf(5) }], ['actions.0.next_id']],
    ['a goto that leads nowhere', [{ type: 'goto', option: { target_id: idOf(5) } }], ['actions.0.option.target_id']],
    [
      'a branch that leads nowhere',
      [{ type: 'branch', option: { default_target_id: idOf(5), target_ids: { '1': idOf(6) } } }],
      ['actions.0.option.default_target_id', 'actions.0.option.target_ids.1'],
    ],
    [
      'a condition that leads nowhere',
      [{ type: 'condition_variable', option: { condition: '==', variable: 'a', false_target_id: idOf(5) } }],
      ['actions.0.option.false_target_id'],
    ],
    [
      'an id that occurs twice',
      [
        { type: 'answer', id: idOf(1) },
        { type: 'beep', id: idOf(1) },
      ],
      ['actions.0.id'],
    ],
    ['a reserved id', [{ type: 'answer', id: '00000000-0000-0000-0000-000000000002' }], ['actions.0.id']],
    [
      'several at once',
      [{ type: 'talk' }, { type: 'answer', next_id: idOf(5) }],
      ['actions.0.option.text', 'actions.1.next_id'],
    ],
  ])('names %s', async (_, actions, fields) => {
    expect(await fieldsOf(actions)).toEqual({ reason: 'INVALID_ACTION', fields })
  })

  test('ids may be any hexadecimal ids, in either case', async () => {
    const made = await as(acme).create({
      name: 'f',
      actions: [
        {
          type: 'goto',
          id: 'ABCDEF00-1111-1111-1111-111111111111',
          option: { target_id: 'FEDCBA00-2222-2222-2222-222222222222' },
        },
        { type: 'answer', id: 'fedcba00-2222-2222-2222-222222222222', next_id: 'abcdef00-1111-1111-1111-111111111111' },
      ],
    })
    expect(made.actions[0]?.id).toBe('abcdef00-1111-1111-1111-111111111111')
  })

  test('what depends on variables is left for when it runs', async () => {
    const actions = [
      { type: 'play', option: { stream_urls: ['${base}/a.wav'] } },
      { type: 'connect', option: { destinations: [{ type: 'tel', target: '${to}' }] } },
    ]
    expect((await as(acme).create({ name: 'f', actions })).actions).toMatchObject(actions)
  })
})
