import { createServer } from 'node:http'
import { ApiError } from '@sidetone/contract'
import { sine, writeWav } from '@sidetone/e2e/phone'
import { newId } from '@sidetone/store'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { type Lab, openLab } from './platform.ts'

let lab: Lab
const media = createServer((request, response) => {
  const hz = Number(/(\d+)\.wav/.exec(request.url ?? '')?.[1] ?? 0)
  if (!hz) return response.writeHead(404).end()
  response.writeHead(200, { 'content-type': 'audio/wav' }).end(writeWav(sine(hz, 350, 8_000)))
})
let url = ''

beforeAll(async () => {
  await new Promise<void>((resolve) => media.listen(0, '127.0.0.1', resolve))
  url = `http://127.0.0.1:${(media.address() as { port: number }).port}`
  lab = await openLab()
  lab.world.speechUri = `${url}/700.wav`
})
afterAll(async () => {
  await lab.close()
  await new Promise((resolve) => media.close(resolve))
})
afterEach(() => lab.nothingIsLeft())

test('a call to a number runs its flow: answered, a beep is heard, hung up', async () => {
  const number = lab.number({ type: 'answer' }, { type: 'beep' }, { type: 'hangup' })
  const phone = await lab.dial(number)
  await phone.answered
  expect(await phone.ended).toMatchObject({ by: 'them', cause: 16 })
  const call = await lab.ended()
  expect(call).toMatchObject({
    hangup_reason: 'normal',
    hangup_by: 'local',
    direction: 'incoming',
    source: { type: 'tel', target: '+15559990000' },
    destination: { type: 'tel', target: number },
  })
  expect(await lab.told(call.id)).toEqual([
    'call_created',
    'call_ringing',
    'call_updated',
    'call_progressing',
    'call_updated',
    'call_updated',
    'call_terminating',
    'call_hangup',
  ])
})

test('speech is heard, digits that are typed during it are not lost, and the key that ends them is none of them', async () => {
  const number = lab.number(
    { type: 'talk', option: { text: 'Please enter your number' } },
    { type: 'digits_receive', option: { duration: 4_000, key: '#', length: 10 } },
    { type: 'talk', option: { text: 'Thank you' } },
  )
  const phone = await lab.dial(number)
  await phone.answered
  await phone.waitForTone(700)
  await phone.sendDtmf('12')
  await vi.waitUntil(() => lab.world.spoken.includes('Please enter your number'))
  await phone.waitForSilence()
  await phone.sendDtmf('34#')
  await phone.waitForTone(700)
  await phone.ended
  const call = await lab.ended()
  expect(lab.variables(call.activeflow_id)).toMatchObject({
    'voipbin.call.digits': '1234',
    'voipbin.call.id': call.id,
    'voipbin.call.source.target': '+15559990000',
    'voipbin.call.destination.target': number,
  })
  const dtmf = (await lab.events()).filter(
    ({ type, data }) => type === 'dtmf_received' && (data as { call_id: string }).call_id === call.id,
  )
  expect(dtmf.map(({ data }) => (data as { digit: string }).digit).join('')).toBe('1234#')
})

test('a talk that is asynchronous is heard while the flow goes on', async () => {
  const number = lab.number(
    { type: 'talk', option: { text: 'Welcome', async: true } },
    { type: 'digits_receive', option: { duration: 3_000, length: 1 } },
  )
  const phone = await lab.dial(number)
  await phone.answered
  const call = await lab.call({ status: 'progressing' })
  await vi.waitUntil(() => lab.world.activeflows.get(call.activeflow_id)!.current.type === 'digits_receive')
  await phone.waitForTone(700)
  await phone.sendDtmf('3')
  await phone.ended
  expect(lab.variables(call.activeflow_id)['voipbin.call.digits']).toBe('3')
})

test('a digit ends a talk that says so, and the flow sees it', async () => {
  const number = lab.number(
    { type: 'talk', option: { text: 'Press a key', digits_handle: 'next' } },
    { type: 'beep' },
    { type: 'digits_receive', option: { duration: 3_000, length: 2 } },
  )
  const phone = await lab.dial(number)
  await phone.waitForTone(700)
  await phone.sendDtmf('5')
  const call = await lab.call({ status: 'progressing' })
  await vi.waitUntil(() => lab.variables(call.activeflow_id)['voipbin.call.digits'] === '5')
  await phone.sendDtmf('6')
  await phone.ended
  expect(lab.variables(call.activeflow_id)['voipbin.call.digits']).toBe('56')
})

