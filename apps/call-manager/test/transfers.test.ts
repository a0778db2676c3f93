import { type Call, hear } from '@sidetone/e2e/phone'
import { newId } from '@sidetone/store'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { endsOf, uriOf } from './conversation.ts'
import { type Lab, openLab } from './platform.ts'

let lab: Lab
type Extension = Awaited<ReturnType<Lab['extension']>>
let [alice, bob, carol]: Extension[] = []
let carrier: Awaited<ReturnType<Lab['phone']>>

beforeAll(async () => {
  lab = await openLab()
  ;[alice, bob, carol] = await Promise.all(['1000', '1001', '1002'].map((extension) => lab.extension(extension)))
  carrier = await lab.phone('far')
})
beforeEach(async () => {
  lab.world.balanceSeconds = null
  lab.world.carriers = [`127.0.0.1:${carrier.port}`]
  await lab.outboundConfigs.update_own({ destination_whitelist: ['us'] })
})
afterAll(() => lab.close())
afterEach(() => lab.nothingIsLeft())

const american = '+14155550123'

interface Told {
  asterisk_id: string
  event: { type: string; state?: string; channel?: { id: string } }
}

const everyone = {
  source: { type: '' as const, target: '' },
  ring_method: 'ring_all' as const,
  answer_method: 'hangup_others' as const,
}

/** Alice talks to Bob. */
async function talking() {
  const a = await lab.dial('1001', alice!.phone)
  const b = await bob!.phone.nextCall()
  await b.answer()
  await a.answered
  await hear(a, b)
  return { a, b }
}

const storyOf = (count: number) => endsOf(lab, count)

