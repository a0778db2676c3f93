import { newId, timeAfter } from '@sidetone/store'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { type Lab, openLab } from './platform.ts'

let lab: Lab
let own: string
let first: Awaited<ReturnType<Lab['phone']>>
let second: Awaited<ReturnType<Lab['phone']>>
beforeAll(async () => {
  lab = await openLab({ env: { CALL_MAX_CONCURRENT: '3' } })
  own = lab.number({ type: 'beep' })
  first = await lab.phone('first')
  second = await lab.phone('second')
})
beforeEach(async () => {
  Object.assign(lab.world, { balanceSeconds: null, techHeaders: {} })
  lab.world.carriers = [first, second].map(({ port }) => `127.0.0.1:${port}`)
  await lab.outboundConfigs.update_own({ destination_whitelist: ['us'] })
})
afterEach(() => lab.nothingIsLeft())
afterAll(() => lab.close())

const beep = [{ type: 'beep' }]
const wait = [{ type: 'sleep', option: { duration: 60_000 } }]
const american = { type: 'tel' as const, target: '+14155550123' }
const source = () => ({ type: 'tel' as const, target: own })
const dial = (input: Partial<Parameters<Lab['calls']['create']>[0]> = {}) =>
  lab.calls.create({ actions: beep, source: source(), destinations: [american], ...input })
const isOutgoing = ({ direction }: { direction: string }) => direction === 'outgoing'
const header = (call: { invite: { headers: [string, string][] } }, name: string) =>
  call.invite.headers.find(([one]) => one.toLowerCase() === name.toLowerCase())?.[1]

describe('a call to a phone number', () => {
  test('goes to the first carrier, with its headers, from the own number', async () => {
    lab.world.techHeaders = { 'X-Account': 'a17' }
    await dial()
    const call = await first.nextCall()
    expect(call.invite.uri ?? '').toContain('+14155550123@')
    expect(header(call, 'From')).toContain(own)
    expect(header(call, 'X-Account')).toBe('a17')
    await call.answer()
    await call.ended
    expect(await lab.ended()).toMatchObject({ hangup_reason: 'normal', destination: american })
  })

  test('goes to the next carrier when the first fails, as the same call', async () => {
    const { calls } = await dial()
    ;(await first.nextCall()).reject(503)
    const call = await second.nextCall()
    call.ring()
    await call.answer()
    await call.ended
    const ended = await lab.ended()
    expect(ended).toMatchObject({ id: calls[0]!.id, hangup_reason: 'normal' })
    expect((await lab.told(ended.id)).filter((type) => type === 'call_hangup' || type === 'call_dialing')).toEqual([
      'call_dialing',
      'call_hangup',
    ])
  })

  test.each([401, 403, 407])('goes to the next carrier when the first refuses us with %i', async (status) => {
    await dial()
    ;(await first.nextCall()).reject(status)
    ;(await second.nextCall()).reject(603)
    expect(await lab.ended()).toMatchObject({ hangup_reason: 'noanswer', hangup_by: 'remote' })
  })

  test('does not go to the next when the phone has declined', async () => {
    await dial()
    ;(await first.nextCall()).reject(603)
    expect(await lab.ended()).toMatchObject({ hangup_reason: 'noanswer', hangup_by: 'remote' })
  })

  test('does not go to the next when the phone is busy; all carriers failing is a failure', async () => {
    await dial()
    ;(await first.nextCall()).reject(486)
    expect(await lab.ended()).toMatchObject({ hangup_reason: 'busy' })
    await dial()
    ;(await first.nextCall()).reject(500)
    ;(await second.nextCall()).reject(503)
    expect(await lab.ended()).toMatchObject({ hangup_reason: 'failed', hangup_by: 'remote' })
  })

  test('anonymous: the carrier is told who calls, the phone is not', async () => {
    await dial({ anonymous: 'yes' })
    const call = await first.nextCall()
    expect(header(call, 'From')).not.toContain(own)
    expect(header(call, 'P-Asserted-Identity')).toBe(`<tel:${own}>`)
    expect(header(call, 'Privacy')).toBe('id')
    call.reject(486)
    await lab.ended()
  })

  test('is joined with a caller by connect, through the second carrier', async () => {
    const option = { source: source(), destinations: [american] }
    const caller = await lab.dial(lab.number({ type: 'answer' }, { type: 'connect', option }))
    ;(await first.nextCall()).reject(503)
    const call = await second.nextCall()
    await call.answer()
    void call.play({ frequency: 900, durationMs: 3_000 })
    await caller.waitForTone(900)
    await caller.hangup()
    await call.ended
    await lab.ended(isOutgoing)
  })
})

