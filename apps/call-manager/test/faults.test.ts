import { serveContract } from '@sidetone/bus'
import { commonError, type EventEnvelope, nilId } from '@sidetone/contract'
import { asteriskContractOf } from '@sidetone/proto-schemas/asterisk'
import { newId, now } from '@sidetone/store'
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest'
import { type Lab, openLab, repeatEvents } from './platform.ts'

let lab: Lab
beforeAll(async () => {
  lab = await openLab()
})
afterAll(() => lab.close())
afterEach(() => lab.nothingIsLeft())

const wait = (duration = 60_000) => ({ type: 'sleep', option: { duration } })
const hangups = async (id: string) => (await lab.told(id)).filter((type) => type === 'call_hangup').length
const envelopeOf = (type: string, resource_id: string, data: object): EventEnvelope => ({
  id: newId(),
  type,
  publisher: 'test',
  customer_id: nilId,
  owner_id: nilId,
  resource: type.slice(0, type.indexOf('_')),
  resource_id,
  sequence: 1,
  time: now(),
  data,
})
const ariEvent = (asterisk_id: string, event: object): EventEnvelope =>
  envelopeOf('ari_received', asterisk_id, { id: asterisk_id, customer_id: nilId, asterisk_id, event })

test('events of the node that come twice change nothing', async () => {
  const { transport } = lab.platform
  const repeating = await repeatEvents(lab)
  const number = lab.number(
    { type: 'answer' },
    { type: 'beep' },
    { type: 'digits_receive', option: { duration: 5_000, length: 3 } },
    { type: 'recording_start' },
    wait(300),
  )
  const caller = await lab.dial(number)
  await caller.answered
  const { id, activeflow_id } = await lab.call({ status: 'progressing' })
  await caller.sendDtmf('123')
  void caller.play({ frequency: 600, durationMs: 300 })
  await caller.ended
  await lab.ended()
  await vi.waitUntil(async () => (await lab.recordings.list({})).result[0]?.status === 'ended')
  const before = await lab.told()

  const all = (await lab.events()).filter(({ type }) => type === 'ari_received')
  for (const event of [...all, ...all.toReversed()]) await transport.publish(event)
  await repeating.close()

  expect(lab.variables(activeflow_id)['voipbin.call.digits']).toBe('123')
  expect(await hangups(id)).toBe(1)
  expect(await lab.told()).toEqual(before)
  const [recording] = (await lab.recordings.list({})).result
  expect(await lab.told(recording!.id)).toEqual(['recording_started', 'recording_finished'])
})

test('time limits survive a restart of the call manager', async () => {
  const number = lab.number(
    { type: 'answer' },
    { type: 'digits_receive', option: { duration: 400, length: 3 } },
    wait(100),
  )
  const caller = await lab.dial(number)
  await caller.answered
  await caller.sendDtmf('4')
  const { activeflow_id } = await lab.call({ status: 'progressing' })
  await vi.waitUntil(async () => (await lab.told()).includes('dtmf_received'))
  const start = await lab.stopCallManager()
  await new Promise((resolve) => setTimeout(resolve, 450))
  await start()
  await caller.ended
  expect(await lab.ended()).toMatchObject({ hangup_reason: 'normal', hangup_by: 'local' })
  expect(lab.variables(activeflow_id)['voipbin.call.digits']).toBe('4')
})

test('a call that a dead process left between two actions is moved on', async () => {
  const caller = await lab.dial(lab.number({ type: 'answer' }, { type: 'beep' }, wait(60_000), wait(100)))
  await caller.answered
  const { id, activeflow_id } = await lab.call({ status: 'progressing' })
  const flow = lab.world.activeflows.get(activeflow_id)!
  await vi.waitUntil(() => flow.current.id === flow.actions[2]!.id)
  const { kysely } = lab.platform.store
  // As it is stored before an action is begun, long ago.
  const left = { phase: 'entering', lease_until: 0, turn: 7, action: JSON.stringify(flow.actions[3]) }
  flow.current = flow.actions[3]!
  await kysely.updateTable('call_call').set(left).where('id', '=', id).execute()
  await kysely.updateTable('jobs_job').set({ due_ms: 0 }).where('type', '=', 'call.reap').execute()
  await caller.ended
  expect(await lab.ended()).toMatchObject({ hangup_reason: 'normal', action: { id: flow.actions[3]!.id } })
})

test('a call that ended while the node could not be heard is closed once', async () => {
  const caller = await lab.dial(lab.number({ type: 'answer' }, wait()))
  await caller.answered
  const { id } = await lab.call({ status: 'progressing' })
  const start = await lab.stopProxy()
  await caller.hangup()
  await start()
  expect(await lab.ended()).toMatchObject({ id, hangup_by: 'remote', hangup_reason: 'normal' })
  expect(await hangups(id)).toBe(1)
})