test('digits that a branch has taken do not count again', async () => {
  const number = lab.number(
    { type: 'talk', option: { text: 'Press a key', digits_handle: 'next' } },
    { type: 'sleep', option: { duration: 200 } },
    { type: 'digits_receive', option: { duration: 3_000, length: 1 } },
  )
  const phone = await lab.dial(number)
  await phone.waitForTone(700)
  await phone.sendDtmf('1')
  const call = await lab.call({ status: 'progressing' })
  await vi.waitUntil(() => lab.variables(call.activeflow_id)['voipbin.call.digits'] === '1')
  delete lab.variables(call.activeflow_id)['voipbin.call.digits']
  await vi.waitUntil(() => lab.world.activeflows.get(call.activeflow_id)!.current.type === 'digits_receive', 2_000)
  await phone.sendDtmf('2')
  await phone.ended
  expect(lab.variables(call.activeflow_id)['voipbin.call.digits']).toBe('2')
})

test('digits_receive ends when its time is over, with what was typed', async () => {
  const number = lab.number({ type: 'answer' }, { type: 'digits_receive', option: { duration: 500, length: 5 } })
  const phone = await lab.dial(number)
  await phone.answered
  await phone.sendDtmf('42')
  await phone.ended
  const call = await lab.ended()
  expect(lab.variables(call.activeflow_id)['voipbin.call.digits']).toBe('42')
})

test('media is played in order, and what cannot be fetched is skipped', async () => {
  const stream_urls = [`${url}/500.wav`, `${url}/missing.wav`, `${url}/900.wav`]
  const number = lab.number({ type: 'answer' }, { type: 'play', option: { stream_urls } })
  const phone = await lab.dial(number)
  const first = await phone.waitForTone(500)
  await phone.waitForTone(900, { sinceMs: first })
  await phone.ended
  expect(await lab.ended()).toMatchObject({ hangup_reason: 'normal' })
})

test('an action that fails, or is not known, does not end the call', async () => {
  const number = lab.number(
    { type: 'answer' },
    { type: 'play', option: { stream_urls: [`${url}/missing.wav`] } },
    { type: 'no_such_action' },
    { type: 'sleep', option: { duration: 'long' } },
    { type: 'beep' },
  )
  const phone = await lab.dial(number)
  await phone.waitForTone(1_000, { minMs: 60 }).catch(() => undefined)
  await phone.ended
  expect(await lab.ended()).toMatchObject({ hangup_reason: 'normal', hangup_by: 'local' })
})

test('echo sends back what is said, for its duration', async () => {
  const number = lab.number({ type: 'answer' }, { type: 'echo', option: { duration: 700 } })
  const phone = await lab.dial(number)
  await phone.answered
  void phone.play({ frequency: 1_200, durationMs: 3_000 })
  await phone.waitForTone(1_200)
  await phone.ended
  expect(await lab.ended()).toMatchObject({ hangup_reason: 'normal' })
})

test('a caller who hangs up ends the call once, and its flow', async () => {
  const number = lab.number({ type: 'answer' }, { type: 'sleep', option: { duration: 60_000 } })
  const phone = await lab.dial(number)
  await phone.answered
  const { id, activeflow_id } = await lab.call({ status: 'progressing' })
  await phone.hangup()
  await lab.ended()
  await vi.waitUntil(() => lab.world.activeflows.get(activeflow_id)!.status === 'ended')
  expect((await lab.told(id)).filter((type) => type === 'call_hangup')).toHaveLength(1)
  expect(await lab.calls.get({ id })).toMatchObject({ hangup_by: 'remote', hangup_reason: 'normal' })
})

test('a caller who gives up before the answer ends the call', async () => {
  const number = lab.number({ type: 'sleep', option: { duration: 60_000 } })
  const phone = await lab.dial(number)
  phone.answered.catch(() => undefined)
  await lab.call({ status: 'ringing' })
  await phone.hangup()
  expect(await lab.ended()).toMatchObject({ hangup_by: 'remote', hangup_reason: 'normal', tm_progressing: null })
})

test('the hangup action can refuse a call', async () => {
  const number = lab.number({ type: 'hangup', option: { reason: 'busy' } })
  const phone = await lab.dial(number)
  await expect(phone.answered).rejects.toMatchObject({ status: 486 })
  expect(await lab.ended()).toMatchObject({ hangup_by: 'local', hangup_reason: 'busy' })
})