describe('is refused, and nothing is held back,', () => {
  const nothingHeld = () => vi.waitUntil(() => lab.world.reserved.size === 0)
  const allow = (...destination_whitelist: string[]) => lab.outboundConfigs.update_own({ destination_whitelist })
  test.each<[string, string, string, () => unknown]>([
    [
      'without balance',
      'PAYMENT_REQUIRED',
      'BALANCE_INSUFFICIENT',
      () => Object.assign(lab.world, { balanceSeconds: 0 }),
    ],
    ['when the country is not allowed', 'PERMISSION_DENIED', 'COUNTRY_NOT_ALLOWED', () => allow('de')],
    [
      'without a carrier',
      'FAILED_PRECONDITION',
      'DIALROUTE_NOT_FOUND',
      () => Object.assign(lab.world, { carriers: [] }),
    ],
  ])('%s', async (_, status, reason, arrange) => {
    await arrange()
    const details = [{ field: 'destinations.0', reason }]
    await expect(dial()).rejects.toMatchObject({ status, reason, details })
  })

  test('when the customer is not active', async () => {
    lab.world.customers.set(lab.customer, { status: 'frozen' })
    await expect(dial()).rejects.toMatchObject({ status: 'PERMISSION_DENIED', reason: 'CUSTOMER_NOT_ACTIVE' })
    lab.world.customers.set(lab.customer, { status: 'active' })
  })

  test.each([
    ['at the host of a carrier', '+14155550123@sip.carrier.example:5080;transport=tcp'],
    ['with a way around its host', '+14155550123@phones.example;maddr=sip.carrier.example'],
    ['with headers', 'alice@phones.example?Route=%3Csip:sip.carrier.example%3E'],
  ])('a sip address %s', async (_, target) => {
    lab.world.carriers = ['sip.carrier.example']
    await expect(dial({ destinations: [{ type: 'sip', target }] })).rejects.toMatchObject({
      reason: 'DESTINATION_INVALID',
    })
  })

  test('from a number that is not its own, unless it has set one for that', async () => {
    const foreign = { type: 'tel' as const, target: '+14155550999' }
    await expect(dial({ source: foreign })).rejects.toMatchObject({ reason: 'SOURCE_INVALID' })
    const id = newId()
    lab.world.numbers.set('+14155550777', { id, customer_id: lab.customer, call_flow_id: newId() })
    await lab.outboundConfigs.update_own({ default_outgoing_source_number_id: id })
    await dial({ source: foreign })
    const call = await first.nextCall()
    expect(header(call, 'From')).toContain('+14155550777')
    call.reject(486)
    await lab.ended()
    await lab.outboundConfigs.update_own({ default_outgoing_source_number_id: '00000000-0000-0000-0000-000000000000' })
  })

  test('beyond the calls at the same time', async () => {
    lab.world.balanceSeconds = 100
    const before = lab.world.reserved.size
    await expect(dial({ destinations: Array.from({ length: 4 }, () => american) })).rejects.toMatchObject({
      status: 'RESOURCE_EXHAUSTED',
      reason: 'CALL_LIMIT_EXCEEDED',
    })
    expect(lab.world.reserved.size).toBe(before)
  })

  test('when its flow cannot be started', async () => {
    lab.world.balanceSeconds = 100
    const { reserved } = lab.world
    reserved.clear()
    await expect(dial({ flow_id: newId(), actions: undefined as never })).rejects.toMatchObject({
      reason: 'FLOW_NOT_FOUND',
    })
    await nothingHeld()
  })

  test('in a flow: the caller hears 403 with relay_reason, and the flow is told why without', async () => {
    await lab.outboundConfigs.update_own({ destination_whitelist: [] })
    const option = { source: source(), destinations: [american], relay_reason: true }
    await expect((await lab.dial(lab.number({ type: 'connect', option }))).answered).rejects.toMatchObject({
      status: 403,
    })
    const caller = await lab.dial(lab.number({ type: 'connect', option: { ...option, relay_reason: false } }, ...beep))
    await caller.ended
    const { activeflow_id } = await lab.ended()
    expect(lab.world.problems(activeflow_id)).toEqual([expect.stringContaining('PUT /outbound_config')])
  })
})

