import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest'
import { type Lab, openLab } from './platform.ts'

let lab: Lab
let bob: Awaited<ReturnType<Lab['sipPhone']>>
beforeAll(async () => {
  lab = await openLab({
    env: { CALL_DIAL_TIMEOUT_SECONDS: '1', CALL_MAX_DURATION_SECONDS: '2' },
  })
  bob = await lab.sipPhone('bob')
})
afterAll(() => lab.close())
afterEach(() => lab.nothingIsLeft())

const beep = [{ type: 'beep' }]
const wait = [{ type: 'sleep', option: { duration: 60_000 } }]

test('POST /calls rings the phone and runs the flow when it is answered', async () => {
  const number = lab.number({ type: 'beep' })
  const { calls, groupcalls } = await lab.calls.create({ actions: beep, destinations: [bob.address] })
  expect(groupcalls).toEqual([])
  expect(calls).toMatchObject([{ status: 'dialing', direction: 'outgoing', source: { type: 'tel', target: number } }])
  const call = await bob.phone.nextCall()
  expect(call.invite.headers.find(([name]) => name === 'From')?.[1]).toContain(number)
  call.ring()
  await vi.waitUntil(async () => (await lab.calls.get({ id: calls[0]!.id })).status === 'ringing')
  await call.answer()
  await call.ended
  const ended = await lab.ended()
  expect(ended).toMatchObject({ hangup_by: 'local', hangup_reason: 'normal', destination: bob.address })
  expect(await lab.told(ended.id)).toEqual([
    'call_created',
    'call_dialing',
    'call_ringing',
    'call_progressing',
    'call_updated',
    'call_terminating',
    'call_hangup',
  ])
})

test('a sip address is called as it is given, from the source that is given', async () => {
  const phone = await lab.phone('someone')
  const source = { type: 'sip' as const, target: 'shop@example.com', name: 'The "Shop"' }
  const target = `someone@127.0.0.1:${phone.port}`
  await lab.calls.create({ actions: beep, source, destinations: [{ type: 'sip', target }] })
  const call = await phone.nextCall()
  const from = call.invite.headers.find(([name]) => name === 'From')?.[1]
  expect(from).toContain('"The Shop"')
  expect(from).toContain('shop@')
  await call.answer()
  await call.ended
  await lab.ended()
})

test('a sip address is offered the codecs that the customer wants, in their order', async () => {
  const phone = await lab.phone('someone')
  const target = `someone@127.0.0.1:${phone.port}`
  const offered = async () => {
    await lab.calls.create({ actions: beep, destinations: [{ type: 'sip', target }] })
    const call = await phone.nextCall()
    const media = /^m=audio \d+ RTP\/AVP (.*)$/m.exec(call.invite.body)![1]
    await call.reject(486)
    await lab.ended()
    return media
  }
  expect(await offered()).toBe('0 8 9 107 101 102')
  await lab.outboundConfigs.update_own({ codecs: 'G729,PCMA,g722,ulaw' })
  expect(await offered()).toBe('8 9 0 101')
  await lab.outboundConfigs.update_own({ codecs: 'G729' })
  expect(await offered()).toBe('0 8 9 107 101 102')
  await lab.outboundConfigs.update_own({ codecs: '' })
})

test('how well both sides were heard is known when the call has ended', async () => {
  const { calls } = await lab.calls.create({ actions: wait, destinations: [bob.address] })
  const call = await bob.phone.nextCall()
  await call.answer()
  await call.play({ frequency: 440, durationMs: 600 })
  expect((await lab.calls.get({ id: calls[0]!.id })).quality).toBeNull()
  await call.hangup()
  const { id, quality } = await lab.ended()
  expect(quality).toMatchObject({ received: { packets_lost: 0 }, sent: null, round_trip_ms: null })
  expect(quality!.received.packets).toBeGreaterThan(20)
  expect(quality!.received.mos).toBeGreaterThan(4)
  expect((await lab.calls.get({ id })).quality).toEqual(quality)
})

test('a phone of another customer cannot be called by its sip address, an own one can', async () => {
  const by = (customer: string) => `1000@${customer}.registrar.sidetone.localhost`
  const dial = (target: string) => lab.calls.create({ actions: beep, destinations: [{ type: 'sip', target }] })
  const foreign = by('00000000-0000-4000-8000-000000000008')
  for (const target of [foreign, foreign.toUpperCase(), `${foreign}:5060;transport=udp`]) {
    await expect(dial(target)).rejects.toMatchObject({ reason: 'DESTINATION_INVALID' })
  }
  await dial(by(lab.customer))
  expect(await lab.ended()).toMatchObject({ hangup_reason: 'failed', hangup_by: 'remote' })
})

test('no sip address leads into a network of the platform’s own', async () => {
  for (const host of ['10.1.2.3', '169.254.169.254', '[::ffff:192.168.0.1]', '[fd00::1]']) {
    const destinations = [{ type: 'sip' as const, target: `someone@${host}` }]
    await expect(lab.calls.create({ actions: beep, destinations })).rejects.toMatchObject({
      reason: 'DESTINATION_INVALID',
      message: expect.stringContaining('cannot be called'),
    })
  }
})

