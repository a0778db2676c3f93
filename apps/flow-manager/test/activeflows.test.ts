// biome-ignore-all lint/suspicious/noTemplateCurlyInString: flows write their variables so
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { internalIdentity, nilId } from '@sidetone/contract'
import { reservedActionIds } from '@sidetone/proto-schemas/action'
import { flowContract } from '@sidetone/proto-schemas/flow'
import { webhookContract } from '@sidetone/proto-schemas/webhook'
import { adminOf, someId, startTestPlatform, type TestPlatform } from '@sidetone/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { flowManager } from '../src/manager.ts'
import { scriptedManager } from './scripted-manager.ts'

const received: { uri: string; data: string; activeflow_id?: string }[] = []
type Webhook = (typeof received)[number]
const webhookManager = scriptedManager(webhookContract, {
  async 'webhook.send'(webhook: Webhook, { fail }: { fail: (reason: string) => Error }) {
    if (webhook.uri.includes('slow')) await sleep(100)
    received.push(webhook)
    if (webhook.uri.includes('refused')) throw fail('WEBHOOK_FAILED')
    return {}
  },
})

let app: TestPlatform
beforeAll(async () => {
  app = await startTestPlatform({ managers: [flowManager, webhookManager] })
})
afterAll(() => app.close())

const [acme, rival] = [someId(801), someId(802)]
const idOf = someId
const as = (customer: string) => app.as(flowContract, adminOf(customer))
/** As the call manager asks. */
const inside = () => app.as(flowContract, internalIdentity(acme)).activeflow
const reasonOf = (work: Promise<unknown>) =>
  work.then(
    () => 'none',
    (error: { reason: string }) => error.reason,
  )
const eventsOf = async (id: string) =>
  (await app.events())
    .filter(({ resource_id }) => resource_id === id)
    .map(({ type, data }) => ({ type, ...(data as { status: string }) }))

type Actions = Parameters<ReturnType<typeof inside>['start']>[0]['actions']
interface Given {
  flow_id?: string
  variables?: Record<string, string>
}
const start = async (actions: Actions, { flow_id, variables = {} }: Given = {}) => {
  const program = flow_id ? { flow_id } : { actions }
  return inside().start({ id: randomUUID(), ...program, reference_type: 'call', reference_id: idOf(1), variables })
}
/** What a call is given, one action after the other. */
async function play(id: string, limit = 20): Promise<string[]> {
  const types: string[] = []
  let current: string = reservedActionIds.start
  while (types.length < limit) {
    const { action } = await inside().next({ id, current_action_id: current })
    if (!action) break
    types.push(action.type)
    current = action.id
  }
  return types
}