test('relay_reason tells the caller 403 also when other calls take the last room while the leg is paid for', async () => {
  const bob = await lab.sipPhone('bob')
  let reservations = 0
  lab.world.beforeReserving = async () => {
    if (++reservations === 2) await lab.calls.create({ actions: wait, destinations: [bob.address, bob.address] })
  }
  const option = { source: source(), destinations: [american], relay_reason: true }
  const caller = await lab.dial(lab.number({ type: 'connect', option }, ...wait))
  await expect(caller.answered).rejects.toMatchObject({ status: 403 })
  lab.world.beforeReserving = async () => {}
  expect(reservations).toBe(2)
  for (let n = 0; n < 2; n++) (await bob.phone.nextCall()).reject(486)
  await vi.waitUntil(async () => (await lab.calls.list({})).result.every(({ status }) => status === 'hangup'))
})

describe('an extension that dials a number of the world', () => {
  test('reaches it with the default number of its customer', async () => {
    const alice = await lab.extension('1001')
    const id = newId()
    lab.world.numbers.set('+14155550777', { id, customer_id: lab.customer, call_flow_id: newId() })
    await lab.outboundConfigs.update_own({ default_outgoing_source_number_id: id })
    const caller = await lab.dial(american.target, alice.phone)
    const call = await first.nextCall()
    expect(header(call, 'From')).toContain('+14155550777')
    await call.answer()
    await caller.answered
    void caller.play({ frequency: 700, durationMs: 3_000 })
    await call.waitForTone(700)
    await caller.hangup()
    await call.ended
    await lab.ended(isOutgoing)
    await lab.outboundConfigs.update_own({ destination_whitelist: [] })
    await expect((await lab.dial(american.target, alice.phone)).answered).rejects.toMatchObject({ status: 403 })
  })
})

describe('what is paid for', () => {
  test('a call that comes in without balance is refused, and ends when the balance does', async () => {
    const number = lab.number({ type: 'answer' }, ...wait)
    lab.world.balanceSeconds = 0
    await expect((await lab.dial(number)).answered).rejects.toMatchObject({ status: 403 })
    lab.world.balanceSeconds = 1
    const caller = await lab.dial(number)
    await caller.answered
    await caller.ended
    expect(await lab.ended()).toMatchObject({ direction: 'incoming', hangup_reason: 'timeout' })
  })

  test('a call from within the platform costs only when it goes to a virtual number', async () => {
    const { phone } = await lab.extension('1003')
    const number = lab.number({ type: 'answer' })
    lab.world.numbers.set('+899000000001', lab.world.numbers.get(number)!)
    lab.world.balanceSeconds = 0
    await (await lab.dial(number, phone)).answered
    await lab.ended()
    await expect((await lab.dial('+899000000001', phone)).answered).rejects.toMatchObject({ status: 403 })
  })

  test('a call ends when the balance does, and not before', async () => {
    lab.world.balanceSeconds = 3
    const { calls } = await dial({ actions: wait })
    const call = await first.nextCall()
    await call.answer()
    const answeredAt = Date.now()
    await call.ended
    const seconds = (Date.now() - answeredAt) / 1_000
    expect(seconds).toBeGreaterThan(2.8)
    expect(seconds).toBeLessThan(4)
    expect(await lab.ended()).toMatchObject({ id: calls[0]!.id, hangup_reason: 'timeout', hangup_by: 'local' })
  })

  test('a clock that is set forward by a day ends a call, and does not take the balance for it', async () => {
    lab.world.balanceSeconds = 1_000
    const { calls } = await dial({ actions: wait })
    const call = await first.nextCall()
    await call.answer()
    const { id } = await lab.call({ id: calls[0]!.id, status: 'progressing' })
    const { store } = lab.platform
    const tm_progressing = timeAfter(-86_400_000)
    await store.kysely.updateTable('call_call').set({ tm_progressing }).where('id', '=', id).execute()
    await call.ended
    expect(await lab.ended()).toMatchObject({ id, hangup_reason: 'timeout', hangup_by: 'local' })
    expect(lab.world.balanceSeconds).toBeGreaterThan(900)
  })
})