describe('a blind transfer', () => {
  test('by who was called: the caller is put through, and hears nothing of it before the answer', async () => {
    const { a, b } = await talking()
    const referral = await b.refer(uriOf('1002'))
    expect(referral.status).toBe(202)
    const c = await carol!.phone.nextCall()
    expect(c.invite.headers.find(([name]) => name === 'From')?.[1]).toContain('1000')
    c.ring()
    await hear(a, b)
    await c.answer()
    expect(await referral.done).toBe(200)
    await b.ended
    await hear(a, c)
    await c.hangup()
    await a.ended
    expect(await storyOf(3)).toEqual(['from 1000: normal', 'to 1001: normal', 'to 1002: normal'])
  })

  test('by the caller: who was called is put through, and lives on without it', async () => {
    const { a, b } = await talking()
    const referral = await a.refer(uriOf('1002'))
    const c = await carol!.phone.nextCall()
    expect(c.invite.headers.find(([name]) => name === 'From')?.[1]).toContain('1001')
    await c.answer()
    expect(await referral.done).toBe(200)
    await a.ended
    await hear(b, c)
    await b.hangup()
    await c.ended
    expect(await storyOf(3)).toEqual(['from 1000: normal', 'to 1001: normal', 'to 1002: normal'])
  })

  test.each(['caller', 'callee'] as const)(
    'the %s need not wait: the other hears ringing until the answer',
    async (who) => {
      const { a, b } = await talking()
      const [asks, other] = who === 'caller' ? [a, b] : [b, a]
      await asks.refer(uriOf('1002'))
      const c = await carol!.phone.nextCall()
      c.ring()
      await asks.hangup()
      await other.waitForTone(440)
      await c.answer()
      await hear(other, c)
      await other.hangup()
      await c.ended
      expect(await storyOf(3)).toEqual(['from 1000: normal', 'to 1001: normal', 'to 1002: normal'])
    },
  )

  test.each(['caller', 'callee'] as const)('the %s is told that nobody answers, and the talk goes on', async (who) => {
    const { a, b } = await talking()
    const [asks, other] = who === 'caller' ? [a, b] : [b, a]
    for (let times = 0; times < 2; times++) {
      const referral = await asks.refer(uriOf('1002'))
      ;(await carol!.phone.nextCall()).reject(486)
      expect(await referral.done).toBe(503)
      await hear(asks, other)
    }
    await other.hangup()
    await asks.ended
    expect(await storyOf(4)).toEqual(['from 1000: normal', 'to 1001: normal', 'to 1002: busy', 'to 1002: busy'])
  })

  test.each(['caller', 'callee'] as const)('nobody answers and the %s has gone: the call ends', async (who) => {
    const { a, b } = await talking()
    const [asks, other] = who === 'caller' ? [a, b] : [b, a]
    await asks.refer(uriOf('1002'))
    const c = await carol!.phone.nextCall()
    c.ring()
    await asks.hangup()
    await other.waitForTone(440)
    c.reject(486)
    await other.ended
    expect(await storyOf(3)).toContain('to 1002: busy')
  })

  test('a REFER that is told of twice is one transfer', async () => {
    const { a, b } = await talking()
    const referral = await b.refer(uriOf('1002'))
    const c = await carol!.phone.nextCall()
    c.ring()
    const asked = ({ event }: Told) => event?.type === 'ChannelTransfer' && event.state === undefined
    const told = (await lab.events()).findLast(({ data }) => asked(data as unknown as Told))!
    await lab.platform.transport.publish({ ...told, id: newId() })
    await hear(a, b)
    expect(referral.progress).toEqual([100])
    await c.answer()
    expect(await referral.done).toBe(200)
    await hear(a, c)
    await c.hangup()
    await a.ended
    expect(await storyOf(3)).toEqual(['from 1000: normal', 'to 1001: normal', 'to 1002: normal'])
  })

  test('who is put through may be put through again', async () => {
    const { a, b } = await talking()
    await b.refer(uriOf('1002'))
    const c = await carol!.phone.nextCall()
    await c.answer()
    await b.ended
    const referral = await c.refer(uriOf('1001'))
    const again = await bob!.phone.nextCall()
    await again.answer()
    expect(await referral.done).toBe(200)
    await c.ended
    await hear(a, again)
    await a.hangup()
    await again.ended
    expect(await storyOf(4)).toEqual(['from 1000: normal', 'to 1001: normal', 'to 1001: normal', 'to 1002: normal'])
  })

  test('the flow of a caller goes on when the one it was put through to hangs up', async () => {
    const connect = { type: 'connect', option: { destinations: [bob!.address] } }
    const a = await lab.dial(
      lab.number(
        connect,
        { type: 'play', option: { stream_urls: ['tone:440'] } },
        { type: 'stream_echo', option: { duration: 60_000 } },
      ),
    )
    const b = await bob!.phone.nextCall()
    await b.answer()
    await a.answered
    await b.refer(uriOf('1002'))
    const c = await carol!.phone.nextCall()
    await c.answer()
    await b.ended
    await hear(a, c)
    await c.hangup()
    void a.play({ frequency: 900, durationMs: 5_000 })
    await a.waitForTone(900)
    await a.hangup()
    await storyOf(3)
  })
})