describe('the activeflow of a call', () => {
  test('stands before its first action until it is asked', async () => {
    const made = await start([{ type: 'answer' }], { variables: { 'voipbin.call.id': 'c' } })
    expect(made).toMatchObject({
      status: 'running',
      reference_type: 'call',
      reference_id: idOf(1),
      executed_actions: [],
    })
    expect(made.current_action.id).toBe(reservedActionIds.start)
    expect(await inside().variables({ id: made.id })).toEqual({
      variables: {
        'voipbin.call.id': 'c',
        'voipbin.activeflow.id': made.id,
        'voipbin.activeflow.reference_type': 'call',
        'voipbin.activeflow.reference_id': idOf(1),
        'voipbin.activeflow.reference_activeflow_id': nilId,
        'voipbin.activeflow.flow_id': nilId,
        'voipbin.activeflow.complete_count': '0',
      },
    })
  })

  test('gives one action after the other and then nothing', async () => {
    const { id } = await start([{ type: 'answer' }, { type: 'talk', option: { text: 'hi' } }, { type: 'hangup' }])
    expect(await play(id)).toEqual(['answer', 'talk', 'hangup'])
    expect(await as(acme).activeflow.get({ id })).toMatchObject({ status: 'ended', error: '' })
    expect((await eventsOf(id)).map(({ type, status }) => `${type} ${status}`)).toEqual([
      'activeflow_created running',
      ...Array(3).fill('activeflow_updated running'),
      'activeflow_updated ended',
    ])
  })

  test('branches on digits that came meanwhile', async () => {
    const { id } = await start([
      { type: 'digits_receive', id: idOf(1) },
      { type: 'branch', option: { target_ids: { '1': idOf(4) }, default_target_id: idOf(3) } },
      { type: 'beep', id: idOf(3), next_id: idOf(1) },
      { type: 'hangup', id: idOf(4) },
    ])
    await inside().next({ id, current_action_id: nilId })
    await inside().set_variables({ id, variables: { 'voipbin.call.digits': '7' } })
    expect((await inside().next({ id, current_action_id: idOf(1) })).action?.type).toBe('beep')
    await inside().next({ id, current_action_id: idOf(3) })
    const { variables } = await inside().set_variables({ id, variables: { 'voipbin.call.digits': '1' } })
    expect(variables).toMatchObject({ 'voipbin.call.digits': '1', 'voipbin.activeflow.id': id })
    expect((await inside().next({ id, current_action_id: idOf(1) })).action?.type).toBe('hangup')
  })

  test('is made once', async () => {
    const id = randomUUID()
    const given = { id, actions: [{ type: 'answer' }], reference_type: 'call' as const, reference_id: idOf(1) }
    const all = await Promise.all([inside().start(given), inside().start(given), inside().start(given)])
    expect(new Set(all.map(({ tm_create }) => tm_create)).size).toBe(1)
    await inside().next({ id, current_action_id: nilId })
    expect((await inside().start(given)).current_action.type).toBe('answer')
    expect((await eventsOf(id)).map(({ type }) => type)).toEqual(['activeflow_created', 'activeflow_updated'])
  })

  test('answers a repeated step as before and refuses one that is over', async () => {
    const { id } = await start([
      { type: 'answer', id: idOf(1) },
      { type: 'beep', id: idOf(2) },
      { type: 'hangup', id: idOf(3) },
    ])
    const first = await inside().next({ id, current_action_id: nilId })
    expect(await inside().next({ id, current_action_id: reservedActionIds.start })).toEqual(first)
    const second = await inside().next({ id, current_action_id: idOf(1) })
    expect(await inside().next({ id, current_action_id: idOf(1) })).toEqual(second)
    expect(second.action?.id).toBe(idOf(2))
    expect(await reasonOf(inside().next({ id, current_action_id: nilId }))).toBe('ACTIVEFLOW_STEP_STALE')
    expect(await reasonOf(inside().next({ id, current_action_id: idOf(9) }))).toBe('ACTIVEFLOW_STEP_STALE')
  })

  test('makes one step however many ask at the same time, and loses no digit', async () => {
    const { id } = await start([{ type: 'answer', id: idOf(1) }, { type: 'beep', id: idOf(2) }, { type: 'hangup' }])
    await inside().next({ id, current_action_id: nilId })
    const names = Array.from({ length: 10 }, (_, n) => `n${n}`)
    const [answers] = await Promise.all([
      Promise.all(names.map(() => inside().next({ id, current_action_id: idOf(1) }))),
      Promise.all(names.map((name) => inside().set_variables({ id, variables: { [name]: 'x' } }))),
    ])
    expect(new Set(answers.map(({ action }) => action?.id))).toEqual(new Set([idOf(2)]))
    const { variables } = await inside().variables({ id })
    expect(names.every((name) => variables[name] === 'x')).toBe(true)
  })

  test('says why it skipped an action and goes on', async () => {
    const { id } = await start([{ type: 'play', option: { stream_urls: ['${nothing}x'] } }, { type: 'answer' }])
    expect(await play(id)).toEqual(['answer'])
    const { error } = await as(acme).activeflow.get({ id })
    expect(error).toMatch(/\(play\) failed: stream_urls\.0/)
    expect((await eventsOf(id)).at(-1)).toMatchObject({ error })
  })

  test('is ended with a reason when it runs in a circle', async () => {
    const { id } = await start([{ type: 'variable_set', id: idOf(1), next_id: idOf(1), option: { key: 'a' } }])
    expect(await play(id)).toEqual([])
    const ended = await as(acme).activeflow.get({ id })
    expect(ended).toMatchObject({ status: 'ended' })
    expect(ended.error).toContain('1000 actions')
    expect((await eventsOf(id)).at(-1)).toMatchObject({ status: 'ended', error: ended.error })
  })

  test('is nobody else’s', async () => {
    const { id } = await start([{ type: 'answer' }])
    const { activeflow } = as(rival)
    const { variables } = app.as(flowContract, internalIdentity(rival)).activeflow
    const works = [activeflow.get({ id }), activeflow.stop({ id }), activeflow.delete({ id }), variables({ id })]
    expect(new Set(await Promise.all(works.map(reasonOf)))).toEqual(new Set(['ACTIVEFLOW_NOT_FOUND']))
    expect((await inside().next({ id, current_action_id: nilId })).action?.type).toBe('answer')
  })

  test('starts from a flow that is copied, and not from another customer’s', async () => {
    const flow = await as(acme).flow.create({ name: 'f', actions: [{ type: 'answer' }, { type: 'beep' }] })
    const { id } = await start(undefined, { flow_id: flow.id })
    await as(acme).flow.delete({ id: flow.id })
    const repeat = { id, flow_id: flow.id, reference_type: 'call' as const, reference_id: idOf(1) }
    expect(await inside().start(repeat)).toMatchObject({ id, status: 'running' })
    expect(await play(id)).toEqual(['answer', 'beep'])
    const foreign = await as(rival).flow.create({ name: 'f', actions: [] })
    expect(await reasonOf(start(undefined, { flow_id: foreign.id }))).toBe('FLOW_NOT_FOUND')
  })

  test('goes on with the flow that follows, five times at most', async () => {
    const say = { type: 'talk', option: { text: '${voipbin.activeflow.complete_count} ${who}' } }
    const set = { type: 'variable_set', option: { key: 'who', value: '${who}x' } }
    const flow = await as(acme).flow.create({ name: 'f', actions: [set, say] })
    await as(acme).flow.update({ id: flow.id, name: 'f', actions: [set, say], on_complete_flow_id: flow.id })
    const { id } = await start(undefined, { flow_id: flow.id })
    expect(await play(id)).toHaveLength(6)
    const { executed_actions, status } = await as(acme).activeflow.get({ id })
    expect(status).toBe('ended')
    const texts = executed_actions.filter(({ type }) => type === 'talk').map(({ option }) => option.text)
    expect(texts).toEqual(['0 x', '1 xx', '2 xxx', '3 xxxx', '4 xxxxx', '5 xxxxxx'])
  })
})

