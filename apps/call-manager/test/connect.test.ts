import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { type Lab, openLab } from './platform.ts'

let lab: Lab
type Extension = Awaited<ReturnType<Lab['extension']>>
let [alice, bob, carol]: Extension[] = []

beforeAll(async () => {
  lab = await openLab({ env: { CALL_DIAL_TIMEOUT_SECONDS: '1' } })
  ;[alice, bob, carol] = await Promise.all(['1000', '1001', '1002'].map((extension) => lab.extension(extension)))
})
afterAll(() => lab.close())
afterEach(() => lab.nothingIsLeft())

const connectTo = (...destinations: Extension[]) => ({ destinations: destinations.map(({ address }) => address) })
const incoming = { direction: 'incoming' as const }
const isIncoming = ({ direction }: { direction: string }) => direction === 'incoming'
const isOutgoing = ({ direction }: { direction: string }) => direction === 'outgoing'

describe('extension to extension', () => {
  test('the caller hears ringing, both hear each other, and each leg ends once', async () => {
    const caller = await lab.dial('1001', alice!.phone)
    const callee = await bob!.phone.nextCall()
    callee.ring()
    await vi.waitUntil(() => caller.progress.includes(180))
    expect(callee.invite.headers.find(([name]) => name === 'From')?.[1]).toContain('1000')
    await callee.answer()
    await caller.answered
    void caller.play({ frequency: 600, durationMs: 2_000 })
    void callee.play({ frequency: 1_100, durationMs: 2_000 })
    await Promise.all([callee.waitForTone(600), caller.waitForTone(1_100)])
    await callee.hangup()
    await caller.ended

    const [leg, call] = [await lab.ended(isOutgoing), await lab.ended(isIncoming)]
    expect(leg).toMatchObject({ master_call_id: call.id, hangup_by: 'remote', hangup_reason: 'normal' })
    expect(call).toMatchObject({ chained_call_ids: [leg.id], hangup_by: 'local', hangup_reason: 'normal' })
    expect(call.source).toMatchObject({ type: 'extension', target: alice!.id, target_name: '1000' })
    expect(call.destination).toMatchObject({ type: 'extension', target: bob!.id, target_name: '1001' })
    const told = await lab.told(leg.id)
    expect(told).toEqual(['call_created', 'call_dialing', 'call_ringing', 'call_progressing', 'call_hangup'])
    expect((await lab.told(call.id)).filter((type) => type === 'call_hangup')).toHaveLength(1)
  })

  test('when the caller hangs up, the other leg is hung up', async () => {
    const caller = await lab.dial('1001', alice!.phone)
    const callee = await bob!.phone.nextCall()
    await callee.answer()
    await caller.answered
    await caller.hangup()
    expect(await callee.ended).toMatchObject({ by: 'them' })
    expect(await lab.ended(isOutgoing)).toMatchObject({ hangup_by: 'local', hangup_reason: 'normal' })
  })

  test('a caller who gives up cancels the leg', async () => {
    const caller = await lab.dial('1001', alice!.phone)
    caller.answered.catch(() => undefined)
    const callee = await bob!.phone.nextCall()
    callee.answered.catch(() => undefined)
    callee.ring()
    await vi.waitUntil(() => caller.progress.includes(180))
    await caller.hangup()
    await callee.ended
    expect(await lab.ended(isOutgoing)).toMatchObject({ hangup_by: 'local', hangup_reason: 'cancel' })
    expect(await lab.ended(isIncoming)).toMatchObject({ hangup_by: 'remote' })
  })

  test('nobody there: 404', async () => {
    await expect((await lab.dial('1777', alice!.phone)).answered).rejects.toMatchObject({ status: 404 })
  })

  test('a number of the platform is called like from outside, with or without +', async () => {
    const number = lab.number({ type: 'answer' }, { type: 'sleep', option: { duration: 100 } })
    for (const dialled of [number, number.slice(1)]) {
      const caller = await lab.dial(dialled, alice!.phone)
      await caller.answered
      await caller.ended
      expect(await lab.ended()).toMatchObject({
        destination: { type: 'tel', target: number },
        source: { type: 'extension' },
      })
    }
  })
})