test('a call that was answered while the node could not be heard is paid for from then on', async () => {
  const { phone, address } = await lab.sipPhone('bob')
  lab.number(wait())
  const { calls } = await lab.calls.create({ actions: [wait()], destinations: [address] })
  const ringing = await phone.nextCall()
  ringing.ring()
  await lab.call({ status: 'ringing' })
  const start = await lab.stopProxy()
  await ringing.answer()
  await start()
  expect(await lab.call({ status: 'progressing' })).toMatchObject({
    id: calls[0]!.id,
    tm_progressing: expect.any(String),
  })
  await ringing.hangup()
  await lab.ended()
})

test('a call whose node is heard of again goes on', async () => {
  const caller = await lab.dial(lab.number({ type: 'answer' }, wait(300), { type: 'beep' }))
  await caller.answered
  const start = await lab.stopProxy()
  await start()
  await caller.ended
  expect(await lab.ended()).toMatchObject({ hangup_by: 'local', action: { type: 'beep' } })
})

test('channels that have no call are hung up when their node is heard of, young ones are left', async () => {
  const caller = await lab.dial(lab.number({ type: 'answer' }, { type: 'recording_start' }, wait()))
  await caller.answered
  await vi.waitUntil(async () => (await lab.recordings.list({})).result[0]?.status === 'recording')
  const { recording_id } = await lab.call({ status: 'progressing' })
  const ended: string[] = []
  const channel = (id: string, creationtime: string, app = 'sidetone') => ({
    id,
    state: 'Up',
    creationtime,
    dialplan: { app_name: 'Stasis', app_data: `${app},x` },
  })
  const contract = asteriskContractOf('double')
  const server = await serveContract(
    contract,
    {
      ari: {
        async request({ method, path }) {
          if (method === 'DELETE') ended.push(path)
          const body = [
            channel(`snoop-in-${recording_id}`, '2026-01-01T00:00:00.000+0000'),
            channel('old', '2026-01-01T00:00:00.000+0000'),
            channel(`snoop-${newId()}`, '2026-01-01T00:00:00.000+0000'),
            channel('young', new Date().toISOString()),
            channel('not ours', '2026-01-01T00:00:00.000+0000', 'other'),
          ]
          return { asterisk_id: 'double', status: method === 'GET' ? 200 : 204, body }
        },
        store_recording: async () => ({ filesize: 0, sha256: '' }),
      },
    },
    lab.platform,
  )
  await lab.platform.transport.publish(ariEvent('double', { type: 'NodeConnected' }))
  await vi.waitUntil(() => ended.length > 1)
  await server.close()
  expect(ended).toEqual([expect.stringContaining('old'), expect.stringMatching(/snoop-/)])
  await caller.hangup()
  await lab.ended()
})

test('a flow manager that is away for a moment is waited for', async () => {
  const caller = await lab.dial(lab.number({ type: 'answer' }, wait(200), { type: 'beep' }, wait(100)))
  await caller.answered
  lab.world.failNext(2, () => commonError('SERVICE_UNAVAILABLE'))
  await caller.ended
  expect(await lab.ended()).toMatchObject({ hangup_reason: 'normal', action: { type: 'sleep' } })
})

test('a flow that was moved on by an attempt that was cut off goes on where it is', async () => {
  const caller = await lab.dial(lab.number({ type: 'answer' }, wait(200), { type: 'beep' }, wait(100)))
  await caller.answered
  const { activeflow_id } = await lab.call({ status: 'progressing' })
  const flow = lab.world.activeflows.get(activeflow_id)!
  await vi.waitUntil(() => flow.current.type === 'sleep')
  flow.current = flow.actions[2]!
  await caller.ended
  expect(await lab.ended()).toMatchObject({ hangup_reason: 'normal', action: { id: flow.actions[3]!.id } })
})

test('a flow that is stopped from outside hangs up', async () => {
  const caller = await lab.dial(lab.number({ type: 'answer' }, wait()))
  await caller.answered
  const call = await lab.call({ status: 'progressing' })
  const data = { id: call.activeflow_id, status: 'ended', reference_type: 'call', reference_id: call.id }
  await lab.platform.transport.publish(envelopeOf('activeflow_updated', call.activeflow_id, data))
  await caller.ended
  expect(await lab.ended()).toMatchObject({ hangup_by: 'local', hangup_reason: 'normal' })
})

test('the calls of a customer that is deleted are hung up', async () => {
  const caller = await lab.dial(lab.number({ type: 'answer' }, wait()))
  await caller.answered
  await lab.call({ status: 'progressing' })
  await lab.platform.transport.publish(envelopeOf('customer_deleted', lab.customer, { id: lab.customer }))
  await caller.ended
  await lab.ended()
})

test('the agent at the other end owns the call; not finding it does not matter', async () => {
  const agent = newId()
  lab.world.agentOf = ({ target }) => (target === '+15559990000' ? agent : undefined)
  const number = lab.number({ type: 'answer' })
  await (await lab.dial(number)).ended
  expect(await lab.ended()).toMatchObject({ owner_type: 'agent', owner_id: agent })
  lab.world.agentOf = () => {
    throw new Error('the agents are away')
  }
  await (await lab.dial(number)).ended
  expect(await lab.ended()).toMatchObject({ owner_type: '', owner_id: nilId })
})