describe('stopping', () => {
  test('ends it once; asked again it stays as it is', async () => {
    const { id } = await start([{ type: 'answer' }])
    await inside().next({ id, current_action_id: nilId })
    const stopped = await as(acme).activeflow.stop({ id })
    expect(stopped).toMatchObject({ status: 'ended', current_action: { id: reservedActionIds.finish } })
    expect(await as(acme).activeflow.stop({ id })).toEqual(stopped)
    expect(await inside().next({ id, current_action_id: stopped.current_action.id })).toEqual({ action: null })
    expect((await eventsOf(id)).filter(({ status }) => status === 'ended')).toHaveLength(1)
  })

  test('the flow that follows runs without the call, in an activeflow of its own', async () => {
    const after = await as(acme).flow.create({
      name: 'after',
      actions: [
        { type: 'talk', option: { text: 'unheard' } },
        { type: 'webhook_send', option: { uri: 'http://x/after', data: '${voipbin.call.id}' } },
      ],
    })
    const flow = await as(acme).flow.create({ name: 'f', actions: [{ type: 'answer' }], on_complete_flow_id: after.id })
    const { id } = await start(undefined, { flow_id: flow.id, variables: { 'voipbin.call.id': 'call-7' } })
    await inside().stop({ id })
    await expect.poll(() => received.filter(({ uri }) => uri === 'http://x/after')).toMatchObject([{ data: 'call-7' }])
    const { result } = await as(acme).activeflow.list({})
    const next = result.find(({ reference_activeflow_id }) => reference_activeflow_id === id)
    expect(next).toMatchObject({ flow_id: after.id, status: 'ended', reference_type: 'call', reference_id: idOf(1) })
  })

  test('deleting stops first', async () => {
    const { id } = await start([{ type: 'answer' }])
    expect(await as(acme).activeflow.delete({ id })).toMatchObject({ id, status: 'ended' })
    expect(await reasonOf(as(acme).activeflow.get({ id }))).toBe('ACTIVEFLOW_NOT_FOUND')
    expect((await eventsOf(id)).map(({ type }) => type)).toEqual([
      'activeflow_created',
      'activeflow_updated',
      'activeflow_deleted',
    ])
  })
})