describe('an attended transfer', () => {
  test('by the caller of both: the two that were called talk to each other', async () => {
    const { a, b } = await talking()
    await a.hold()
    const a2 = await lab.dial('1002', alice!.phone)
    const c = await carol!.phone.nextCall()
    await c.answer()
    await a2.answered
    const referral = await a.refer(uriOf('1002'), { attended: a2 })
    expect(await referral.done).toBe(200)
    await Promise.all([a.ended, a2.ended])
    await hear(b, c)
    await c.hangup()
    await b.ended
    expect(await storyOf(4)).toEqual(['from 1000: normal', 'from 1000: normal', 'to 1001: normal', 'to 1002: normal'])
  })

  test('by who was called and has called a third', async () => {
    const { a, b } = await talking()
    const b2 = await lab.dial('1002', bob!.phone)
    const c = await carol!.phone.nextCall()
    await c.answer()
    await b2.answered
    const referral = await b.refer(uriOf('1002'), { attended: b2 })
    expect(await referral.done).toBe(200)
    await Promise.all([b.ended, b2.ended])
    await hear(a, c)
    await a.hangup()
    await c.ended
    expect(await storyOf(4)).toEqual(['from 1000: normal', 'from 1001: normal', 'to 1001: normal', 'to 1002: normal'])
  })

  test('by who was called by both', async () => {
    const { a, b } = await talking()
    const c = await lab.dial('1001', carol!.phone)
    const b2 = await bob!.phone.nextCall()
    await b2.answer()
    await c.answered
    const referral = await b.refer(uriOf('1002'), { attended: b2 })
    expect(await referral.done).toBe(200)
    await hear(a, c)
    await c.hangup()
    await a.ended
    expect(await storyOf(4)).toEqual(['from 1000: normal', 'from 1002: normal', 'to 1001: normal', 'to 1001: normal'])
  })

  test('with one that answered for a group: its flow does not begin again, whatever is told twice', async () => {
    const connect = { type: 'connect', option: { destinations: [bob!.address] } }
    await lab.groupcalls.create({ ...everyone, actions: [connect], destinations: [alice!.address] })
    const a = await alice!.phone.nextCall()
    await a.answer()
    const b = await bob!.phone.nextCall()
    await b.answer()
    await hear(a, b)
    const b2 = await lab.dial('1002', bob!.phone)
    const c = await carol!.phone.nextCall()
    await c.answer()
    await b2.answered
    expect(await (await b2.refer(uriOf('1000'), { attended: b })).done).toBe(200)
    await Promise.all([b.ended, b2.ended])
    const leg = await lab.call({ status: 'progressing' }, ({ destination }) => destination.target === alice!.id)
    const answered = ({ event }: Told) => event?.type === 'StasisStart' && event.channel?.id === leg.channel_id
    const told = (await lab.events()).findLast(({ data }) => answered(data as unknown as Told))!
    await lab.platform.transport.publish({ ...told, id: newId() })
    await hear(a, c)
    expect(lab.world.ran(leg.activeflow_id)).toEqual(['connect'])
    await c.hangup()
    await a.ended
    await storyOf(4)
  })

  test('in place of a call that is not here is refused', async () => {
    const { a, b } = await talking()
    const elsewhere = { replaces: 'Replaces=x%3Bto-tag%3D1%3Bfrom-tag%3D2' } as Call
    expect(await (await a.refer(uriOf('1002'), { attended: elsewhere })).done).toBe(503)
    await hear(a, b)
    await a.hangup()
    await b.ended
  })
})

describe('to a phone number', () => {
  test('money is held back and the route taken as for any call', async () => {
    const own = lab.number({ type: 'beep' })
    const id = newId()
    lab.world.numbers.get(own)!.id = id
    await lab.outboundConfigs.update_own({ destination_whitelist: ['us'], default_outgoing_source_number_id: id })
    lab.world.balanceSeconds = 100
    const { a, b } = await talking()
    const referral = await b.refer(uriOf(american))
    const far = await carrier.nextCall()
    expect(far.invite.uri).toContain(american)
    await far.answer()
    expect(await referral.done).toBe(200)
    await hear(a, far)
    const leg = await lab.call({ status: 'progressing' }, ({ destination }) => destination.target === american)
    expect(lab.world.reserved.has(leg.id)).toBe(true)
    await a.hangup()
    await far.ended
  })

  test.each([
    ['a country that is not allowed', '+886912345678', 603],
    ['nobody by that name', '1777', 503],
    ['no money', american, 603],
  ])('%s: the phone is told, and the talk goes on', async (why, user, status) => {
    const { a, b } = await talking()
    if (why === 'no money') lab.world.balanceSeconds = 0
    const referral = await a.refer(uriOf(user))
    expect(await referral.done).toBe(status)
    await hear(a, b)
    await a.hangup()
    await b.ended
    expect(await storyOf(2)).toEqual(['from 1000: normal', 'to 1001: normal'])
  })
})

describe('who may not', () => {
  test('a caller from outside', async () => {
    const stranger = await lab.dial(lab.number({ type: 'connect', option: { destinations: [bob!.address] } }))
    const b = await bob!.phone.nextCall()
    await b.answer()
    await stranger.answered
    expect(await (await stranger.refer(uriOf(american))).done).toBe(603)
    await hear(stranger, b)
    await b.hangup()
    await stranger.ended
  })

  test('a phone that talks to a flow alone', async () => {
    const a = await lab.dial(lab.number({ type: 'stream_echo', option: { duration: 60_000 } }), alice!.phone)
    await a.answered
    expect(await (await a.refer(uriOf('1002'))).done).toBe(603)
    await a.hangup()
  })
})