test.each([
  [486, 'busy'],
  [603, 'noanswer'],
  [404, 'failed'],
] as const)('a phone that answers %i ends the call as %s', async (status, hangup_reason) => {
  await lab.calls.create({ actions: beep, destinations: [bob.address] })
  ;(await bob.phone.nextCall()).reject(status)
  expect(await lab.ended()).toMatchObject({ hangup_reason, hangup_by: 'remote' })
})

test('a phone that is not registered ends the call as failed', async () => {
  const id = '00000000-0000-4000-8000-000000000009'
  lab.world.extensions.push({ id, customer_id: lab.customer, extension: '1009' })
  await lab.calls.create({ actions: beep, destinations: [{ type: 'extension', target: id }] })
  expect(await lab.ended()).toMatchObject({ hangup_reason: 'failed', hangup_by: 'remote' })
})

test('hanging up before the answer cancels', async () => {
  const { calls } = await lab.calls.create({ actions: wait, destinations: [bob.address] })
  const call = await bob.phone.nextCall()
  call.answered.catch(() => undefined)
  call.ring()
  await lab.calls.hangup({ id: calls[0]!.id })
  await call.ended
  expect(await lab.ended()).toMatchObject({ hangup_reason: 'cancel', hangup_by: 'local' })
  expect((await lab.told(calls[0]!.id)).slice(-2)).toEqual(['call_canceling', 'call_hangup'])
})

test('hanging up at once cancels, however far the dialling has come', async () => {
  const { calls } = await lab.calls.create({ actions: wait, destinations: [bob.address] })
  await lab.calls.hangup({ id: calls[0]!.id })
  expect(await lab.ended()).toMatchObject({ hangup_reason: 'cancel' })
  await bob.phone
    .nextCall({ timeoutMs: 200 })
    .then((call) => call.ended)
    .catch(() => undefined)
})

test('a phone that never answers is given up', async () => {
  await lab.calls.create({ actions: wait, destinations: [bob.address] })
  const call = await bob.phone.nextCall()
  call.answered.catch(() => undefined)
  call.ring()
  await call.ended
  expect(await lab.ended()).toMatchObject({ hangup_reason: 'dialout' })
})

test('a call ends after the maximum duration', async () => {
  await lab.calls.create({ actions: wait, destinations: [bob.address] })
  const call = await bob.phone.nextCall()
  await call.answer()
  await call.ended
  expect(await lab.ended()).toMatchObject({ hangup_reason: 'timeout', hangup_by: 'local' })
})

test('one call for each destination that can be called', async () => {
  const { calls } = await lab.calls.create({
    actions: beep,
    destinations: [{ type: 'tel', target: '+15557654321' }, bob.address],
  })
  expect(calls).toHaveLength(1)
  ;(await bob.phone.nextCall()).reject(486)
  await lab.ended()
})

test('what cannot be called or run is refused, and no call is made', async () => {
  const before = (await lab.calls.list({})).result.length
  const tel = { type: 'tel' as const, target: '+15557654321' }
  await expect(lab.calls.create({ actions: beep, destinations: [tel] })).rejects.toMatchObject({
    reason: 'COUNTRY_NOT_ALLOWED',
    details: [{ field: 'destinations.0' }],
  })
  const flow_id = '00000000-0000-4000-8000-000000000001'
  await expect(lab.calls.create({ flow_id, destinations: [bob.address] })).rejects.toMatchObject({
    status: 'INVALID_ARGUMENT',
    reason: 'FLOW_NOT_FOUND',
  })
  await expect(lab.calls.create({ actions: beep, source: tel, destinations: [bob.address] })).rejects.toMatchObject({
    reason: 'SOURCE_INVALID',
  })
  expect((await lab.calls.list({})).result).toHaveLength(before)
})

test('early_execution: the flow begins when the phone rings', async () => {
  const { calls } = await lab.internally.dial({ actions: wait, destinations: [bob.address], early_execution: true })
  const { id, activeflow_id } = calls[0]!
  const call = await bob.phone.nextCall()
  call.answered.catch(() => undefined)
  expect(lab.world.ran(activeflow_id)).toEqual([])
  call.ring()
  await vi.waitUntil(() => lab.world.ran(activeflow_id).includes('sleep'))
  expect(await lab.calls.get({ id })).toMatchObject({ status: 'ringing' })
  call.reject(486)
  expect(await lab.ended()).toMatchObject({ hangup_reason: 'busy' })
})

test('a customer may begin so many calls in a second', async () => {
  const limited = await openLab({ env: { CALL_MAX_PER_SECOND: '5' } })
  const { phone, address } = await limited.sipPhone('bob')
  const two = { actions: beep, destinations: [address, address] }
  const outcomes = await Promise.allSettled([1, 2, 3].map(() => limited.calls.create(two)))
  const failures = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason] : []))
  expect(failures).toMatchObject([{ status: 'RESOURCE_EXHAUSTED', reason: 'CALL_RATE_EXCEEDED' }])
  for (let n = 0; n < 4; n++) (await phone.nextCall()).reject(486)
  await vi.waitUntil(async () => (await limited.calls.list({})).result.every(({ status }) => status === 'hangup'))
  await limited.close()
})