describe('a flow without a call', () => {
  const webhook = (uri: string, option = {}) => ({ type: 'webhook_send', option: { uri, data: '${a}', ...option } })
  const sent = (part: string) => received.filter(({ uri }) => uri.includes(part))

  test('runs to its end at once; what needs a call is passed over', async () => {
    const actions = [
      { type: 'talk', option: { text: 'unheard' } },
      { type: 'variable_set', option: { key: 'a', value: 'b' } },
      webhook('http://x/api', { sync: true }),
    ]
    const made = await as(acme).activeflow.create({ actions })
    expect(made).toMatchObject({ status: 'ended', reference_type: 'api', error: '' })
    expect(made.executed_actions.map(({ type }) => type)).toEqual(['talk', 'variable_set', 'webhook_send'])
    expect(sent('/api')).toMatchObject([{ data: 'b', activeflow_id: made.id }])
    expect((await eventsOf(made.id)).map(({ type, status }) => `${type} ${status}`)).toEqual([
      'activeflow_created running',
      'activeflow_updated ended',
    ])
  })

  test('webhooks that nobody waits for arrive in order', async () => {
    const uris = ['http://x/order/slow', 'http://x/order/refused', 'http://x/order/last']
    await as(acme).activeflow.create({ actions: uris.map((uri) => webhook(uri)) })
    await expect.poll(() => sent('/order/').map(({ uri }) => uri)).toEqual(uris)
  })

  test('a refused webhook does not end it', async () => {
    const actions = [webhook('http://x/sync/refused', { sync: true }), webhook('http://x/goes-on', { sync: true })]
    expect(await as(acme).activeflow.create({ actions })).toMatchObject({ status: 'ended' })
    expect(sent('sync/refused')).toHaveLength(1)
    expect(sent('goes-on')).toHaveLength(1)
  })

  test('a long one goes on after the answer', async () => {
    const loop = { type: 'goto', id: idOf(2), option: { target_id: idOf(1), loop_count: 1_500 } }
    const actions = [{ type: 'variable_set', id: idOf(1), option: { key: 'a' } }, loop, webhook('http://x/long')]
    const made = await as(acme).activeflow.create({ actions })
    expect(made.status).toBe('running')
    await expect.poll(() => as(acme).activeflow.get({ id: made.id })).toMatchObject({ status: 'ended', error: '' })
    await expect.poll(() => sent('/long')).toHaveLength(1)
  })

  test('another manager has one run that is about something of its own, once', async () => {
    const parent = await start([], { variables: { from: 'the call' } })
    const after = await as(acme).flow.create({
      name: 'f',
      actions: [webhook('http://x/recorded', { data: '${voipbin.recording.id} ${from}' })],
    })
    const given = {
      ...{ id: randomUUID(), flow_id: after.id, variables: { 'voipbin.recording.id': 'r1' } },
      ...{ reference_type: 'recording' as const, reference_id: idOf(7), reference_activeflow_id: parent.id },
    }
    await Promise.all([inside().execute(given), inside().execute(given)])
    await expect.poll(() => sent('/recorded')).toMatchObject([{ data: 'r1 the call' }])
    await inside().execute(given)
    expect(await as(acme).activeflow.get({ id: given.id })).toMatchObject({
      status: 'ended',
      reference_type: 'recording',
      reference_id: idOf(7),
    })
    expect(sent('/recorded')).toHaveLength(1)
  })

  test('the flow that follows is an activeflow of its own with the variables so far', async () => {
    const after = await as(acme).flow.create({
      name: 'after',
      actions: [webhook('http://x/chain', { data: '${a}-${voipbin.activeflow.complete_count}' })],
    })
    const flow = await as(acme).flow.create({ name: 'f', actions: [], on_complete_flow_id: after.id })
    await as(acme).activeflow.create({ flow_id: flow.id, variables: { a: 'b' } })
    await expect.poll(() => sent('/chain')).toMatchObject([{ data: 'b-1' }])
  })

  test('an id is used once', async () => {
    const id = randomUUID()
    await as(acme).activeflow.create({ id, actions: [] })
    expect(await reasonOf(as(acme).activeflow.create({ id, actions: [] }))).toBe('ACTIVEFLOW_ALREADY_EXISTS')
    expect(await reasonOf(as(rival).activeflow.create({ id, actions: [] }))).toBe('ACTIVEFLOW_ALREADY_EXISTS')
  })

  test.each<[string, object, string]>([
    ['neither a flow nor actions', {}, 'INVALID_ARGUMENT'],
    ['a flow that does not exist', { flow_id: idOf(77) }, 'FLOW_NOT_FOUND'],
    ['an unknown type', { actions: [{ type: 'dance' }] }, 'INVALID_ACTION_TYPE'],
    ['a wrong option', { actions: [{ type: 'sleep' }] }, 'INVALID_ACTION'],
    ['a variable of the platform', { actions: [], variables: { 'voipbin.call.id': 'x' } }, 'INVALID_VARIABLES'],
    [
      'too many variables',
      { actions: [], variables: Object.fromEntries(Array.from({ length: 101 }, (_, n) => [n, ''])) },
      'INVALID_VARIABLES',
    ],
    [
      'too large variables',
      { actions: [], variables: { a: 'x'.repeat(32_768), b: 'x'.repeat(32_768) } },
      'INVALID_VARIABLES',
    ],
  ])('%s is refused', async (_, input, reason) => {
    expect(await reasonOf(as(acme).activeflow.create(input))).toBe(reason)
  })
})