test.each([
  ['+15550009999', 404],
  ['1234', 404],
])('a call to %s, which is nobody, gets %i and leaves no row', async (number, status) => {
  const before = (await lab.calls.list({})).result.length
  const phone = await lab.dial(number)
  await expect(phone.answered).rejects.toMatchObject({ status })
  expect((await lab.calls.list({})).result).toHaveLength(before)
})

test('a number without a flow, or of a customer that is not active, is refused', async () => {
  await expect((await lab.dial(lab.number())).answered).rejects.toMatchObject({ status: 404 })
  const number = lab.number({ type: 'answer' })
  lab.world.customers.set(lab.customer, { status: 'frozen' })
  await expect((await lab.dial(number)).answered).rejects.toMatchObject({ status: 403 })
  lab.world.customers.set(lab.customer, { status: 'active' })
})

test('a flow that cannot be started ends the call', async () => {
  const number = lab.number({ type: 'answer' })
  lab.world.flows.clear()
  await expect((await lab.dial(number)).answered).rejects.toMatchObject({ status: 404 })
  expect((await lab.told((await lab.ended()).id)).at(-1)).toBe('call_hangup')
})

test('a call can be hung up and deleted from outside', async () => {
  const number = lab.number({ type: 'answer' }, { type: 'sleep', option: { duration: 60_000 } })
  const phone = await lab.dial(number)
  await phone.answered
  const { id } = await lab.call({ status: 'progressing' })
  await lab.calls.hangup({ id })
  expect(await phone.ended).toMatchObject({ by: 'them' })
  await vi.waitUntil(async () => (await lab.calls.get({ id })).status === 'hangup')
  await expect(lab.calls.hangup({ id })).rejects.toMatchObject({ reason: 'CALL_ALREADY_HANGUP' })
  expect(await lab.calls.delete({ id })).toMatchObject({ id })
  await expect(lab.calls.get({ id })).rejects.toBeInstanceOf(ApiError)
})

test('a call that is deleted while it lives ends, is announced, and is gone', async () => {
  const number = lab.number({ type: 'answer' }, { type: 'sleep', option: { duration: 60_000 } })
  const phone = await lab.dial(number)
  await phone.answered
  const { id } = await lab.call({ status: 'progressing' })
  await lab.calls.delete({ id })
  await phone.ended
  await vi.waitUntil(async () => (await lab.told(id)).includes('call_deleted'))
  expect((await lab.told(id)).slice(-3)).toEqual(['call_terminating', 'call_hangup', 'call_deleted'])
})

test('another customer does not see the call', async () => {
  const number = lab.number({ type: 'answer' }, { type: 'sleep', option: { duration: 60_000 } })
  const phone = await lab.dial(number)
  await phone.answered
  const { id } = await lab.call({ status: 'progressing' })
  const rival = lab.asCustomer()
  await expect(rival.get({ id })).rejects.toMatchObject({ reason: 'CALL_NOT_FOUND' })
  await expect(rival.hangup({ id })).rejects.toMatchObject({ reason: 'CALL_NOT_FOUND' })
  await expect(rival.delete({ id })).rejects.toMatchObject({ reason: 'CALL_NOT_FOUND' })
  await phone.hangup()
})

describe('a direct hash', () => {
  const direct = (resource_type: string, resource_id: string) => {
    const hash = `direct.${newId().replaceAll('-', '')}`
    lab.world.directs.set(hash, { customer_id: lab.customer, resource_type, resource_id })
    return hash
  }

  test('of a flow runs it', async () => {
    const caller = await lab.dial(direct('flow', lab.world.flow({ type: 'beep' })))
    await caller.ended
    const { activeflow_id } = await lab.ended()
    expect(lab.world.ran(activeflow_id)).toEqual(['beep'])
  })

  test('of an extension rings its phone', async () => {
    const { id, phone } = await lab.extension('1077')
    const caller = await lab.dial(direct('extension', id))
    const callee = await phone.nextCall()
    await callee.answer()
    await caller.answered
    await caller.hangup()
    await callee.ended
    await lab.ended(({ direction }) => direction === 'incoming')
  })

  test('of nothing is not found', async () => {
    await expect((await lab.dial(`direct.${'0'.repeat(32)}`)).answered).rejects.toMatchObject({ status: 404 })
  })
})