describe('the connect action', () => {
  test('the first who answers is joined, the others stop ringing', async () => {
    const number = lab.number({ type: 'answer' }, { type: 'connect', option: connectTo(bob!, carol!) })
    const caller = await lab.dial(number)
    const [first, second] = await Promise.all([bob!.phone.nextCall(), carol!.phone.nextCall()])
    second.answered.catch(() => undefined)
    first.ring()
    second.ring()
    await caller.waitForTone(440)
    await second.answer()
    first.answered.catch(() => undefined)
    await first.ended
    void second.play({ frequency: 800, durationMs: 2_000 })
    await caller.waitForTone(800)
    await caller.hangup()
    await second.ended
    await lab.ended(({ destination }) => destination.target === bob!.id)
    const legs = (await lab.calls.list({})).result.filter(isOutgoing).slice(0, 2)
    expect(legs.find(({ destination }) => destination.target === bob!.id)).toMatchObject({ hangup_reason: 'cancel' })
    await vi.waitUntil(async () => (await lab.calls.list({})).result.every(({ status }) => status === 'hangup'))
  })

  test('after the conversation, and when nobody answers, the caller goes on with the flow', async () => {
    const number = lab.number({ type: 'answer' }, { type: 'connect', option: connectTo(bob!) }, { type: 'beep' })
    const caller = await lab.dial(number)
    const callee = await bob!.phone.nextCall()
    await callee.answer()
    await vi.waitUntil(() => callee.status === 200)
    await new Promise((resolve) => setTimeout(resolve, 100))
    await callee.hangup()
    await caller.waitForTone(1_000, { minMs: 60 }).catch(() => undefined)
    await caller.ended
    expect(await lab.ended(isIncoming)).toMatchObject({
      hangup_by: 'local',
      hangup_reason: 'normal',
      action: { type: 'beep' },
    })

    const again = await lab.dial(number)
    ;(await bob!.phone.nextCall()).reject(486)
    await again.ended
    expect(await lab.ended(isIncoming)).toMatchObject({ action: { type: 'beep' } })
    expect(await lab.ended(isOutgoing)).toMatchObject({ hangup_reason: 'busy', hangup_by: 'remote' })
  })

  test('a callee who hangs up at once does not strand the caller', async () => {
    const number = lab.number({ type: 'answer' }, { type: 'connect', option: connectTo(bob!) }, { type: 'beep' })
    for (let round = 0; round < 3; round++) {
      const caller = await lab.dial(number)
      const callee = await bob!.phone.nextCall()
      await callee.answer()
      await callee.hangup()
      await caller.ended
      expect(await lab.ended(isIncoming)).toMatchObject({ hangup_by: 'local', action: { type: 'beep' } })
    }
  })

  test('relay_reason ends the caller for the reason of the other leg', async () => {
    const option = { ...connectTo(bob!), relay_reason: true }
    const caller = await lab.dial(lab.number({ type: 'connect', option }, { type: 'beep' }))
    ;(await bob!.phone.nextCall()).reject(486)
    await expect(caller.answered).rejects.toMatchObject({ status: 486 })
    expect(await lab.ended(isIncoming)).toMatchObject({ hangup_reason: 'busy', hangup_by: 'local' })
  })

  test('a phone that never answers is given up after the dial timeout', async () => {
    const caller = await lab.dial(lab.number({ type: 'answer' }, { type: 'connect', option: connectTo(bob!) }))
    const callee = await bob!.phone.nextCall()
    callee.answered.catch(() => undefined)
    callee.ring()
    await caller.ended
    expect(await lab.ended(isOutgoing)).toMatchObject({ hangup_reason: 'dialout' })
  })

  test('the phones of an agent ring one after the other when it is linear, all at once when it is not', async () => {
    const id = '00000000-0000-4000-8000-00000000000a'
    const nobody = { type: 'extension', target: 'nobody' }
    const addresses = [nobody, bob!.address, nobody, carol!.address]
    const agent = { customer_id: lab.customer, ring_method: 'linear', addresses }
    lab.world.agents.set(id, agent)
    const option = { destinations: [{ type: 'agent', target: id }] }
    const number = lab.number({ type: 'answer' }, { type: 'connect', option }, { type: 'beep' })
    const caller = await lab.dial(number)
    const first = await bob!.phone.nextCall()
    first.ring()
    await expect(carol!.phone.nextCall({ timeoutMs: 200 })).rejects.toThrow()
    first.reject(486)
    const second = await carol!.phone.nextCall()
    await second.answer()
    void second.play({ frequency: 800, durationMs: 2_000 })
    await caller.waitForTone(800)
    await second.hangup()
    await caller.ended
    const call = await lab.ended(isIncoming)
    expect(call).toMatchObject({ action: { type: 'beep' }, chained_call_ids: [expect.any(String), expect.any(String)] })

    agent.ring_method = 'ringall'
    const again = await lab.dial(number)
    const both = await Promise.all([bob!.phone.nextCall(), carol!.phone.nextCall()])
    for (const one of both) one.reject(486)
    await again.ended
  })

  test('when none of a linear agent answers, the flow goes on, or the call ends for the last reason', async () => {
    const id = '00000000-0000-4000-8000-00000000000b'
    const addresses = [bob!.address, carol!.address, { type: 'extension', target: 'nobody' }]
    lab.world.agents.set(id, { customer_id: lab.customer, ring_method: 'linear', addresses })
    const destinations = [{ type: 'agent', target: id }]
    const refuse = async () => {
      for (const { phone } of [bob!, carol!]) (await phone.nextCall()).reject(486)
    }
    const caller = await lab.dial(lab.number({ type: 'connect', option: { destinations } }, { type: 'beep' }))
    await refuse()
    await caller.ended.catch(() => undefined)
    expect(await lab.ended(isIncoming)).toMatchObject({ action: { type: 'beep' } })

    addresses.pop()
    const relayed = await lab.dial(lab.number({ type: 'connect', option: { destinations, relay_reason: true } }))
    await refuse()
    await expect(relayed.answered).rejects.toMatchObject({ status: 486 })
    await lab.ended(isIncoming)
  })

  test('destinations that cannot be called are passed over', async () => {
    const destinations = [
      { type: 'tel', target: '+15551234567' },
      { type: 'extension', target: 'nobody' },
    ]
    const caller = await lab.dial(
      lab.number({ type: 'answer' }, { type: 'connect', option: { destinations } }, { type: 'beep' }),
    )
    await caller.ended
    expect(await lab.ended(isIncoming)).toMatchObject({ ...incoming, action: { type: 'beep' }, chained_call_ids: [] })
  })

  test('digits of a conversation do not reach a later digits_receive', async () => {
    const number = lab.number(
      { type: 'answer' },
      { type: 'connect', option: connectTo(bob!) },
      { type: 'digits_receive', option: { duration: 500, length: 3 } },
    )
    const caller = await lab.dial(number)
    const callee = await bob!.phone.nextCall()
    await callee.answer()
    const { activeflow_id } = await lab.call({ status: 'progressing' }, isIncoming)
    await lab.call({ status: 'progressing' }, isOutgoing)
    await caller.sendDtmf('9')
    await callee.hangup()
    await caller.ended
    expect(lab.variables(activeflow_id)['voipbin.call.digits']).toBe('')
  })
})
