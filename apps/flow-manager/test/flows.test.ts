// biome-ignore-all lint/suspicious/noTemplateCurlyInString: flows write their variables so
import { type ApiError, commonError, nilId } from '@sidetone/contract'
import { billingContract } from '@sidetone/proto-schemas/billing'
import { directContract } from '@sidetone/proto-schemas/direct'
import { flowContract } from '@sidetone/proto-schemas/flow'
import { checkTables } from '@sidetone/store'
import { adminOf, someId, startTestPlatform, type TestPlatform } from '@sidetone/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { activeflows, flows } from '../src/core.ts'
import { flowManager } from '../src/manager.ts'
import { scriptedManager } from './scripted-manager.ts'

interface Resource {
  resource_type: string
  resource_id: string
}
/** The hash of each flow, and how many it has had; without `directs` nobody gives any. */
const hashes = new Map<string, number>()
let directs = true
const direct = ({ resource_type, resource_id }: Resource, { customer_id }: { customer_id: string }) => {
  if (!directs) throw commonError('SERVICE_UNAVAILABLE')
  const times = { tm_create: '', tm_update: null, tm_delete: null }
  const hash = `direct.${resource_id.replaceAll('-', '')}${hashes.get(resource_id)}`
  return { id: resource_id, customer_id, ...times, resource_type, resource_id, hash }
}
const directManager = scriptedManager(directContract, {
  'direct.create'(resource: Resource, context: { customer_id: string }) {
    hashes.set(resource.resource_id, hashes.get(resource.resource_id) ?? 1)
    return direct(resource, context)
  },
  'direct.regenerate'(resource: Resource, context: { customer_id: string }) {
    hashes.set(resource.resource_id, (hashes.get(resource.resource_id) ?? 0) + 1)
    return direct(resource, context)
  },
  'direct.delete'({ resource_id }: Resource) {
    hashes.delete(resource_id)
    return {}
  },
})

/** How many flows a customer may have; any number of others. */
const limits = new Map<string, number>()
const billing = scriptedManager(billingContract, {
  'billing_account.plan_limit': (_: unknown, { customer_id }: { customer_id: string }) => ({
    limit: limits.get(customer_id) ?? null,
  }),
})

let app: TestPlatform
beforeAll(async () => {
  app = await startTestPlatform({ managers: [flowManager, directManager, billing] })
})
afterAll(() => app.close())

