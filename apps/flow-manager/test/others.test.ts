// biome-ignore-all lint/suspicious/noTemplateCurlyInString: flows write their variables so
import { randomUUID } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { type ApiError, commonError, everyCustomer, internalIdentity, nilId } from '@sidetone/contract'
import { callContract } from '@sidetone/proto-schemas/call'
import { flowContract } from '@sidetone/proto-schemas/flow'
import { webhookContract } from '@sidetone/proto-schemas/webhook'
import { testDatabases } from '@sidetone/store/testing'
import { adminOf, someId, startTestPlatform, type TestPlatform } from '@sidetone/testing'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { activeflows } from '../src/core.ts'
import { flowManager } from '../src/manager.ts'
import { scriptedManager } from './scripted-manager.ts'

const acme = someId(811)
const idOf = someId

interface Answer {
  status?: number
  body?: unknown
  delayMs?: number
  /** Not before this. */
  after?: Promise<void>
}
/** What the customer's server answers, one after the other, and what it was asked. */
let answers: Answer[] = []
let requests: { method: string; url: string; body: string }[] = []
const server = createServer(async (request, response) => {
  requests.push({ method: request.method!, url: request.url!, body: await text(request) })
  const { status = 200, body = [], delayMs = 0, after } = answers.shift() ?? {}
  await sleep(delayMs)
  await after
  response
    .writeHead(status, { 'content-type': 'application/json' })
    .end(typeof body === 'string' ? body : JSON.stringify(body))
})
let url: string

let dialled: Record<string, unknown>[] = []
let callStatus = 'progressing'
const callManager = scriptedManager(callContract, {
  'call.get': ({ id }: { id: string }) => callRow(id),
  'call.dial'(input: Record<string, unknown>) {
    dialled.push(input)
    if (dialled.length === 1 && (input.destinations as { target: string }[])[0]?.target === '+15550100099')
      throw commonError('SERVICE_UNAVAILABLE')
    return { calls: [], groupcalls: [] }
  },
})
const webhookManager = scriptedManager(webhookContract, {
  'webhook.send'(_: never, { fail }: { fail: (reason: string) => ApiError }) {
    throw fail('WEBHOOK_FAILED')
  },
})
const callRow = (id: string) => {
  const none = {
    tm_create: '',
    tm_update: null,
    tm_delete: null,
    tm_ringing: null,
    tm_progressing: null,
    tm_hangup: null,
  }
  const ids = {
    flow_id: nilId,
    activeflow_id: nilId,
    master_call_id: nilId,
    recording_id: nilId,
    groupcall_id: nilId,
    owner_id: nilId,
  }
  const address = { type: '', target: '', target_name: '', name: '', detail: '' }
  const words = {
    owner_type: '',
    type: 'flow',
    direction: 'incoming',
    mute_direction: '',
    hangup_by: '',
    hangup_reason: '',
    quality: null,
  }
  const action = { id: nilId, next_id: nilId, type: '', option: {}, tm_execute: null }
  const lists = { chained_call_ids: [], recording_ids: [], metadata: {} }
  const hidden = { asterisk_id: '', channel_id: '' }
  return {
    id,
    customer_id: acme,
    status: callStatus,
    source: address,
    destination: address,
    action,
    ...none,
    ...ids,
    ...words,
    ...lists,
    ...hidden,
  }
}

beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})
afterAll(() => server.close())
beforeEach(() => {
  answers = []
  requests = []
  dialled = []
  callStatus = 'progressing'
})

