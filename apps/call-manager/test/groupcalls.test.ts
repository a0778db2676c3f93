import { nilId } from '@sidetone/contract'
import { newId } from '@sidetone/store'
import { type TestDatabase, testDatabases } from '@sidetone/store/testing'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { type Lab, openLab } from './platform.ts'

const databases = await testDatabases('groupcalls')

describe.each(databases)('groupcalls on $name', ({ create }) => {
  let lab: Lab
  let database: TestDatabase
  let alice: Awaited<ReturnType<Lab['extension']>>
  let bob: Awaited<ReturnType<Lab['extension']>>
  let carol: Awaited<ReturnType<Lab['sipPhone']>>
  beforeAll(async () => {
    database = await create()
    lab = await openLab({ env: { CALL_DIAL_TIMEOUT_SECONDS: '1' }, databaseUrl: database.url })
    alice = await lab.extension('1001')
    bob = await lab.extension('1002')
    carol = await lab.sipPhone('carol')
  })
  afterAll(async () => {
    await lab.close()
    await database.drop()
  })
  afterEach(() => lab.nothingIsLeft())

  const beep = [{ type: 'beep' }]
  const wait = [{ type: 'sleep', option: { duration: 60_000 } }]
  const source = { type: '' as const, target: '' }
  const all = { source, ring_method: 'ring_all' as const, answer_method: 'hangup_others' as const }
  const linear = { ...all, ring_method: 'linear' as const }

  const over = (id: string) =>
    vi.waitUntil(
      async () => {
        const groupcall = await lab.groupcalls.get({ id })
        return groupcall.status === 'hangup' && groupcall
      },
      { timeout: 5_000, interval: 10 },
    )
  /** Rings, and knows how it ends. */
  async function ring(phone: typeof alice.phone) {
    const call = await phone.nextCall()
    call.answered.catch(() => undefined)
    call.ring()
    return call
  }

  test('ring_all: everyone rings, the first who answers runs the flow, the others are cancelled', async () => {
    const destinations = [alice.address, bob.address, carol.address]
    const made = await lab.groupcalls.create({ ...all, actions: wait, destinations })
    expect(made).toMatchObject({ status: 'progressing', call_count: 3, dial_index: 0, answer_call_id: nilId })
    const [first, second, third] = await Promise.all([alice, bob, carol].map(({ phone }) => ring(phone)))
    await second!.answer()
    await Promise.all([first!.ended, third!.ended])
    const winner = await lab.call({ status: 'progressing' }, ({ destination }) => destination.target === bob.id)
    expect(winner).toMatchObject({ groupcall_id: made.id })
    await vi.waitUntil(async () => (await lab.groupcalls.get({ id: made.id })).call_count === 1)
    expect(await lab.groupcalls.get({ id: made.id })).toMatchObject({ answer_call_id: winner.id })
    await second!.hangup()
    expect(await over(made.id)).toMatchObject({ call_count: 0, call_ids: expect.arrayContaining([winner.id]) })
    const legs = await Promise.all(made.call_ids.map((id) => lab.calls.get({ id })))
    expect(legs.map(({ hangup_reason }) => hangup_reason).sort()).toEqual(['cancel', 'cancel', 'normal'])
    expect(await lab.told(made.id)).toEqual(['groupcall_created', 'groupcall_progressing', 'groupcall_hangup'])
    expect(lab.world.ran(winner.activeflow_id)).toEqual(['sleep'])
    for (const { id, activeflow_id } of legs) if (id !== winner.id) expect(lab.world.ran(activeflow_id)).toEqual([])
  })

  test('two who answer at once: one stays', async () => {
    const made = await lab.groupcalls.create({ ...all, actions: wait, destinations: [alice.address, bob.address] })
    const calls = await Promise.all([ring(alice.phone), ring(bob.phone)])
    await Promise.all(calls.map((call) => call.answer()))
    const ended = await Promise.race(calls.map(async (call, index) => (await call.ended) && index))
    const stays = calls[1 - ended]!
    await vi.waitUntil(async () => (await lab.groupcalls.get({ id: made.id })).call_count === 1)
    const legs = await Promise.all(made.call_ids.map((id) => lab.calls.get({ id })))
    expect(legs.map(({ status }) => status).sort()).toEqual(['hangup', 'progressing'])
    await stays.hangup()
    await over(made.id)
  })

  test('without an answer method everyone who answers stays', async () => {
    const made = await lab.groupcalls.create({
      ...all,
      answer_method: '',
      actions: beep,
      destinations: [alice.address, carol.address],
    })
    const calls = await Promise.all([ring(alice.phone), ring(carol.phone)])
    await Promise.all(calls.map((call) => call.answer()))
    await Promise.all(calls.map((call) => call.ended))
    await over(made.id)
    for (const id of made.call_ids) {
      const { hangup_by, activeflow_id } = await lab.calls.get({ id })
      expect(hangup_by).toBe('local')
      expect(lab.world.ran(activeflow_id)).toEqual(['beep'])
    }
  })

  test('linear: busy, no answer, and then somebody', async () => {
    const destinations = [alice.address, bob.address, carol.address]
    const made = await lab.groupcalls.create({ ...linear, actions: beep, destinations })
    expect(made.call_ids).toHaveLength(1)
    ;(await alice.phone.nextCall()).reject(486)
    await (await ring(bob.phone)).ended
    const answering = await ring(carol.phone)
    await answering.answer()
    await answering.ended
    const { call_ids, dial_index, answer_call_id } = await over(made.id)
    const legs = await Promise.all(call_ids.map((id) => lab.calls.get({ id })))
    expect(legs.map(({ hangup_reason }) => hangup_reason)).toEqual(['busy', 'dialout', 'normal'])
    expect({ dial_index, answer_call_id }).toEqual({ dial_index: 2, answer_call_id: call_ids[2] })
  })

  test('nobody answers: the groupcall ends', async () => {
    const made = await lab.groupcalls.create({ ...all, actions: beep, destinations: [alice.address, bob.address] })
    ;(await alice.phone.nextCall()).reject(486)
    ;(await bob.phone.nextCall()).reject(603)
    expect(await over(made.id)).toMatchObject({ answer_call_id: nilId })
    expect(await lab.told(made.id)).toEqual(['groupcall_created', 'groupcall_hangup'])
  })

  test('POST /calls: an extension is a groupcall, an agent one of its phones by its ring method', async () => {
    const agent = newId()
    lab.world.agents.set(agent, {
      customer_id: lab.customer,
      ring_method: 'linear',
      addresses: [alice.address, bob.address],
    })
    const { calls, groupcalls } = await lab.calls.create({
      actions: beep,
      destinations: [carol.address, alice.address, { type: 'agent', target: agent }],
    })
    expect(calls).toHaveLength(1)
    expect(groupcalls).toMatchObject([
      { ring_method: 'ring_all', call_count: 1 },
      { ring_method: 'linear', call_count: 1, owner_type: 'agent', owner_id: agent },
    ])
    ;(await carol.phone.nextCall()).reject(486)
    ;(await alice.phone.nextCall()).reject(486)
    ;(await alice.phone.nextCall()).reject(486)
    const last = await ring(bob.phone)
    await last.answer()
    await last.ended
    for (const { id } of groupcalls) await over(id)
  })

  test('an agent inside a groupcall: its answer is the answer of all', async () => {
    const agent = newId()
    lab.world.agents.set(agent, {
      customer_id: lab.customer,
      ring_method: 'ringall',
      addresses: [alice.address, bob.address],
    })
    const destinations = [carol.address, { type: 'agent' as const, target: agent }]
    const made = await lab.groupcalls.create({ ...all, actions: beep, destinations })
    expect(made).toMatchObject({ call_count: 1, groupcall_count: 1 })
    const [first, second, third] = await Promise.all([carol, alice, bob].map(({ phone }) => ring(phone)))
    await third!.answer()
    await Promise.all([first!.ended, second!.ended, third!.ended])
    const nested = made.groupcall_ids[0]!
    expect(await over(made.id)).toMatchObject({ answer_groupcall_id: nested, answer_call_id: nilId })
    expect((await over(nested)).answer_call_id).not.toBe(nilId)
  })

  test('hanging it up ends every leg; deleting it does too', async () => {
    const made = await lab.groupcalls.create({ ...linear, actions: wait, destinations: [alice.address, bob.address] })
    const call = await ring(alice.phone)
    await lab.groupcalls.hangup({ id: made.id })
    await call.ended
    expect(await over(made.id)).toMatchObject({ dial_index: 0 })
    await expect(lab.groupcalls.hangup({ id: made.id })).rejects.toMatchObject({ reason: 'GROUPCALL_ALREADY_HANGUP' })

    const again = await lab.groupcalls.create({ ...all, actions: wait, destinations: [alice.address] })
    const ringing = await ring(alice.phone)
    await lab.groupcalls.delete({ id: again.id })
    await ringing.ended
    await vi.waitUntil(() =>
      lab.groupcalls.get({ id: again.id }).then(
        () => false,
        () => true,
      ),
    )
    expect((await lab.told(again.id)).slice(-2)).toEqual(['groupcall_hangup', 'groupcall_deleted'])
  })

  test('nothing that can be called: an error, and nothing is made', async () => {
    const before = (await lab.groupcalls.list({})).result.length
    const destinations = [{ type: 'extension' as const, target: 'nobody' }]
    await expect(lab.groupcalls.create({ ...all, actions: beep, destinations })).rejects.toMatchObject({
      reason: 'DESTINATION_INVALID',
      details: [{ field: 'destinations.0' }],
    })
    expect((await lab.groupcalls.list({})).result).toHaveLength(before)
  })

  test('a chained call and a chained groupcall end with the call that made them', async () => {
    const caller = await lab.dial(lab.number({ type: 'answer' }, ...wait))
    await caller.answered
    const master = await lab.call({ status: 'progressing' }, ({ direction }) => direction === 'incoming')
    const { calls, groupcalls } = await lab.internally.dial({
      actions: wait,
      destinations: [carol.address, alice.address],
      master_call_id: master.id,
    })
    expect((await lab.calls.get({ id: master.id })).chained_call_ids).toContain(calls[0]!.id)
    const chained = await ring(carol.phone)
    await chained.answer()
    const ringing = await ring(alice.phone)
    await lab.call({ status: 'progressing' }, ({ id }) => id === calls[0]!.id)
    await caller.hangup()
    await Promise.all([chained.ended, ringing.ended])
    await over(groupcalls[0]!.id)
  })
})