const [acme, rival] = [someId(901), someId(902)]
const as = (customer: string) => app.as(flowContract, adminOf(customer)).flow
const idOf = someId
const rejection = (work: Promise<unknown>) =>
  work.then(
    () => undefined,
    (error: ApiError & { details: { field: string; problem: string }[] }) => error,
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
  expect(made).toMatchObject({ type: 'flow', name: 'f', detail: 'd', on_complete_flow_id: nilId })
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

describe('the short address', () => {
  test('comes with the flow, can be changed, and goes with it', async () => {
    const made = await as(acme).create({ name: 'f', actions: [] })
    expect(made.direct_hash).toBe(`direct.${made.id.replaceAll('-', '')}1`)
    const regenerated = await as(acme).direct_hash_regenerate({ id: made.id })
    expect(regenerated.direct_hash).toBe(`direct.${made.id.replaceAll('-', '')}2`)
    const changed = await as(acme).update({ id: made.id, name: 'g', actions: [] })
    expect(changed.direct_hash).toBe(regenerated.direct_hash)
    await as(acme).delete({ id: made.id })
    await expect.poll(() => hashes.has(made.id)).toBe(false)
  })

  test('is not missed when nobody can give it, and can be had later', async () => {
    directs = false
    const made = await as(acme).create({ name: 'f', actions: [] })
    expect(made.direct_hash).toBe('')
    expect(await rejection(as(acme).direct_hash_regenerate({ id: made.id }))).toMatchObject({ status: 'UNAVAILABLE' })
    directs = true
    expect((await as(acme).direct_hash_regenerate({ id: made.id })).direct_hash).toMatch(/^direct\./)
  })

  test('is for its customer to change', async () => {
    const { id } = await as(acme).create({ name: 'f', actions: [] })
    expect(await rejection(as(rival).direct_hash_regenerate({ id }))).toMatchObject({ reason: 'FLOW_NOT_FOUND' })
  })
})

describe('a simulation', () => {
  test('runs the flow as it is kept, with the flows that it fetches, and leaves nothing behind', async () => {
    const inner = await as(acme).create({ name: 'inner', actions: [{ type: 'talk', option: { text: 'hi ${name}' } }] })
    const { id } = await as(acme).create({
      name: 'f',
      actions: [{ type: 'answer' }, { type: 'fetch_flow', option: { flow_id: inner.id } }, { type: 'hangup' }],
    })
    const before = (await app.events()).length
    const done = await as(acme).simulate({ id, variables: { name: 'Ann' }, time: '2026-11-23T09:00:00Z' })
    expect(done.trace.map(({ type, action }) => `${type} ${action?.type ?? ''}`)).toEqual([
      'action answer',
      'action fetch_flow',
      'action talk',
      'action hangup',
      'end ',
    ])
    expect(done).toMatchObject({ status: 'ended', duration: 6 * 65, final_variables: { name: 'Ann' } })
    expect((await app.events()).length).toBe(before)
  })

  test('is refused for a foreign flow, and for variables of the platform', async () => {
    const { id } = await as(acme).create({ name: 'f', actions: [] })
    expect(await rejection(as(rival).simulate({ id }))).toMatchObject({ reason: 'FLOW_NOT_FOUND' })
    expect(await rejection(as(acme).simulate({ id, variables: { 'voipbin.x': '' } }))).toMatchObject({
      reason: 'INVALID_VARIABLES',
    })
  })
})

describe('the check', () => {
  test('an action that nothing leads to is a warning', async () => {
    const { warnings } = await as(acme).create({
      name: 'f',
      actions: [
        { type: 'answer', next_id: idOf(4) },
        { type: 'beep' },
        { type: 'stop' },
        { type: 'branch', id: idOf(4), option: { default_target_id: idOf(5), target_ids: { 1: idOf(7) } } },
        { type: 'goto', id: idOf(5), option: { target_id: idOf(8) } },
        { type: 'hangup', error_id: idOf(8) },
        { type: 'stop', id: idOf(7) },
        { type: 'beep', id: idOf(8) },
      ],
    })
    expect(warnings.map(({ field }) => field)).toEqual(['actions.1', 'actions.2'])
  })

  test('a flow that is fetched must be one of the own', async () => {
    const own = await as(acme).create({ name: 'f', actions: [] })
    const foreign = await as(rival).create({ name: 'f', actions: [] })
    const fetching = (flow_id: string) => ({ type: 'fetch_flow', option: { flow_id } })
    expect(await fieldsOf([fetching(own.id), fetching('${later}'), fetching(foreign.id)])).toEqual({
      reason: 'INVALID_ACTION',
      fields: ['actions.2.option.flow_id'],
    })
  })

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
    ['an error_id that leads nowhere', [{ type: 'answer', error_id: idOf(5) }], ['actions.0.error_id']],
    [
      'what is wrong in the flow of a call that it makes',
      [
        {
          type: 'call',
          option: { destinations: [{ type: 'sip', target: 'a@b' }], actions: [{ type: 'talk' }, { type: 'beep' }] },
        },
      ],
      ['actions.0.option.actions.0.option.text'],
    ],
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

test('a customer has as many flows as its plan allows, also when they are made at once; what is refused leaves no hash', async () => {
  const small = someId(903)
  limits.set(small, 3)
  const before = hashes.size
  const make = () => as(small).create({ name: 'f', actions: [{ type: 'answer' }] })
  const outcomes = await Promise.allSettled(Array.from({ length: 6 }, make))
  expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(3)
  const hashed = hashes.size
  await expect(make()).rejects.toMatchObject({ status: 'RESOURCE_EXHAUSTED', reason: 'RESOURCE_LIMIT_EXCEEDED' })
  expect(hashes.size).toBe(hashed)
  expect(hashed - before).toBeGreaterThanOrEqual(3)
})