describe.each(await testDatabases('flows that ask others'))('on $name', ({ create }) => {
  let app: TestPlatform
  beforeAll(async () => {
    app = await startTestPlatform({
      managers: [flowManager, callManager, webhookManager],
      database: await create(),
    })
  })
  afterAll(() => app.close())

  const inside = () => app.as(flowContract, internalIdentity(acme)).activeflow
  const mine = () => app.as(flowContract, adminOf(acme))
  type Actions = NonNullable<Parameters<ReturnType<typeof inside>['start']>[0]['actions']>
  const start = async (actions: Actions, variables: Record<string, string> = {}) => {
    const made = await inside().start({
      id: randomUUID(),
      actions,
      reference_type: 'call',
      reference_id: idOf(1),
      variables,
    })
    return made.id
  }
  const next = async (id: string, current_action_id: string = nilId, problem = '') =>
    (await inside().next({ id, current_action_id, problem })).action
  const failuresOf = async (id: string) =>
    (await app.events())
      .filter(({ resource_id, type }) => resource_id === id && type === 'activeflow_action_failed')
      .map(({ data }) => {
        const { failed_action, problem } = data as { failed_action: { type: string }; problem: string }
        return [failed_action.type, problem]
      })
  const talk = (text: string) => ({ type: 'talk', option: { text } })
  const fetching = (option = {}) => ({ type: 'fetch', option: { event_url: `${url}/menu`, ...option } })

  describe('fetch', () => {
    test('asks with the activeflow and runs what it is told, then goes on', async () => {
      answers = [{ body: [talk('fetched ${who}')] }]
      const id = await start([fetching(), talk('after')], { who: 'Ann' })
      const first = await next(id)
      expect(first?.option.text).toBe('fetched Ann')
      expect((await next(id, first!.id))?.option.text).toBe('after')
      expect(requests).toMatchObject([{ method: 'POST', url: '/menu' }])
      expect(JSON.parse(requests[0]!.body)).toEqual({
        activeflow_id: id,
        reference_type: 'call',
        reference_id: idOf(1),
      })
    })

    test('asks the way it is told to, and may be told nothing', async () => {
      answers = [{ status: 204, body: '' }]
      const id = await start([fetching({ event_url: `${url}/q?d=\${digits}`, event_method: 'GET' }), talk('after')], {
        digits: '7',
      })
      expect((await next(id))?.option.text).toBe('after')
      expect(requests).toEqual([{ method: 'GET', url: '/q?d=7', body: '' }])
    })

    test('forgives one hiccup', async () => {
      answers = [{ status: 503 }, { body: [talk('fetched')] }]
      const id = await start([fetching()])
      expect((await next(id))?.option.text).toBe('fetched')
      expect(requests).toHaveLength(2)
    })

    test.each<[string, Answer[], string]>([
      ['an error', [{ status: 500 }, { status: 502 }], 'event_url answered with status 502'],
      ['a refusal, at once', [{ status: 404 }], 'event_url answered with status 404'],
      ['no JSON', [{ body: 'hello' }], 'event_url did not answer with a JSON list of actions'],
      ['no actions', [{ body: { a: 1 } }], 'event_url did not answer with a JSON list of actions'],
      [
        'an action that does not exist',
        [{ body: [{ type: 'dance' }] }],
        'event_url: actions.0.type: there is no type "dance"',
      ],
      ['a wrong option', [{ body: [talk(''), talk('')] }], 'event_url: actions.0.option.text'],
      ['too much', [{ body: [talk('x'.repeat(300_000))] }], 'more than 262144 bytes'],
    ])('%s takes the error path', async (_, given, problem) => {
      answers = [...given]
      const id = await start([
        { ...fetching(), error_id: idOf(5) },
        talk('never'),
        { ...talk('sorry: ${voipbin.error.message}'), id: idOf(5) },
      ])
      expect((await next(id))?.option.text).toContain(`sorry: event_url`)
      expect(requests).toHaveLength(given.length)
      expect(await failuresOf(id)).toEqual([['fetch', expect.stringContaining(problem)]])
    })

    test('does not reach what is not public', async () => {
      const id = await start([fetching({ event_url: 'http://10.0.0.1/' }), talk('after')])
      expect((await next(id))?.option.text).toBe('after')
      expect(await failuresOf(id)).toEqual([['fetch', expect.stringContaining('no public address')]])
    })

    test('in a circle without an action for the call ends the flow', async () => {
      const id = await start([{ ...fetching(), id: idOf(1), next_id: idOf(1) }])
      expect(await next(id)).toBeNull()
      expect((await mine().activeflow.get({ id })).error).toContain('asked others 50 times')
      expect(requests).toHaveLength(50)
    })
  })

  test('a step that is asked for again while somebody is asked waits for the same answer', async () => {
    answers = [{ delayMs: 300, body: [talk('fetched')] }]
    const id = await start([fetching()])
    const [first, second] = await Promise.all([next(id), sleep(100).then(() => next(id))])
    expect(second).toEqual(first)
    expect(requests).toHaveLength(1)
  })

  test('whoever comes after the asking process died asks again', async () => {
    const id = await start([fetching(), talk('after')])
    await app.platform.store.transaction(async (tx) => {
      const action = {
        ...(await activeflows.find(tx, acme, id))!.stack_map['00000000-0000-0000-0000-000000000001']!.actions[0]!,
      }
      await activeflows.update(tx, acme, id, {
        current_action: action,
        left_action_id: '00000000-0000-0000-0000-000000000001',
        asked_until: Date.now() - 1,
      })
    })
    expect((await next(id))?.option.text).toBe('after')
    expect(requests).toHaveLength(1)
  })

  test('a flow that was stopped meanwhile stays stopped', async () => {
    answers = [{ delayMs: 300, body: [talk('fetched')] }]
    const id = await start([fetching()])
    const asked = next(id)
    await expect.poll(() => requests).toHaveLength(1)
    await mine().activeflow.stop({ id })
    expect(await asked).toBeNull()
  })

  test('fetch_flow runs a flow of the customer, not one of another', async () => {
    const own = await mine().flow.create({ name: 'f', actions: [talk('inner')] })
    const foreign = await app.as(flowContract, adminOf(someId(812))).flow.create({ name: 'f', actions: [] })
    const id = await start([
      { type: 'fetch_flow', option: { flow_id: own.id } },
      { type: 'fetch_flow', option: { flow_id: foreign.id } },
      talk('after'),
    ])
    const first = await next(id)
    expect(first?.option.text).toBe('inner')
    expect((await next(id, first!.id))?.option.text).toBe('after')
    expect(await failuresOf(id)).toEqual([['fetch_flow', 'flow_id: the flow was not found']])
  })

  test.each([
    ['progressing', 'yes'],
    ['ringing', 'no'],
  ])('condition_call_status with a call that is %s: %s', async (status, said) => {
    callStatus = status
    const condition = { type: 'condition_call_status', option: { status: 'progressing', false_target_id: idOf(3) } }
    const id = await start([condition, talk('yes'), { ...talk('no'), id: idOf(3) }])
    expect((await next(id))?.option.text).toBe(said)
  })

  test('reference_data is the call as it is at each step, also in what is fetched', async () => {
    const data = '${voipbin.flow.reference_data}'
    answers = [{ body: [talk(`fetched ${data}`)] }]
    const id = await start([talk(data), talk(data), talk('plain'), fetching()])
    const said = async (left?: string) => (await next(id, left))!
    const first = await said()
    expect(JSON.parse(first.option.text as string)).toMatchObject({ id: idOf(1), status: 'progressing' })
    expect(first.option.text).not.toContain('channel_id')
    callStatus = 'terminating'
    const second = await said(first.id)
    expect(JSON.parse(second.option.text as string)).toMatchObject({ status: 'terminating' })
    const plain = await said(second.id)
    expect((await said(plain.id)).option.text).toContain('fetched {"id"')
  })

  test('call dials with what the flow says, once the call manager is there', async () => {
    const destinations = [{ type: 'tel' as const, target: '+15550100099' }]
    const option = { destinations, actions: [talk('hi')], chained: true, early_execution: true, anonymous: 'yes' }
    const id = await start([{ type: 'call', option }, talk('after')])
    expect((await next(id))?.option.text).toBe('after')
    expect(dialled).toHaveLength(2)
    expect(dialled[1]).toMatchObject({
      master_call_id: idOf(1),
      early_execution: true,
      anonymous: 'yes',
      actions: [{ type: 'talk' }],
    })
    expect(await failuresOf(id)).toEqual([])
  })

  test('what the platform cannot do yet fails, and the flow goes on', async () => {
    const id = await start([{ type: 'queue_join', option: { queue_id: idOf(4) } }, talk('nobody is there')])
    expect((await next(id))?.option.text).toBe('nobody is there')
    expect(await failuresOf(id)).toEqual([['queue_join', 'queue_join is not available on this platform yet']])
  })

  test('a webhook that is waited for and refused takes the error path', async () => {
    const webhook = { type: 'webhook_send', option: { uri: 'http://x', sync: true }, error_id: idOf(5) }
    const id = await start([webhook, talk('never'), { ...talk('sorry'), id: idOf(5) }])
    expect((await next(id))?.option.text).toBe('sorry')
  })

  test('the call says what it could not do', async () => {
    const id = await start([
      { ...talk('a'), id: idOf(1), error_id: idOf(3) },
      talk('never'),
      { ...talk('sorry'), id: idOf(3) },
    ])
    await next(id)
    expect((await next(id, idOf(1), 'no voice'))?.option.text).toBe('sorry')
    expect(await failuresOf(id)).toEqual([['talk', 'no voice']])
  })

  describe('without a call', () => {
    test('others are asked before the answer', async () => {
      answers = [{ body: [{ type: 'variable_set', option: { key: 'a', value: 'b' } }] }]
      const made = await mine().activeflow.create({ actions: [fetching()] })
      expect(made).toMatchObject({ status: 'ended', error: '' })
      expect((await inside().variables({ id: made.id })).variables).toMatchObject({ a: 'b' })
    })

    test('a block waits until it is continued, once', async () => {
      const made = await mine().activeflow.create({
        actions: [
          { type: 'block', id: idOf(1) },
          fetching(),
          { type: 'variable_set', option: { key: 'a', value: 'b' } },
        ],
      })
      expect(made).toMatchObject({ status: 'running', current_action: { type: 'block' } })
      const go = () => inside().continue({ id: made.id, current_action_id: idOf(1) })
      expect(await go()).toMatchObject({ status: 'ended' })
      await expect(go()).rejects.toMatchObject({ reason: 'ACTIVEFLOW_STEP_STALE' })
      expect(requests).toHaveLength(1)
    })

    test('one whose asking process died is taken on by its job; an answer that comes late changes nothing', async () => {
      const [late, last] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
      const setting = { type: 'variable_set', option: { key: 'a', value: 'b' } }
      answers = [{ after: late.promise, body: [{ type: 'stop' }] }, {}, { after: last.promise, body: [setting] }]
      const { store } = app.platform
      const id = randomUUID()
      const creating = mine().activeflow.create({ id, actions: [fetching(), fetching()] })
      await expect.poll(() => requests).toHaveLength(1)
      await activeflows.update(store, everyCustomer, id, { asked_until: Date.now() - 1 })
      await store.kysely.updateTable('jobs_job').set({ due_ms: 0 }).where('type', '=', 'activeflow.run').execute()
      await expect.poll(() => requests).toHaveLength(3)
      late.resolve()
      await creating
      last.resolve()
      await expect.poll(async () => (await mine().activeflow.get({ id })).status).toBe('ended')
      expect((await inside().variables({ id })).variables).toMatchObject({ a: 'b' })
    })
  })
})
