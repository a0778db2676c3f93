import { createSidetone } from '@sidetone/sdk'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createPhone, hear, openEvents, type Phone, type SidetoneProcess, startSidetone } from '../src/index.ts'
import type { Call } from '../src/phone/index.ts'

const everyone = '00000000-0000-0000-0000-000000000000'
const own = '+15550100000'
const american = '+12125550100'
/** A note of the tune that people on hold hear. */
const tuneHz = 523

let sidetone: SidetoneProcess
let api: ReturnType<typeof createSidetone>
let events: Awaited<ReturnType<typeof openEvents>>
let [alice, bob, carol, carrier]: Phone[] = []

beforeAll(async () => {
  sidetone = await startSidetone()
  const login = { username: 'admin@localhost', password: 'admin@localhost' }
  const { token } = await createSidetone({ baseUrl: sidetone.url }).session.login(login)
  api = createSidetone({ baseUrl: sidetone.url, token })
  const server = { host: sidetone.host, port: sidetone.sipPort }
  const extension = async (username: string) => {
    const phone = await createPhone({ server, username, password: `pass${username}` })
    await phone.register()
    return phone
  }
  ;[alice, bob, carol] = await Promise.all(['1001', '1002', '1003'].map(extension))
  carrier = await createPhone({ server, username: 'carrier' })
}, 60_000)
beforeEach(async () => {
  const { id: customerId } = await api.customer.own()
  events = await openEvents({ url: sidetone.url, accesskey: sidetone.accesskey, customerId })
})
afterEach(() => events.close())
afterAll(async () => {
  await Promise.all([alice, bob, carol, carrier].map((phone) => phone?.close()))
  await sidetone.stop()
})

/** Alice has dialled Bob, who has answered; they hear each other. */
async function talking() {
  const a = await alice!.call(`sip:1002@${sidetone.host}`)
  const b = await bob!.nextCall()
  await b.answer()
  await a.answered
  await hearInTurn(a, b)
  return { a, b }
}

/** Each hears the tone that the other sends, and then nothing. */
async function hearInTurn(one: Call, other: Call) {
  await hear(one, other)
  await Promise.all([one.waitForSilence(), other.waitForSilence()])
}

/** What was told of each call until it ended: its events in order, and the reason. Exactly one call_hangup each. */
async function told(legs: number) {
  const of = (type: string) => events.frames.filter((frame) => frame.type === type)
  await expect.poll(() => of('call_hangup').length, { timeout: 10_000 }).toBe(legs)
  const ids = new Set(events.frames.filter(({ resource }) => resource === 'call').map(({ resource_id }) => resource_id))
  expect(ids.size).toBe(legs)
  return [...ids].map((id) => {
    const about = events.frames.filter(({ resource_id }) => resource_id === id)
    expect(about.at(-1)?.type).toBe('call_hangup')
    const { destination, direction, hangup_by, hangup_reason } = about.at(-1)!.data
    const { target, target_name } = destination as { target: string; target_name: string }
    return `${direction} ${target_name || target} ${hangup_by} ${hangup_reason}`
  })
}

const isTo = ({ destination }: Record<string, unknown>, target: string) =>
  (destination as { target: string }).target === target

describe('hold', () => {
  test.each(['caller', 'callee'] as const)(
    'the %s holds, the other hears music; then they talk again',
    async (who) => {
      const { a, b } = await talking()
      const [holds, waits] = who === 'caller' ? [a, b] : [b, a]
      void waits.play({ frequency: 600, durationMs: 20_000 })
      await holds.waitForTone(600)
      await holds.hold()
      await waits.waitForTone(tuneHz)
      const heldAt = holds.now()
      await holds.waitForSilence()
      expect(holds.dominantFrequency(heldAt + 200)).toBe(0)
      await holds.resume()
      waits.stopPlaying()
      await hearInTurn(a, b)
      await a.hangup()
      await b.ended
      expect(await told(2)).toEqual(['incoming 1002 remote normal', 'outgoing 1002 local normal'])
    },
    30_000,
  )

  test('the platform holds a phone: it hears music, and is heard again afterwards', async () => {
    const { a, b } = await talking()
    const { result } = await api.call.list({})
    const { id } = result.find(({ direction }) => direction === 'incoming')!
    await api.call.hold({ id })
    await a.waitForTone(tuneHz)
    await api.call.unhold({ id })
    await a.waitForSilence()
    await hearInTurn(a, b)
    expect([a.requests, b.requests]).toEqual([[], []])
    await b.hangup()
    await a.ended
    expect(await told(2)).toEqual(['incoming 1002 local normal', 'outgoing 1002 remote normal'])
  }, 30_000)
})

test('digits cross the call in both directions, sent as events and by INFO', async () => {
  const { a, b } = await talking()
  await a.sendDtmf('12')
  await b.waitForDigits('12')
  await a.sendInfoDtmf('3')
  await b.waitForDigits('123')
  await b.sendInfoDtmf('4', { type: 'application/dtmf' })
  await a.waitForDigits('4')
  await b.sendDtmf('#')
  await a.waitForDigits('4#')
  await a.hangup()
  // Else the next test would hear of it, too.
  await told(2)
}, 30_000)

describe('the end', () => {
  test.each(['caller', 'callee'] as const)(
    'the %s hangs up after the answer',
    async (who) => {
      const { a, b } = await talking()
      const [ends, left] = who === 'caller' ? [a, b] : [b, a]
      await ends.hangup()
      expect(await left.ended).toMatchObject({ by: 'them', cause: 16 })
      const [one, two] = who === 'caller' ? ['remote', 'local'] : ['local', 'remote']
      expect(await told(2)).toEqual([`incoming 1002 ${one} normal`, `outgoing 1002 ${two} normal`])
    },
    30_000,
  )

  test('the caller gives up before the answer: CANCEL reaches the other phone', async () => {
    const a = await alice!.call(`sip:1002@${sidetone.host}`)
    a.answered.catch(() => undefined)
    const b = await bob!.nextCall()
    b.answered.catch(() => undefined)
    b.ring()
    await expect.poll(() => a.progress).toContain(180)
    await a.hangup()
    expect(await a.ended).toMatchObject({ by: 'us', status: 487 })
    expect(await b.ended).toMatchObject({ by: 'them', status: 487 })
    expect(await told(2)).toEqual(['incoming 1002 remote normal', 'outgoing 1002 local cancel'])
  }, 30_000)
})

describe('a transfer', () => {
  test.each(['caller', 'callee'] as const)(
    'blind, by the %s',
    async (who) => {
      const { a, b } = await talking()
      const [asks, other] = who === 'caller' ? [a, b] : [b, a]
      const referral = await asks.refer(`sip:1003@${sidetone.host}`)
      const c = await carol!.nextCall()
      c.ring()
      await c.answer()
      expect(await referral.done).toBe(200)
      expect(referral.progress.at(-1)).toBe(200)
      await asks.ended
      await hearInTurn(other, c)
      await c.hangup()
      await other.ended
      const story = (await told(3)).map((line) => line.replace(/ (local|remote) /, ' '))
      expect(story).toEqual(['incoming 1002 normal', 'outgoing 1002 normal', 'outgoing 1003 normal'])
    },
    30_000,
  )

  test('attended: held, asked, put through', async () => {
    const { a, b } = await talking()
    await a.hold()
    await b.waitForTone(tuneHz)
    const a2 = await alice!.call(`sip:1003@${sidetone.host}`)
    const c = await carol!.nextCall()
    await c.answer()
    await a2.answered
    await hearInTurn(a2, c)
    const referral = await a.refer(`sip:1003@${sidetone.host}`, { attended: a2 })
    expect(await referral.done).toBe(200)
    await Promise.all([a.ended, a2.ended])
    await hearInTurn(b, c)
    await b.hangup()
    await c.ended
    const story = (await told(4)).map((line) => line.replace(/ (local|remote) /, ' '))
    expect(story).toEqual([
      'incoming 1002 normal',
      'outgoing 1002 normal',
      'incoming 1003 normal',
      'outgoing 1003 normal',
    ])
  }, 30_000)

  test('to a phone number: only where calls may go, and it is charged', async () => {
    const { id: provider_id } = await api.provider.create({
      ...{ type: 'sip', hostname: `127.0.0.1:${carrier!.port}`, tech_prefix: '', tech_postfix: '', tech_headers: {} },
      ...{ codecs: '', name: 'carrier', detail: '' },
    })
    const route = { customer_id: everyone, name: '', detail: '', target: 'all', priority: 1 }
    await api.route.create({ ...route, provider_id })
    const number = (await api.number.list({})).result.find((one) => one.number === own)!
    await api.outbound_config.update_own({
      destination_whitelist: ['us'],
      default_outgoing_source_number_id: number.id,
    })
    const { a, b } = await talking()
    expect(await (await a.refer(`sip:+886912345678@${sidetone.host}`)).done).toBe(603)
    await hearInTurn(a, b)
    const referral = await a.refer(`sip:${american}@${sidetone.host}`)
    const far = await carrier!.nextCall()
    expect(far.invite.uri).toContain(american)
    await far.answer()
    expect(await referral.done).toBe(200)
    await a.ended
    await hearInTurn(b, far)
    await b.hangup()
    await far.ended
    expect((await told(3)).at(-1)).toBe(`outgoing ${american} local normal`)
    const leg = events.frames.find(({ type, data }) => type === 'call_hangup' && isTo(data, american))!.resource_id
    const charged = async () =>
      (await api.billing.list({ page_size: 100 })).result.map(({ reference_id }) => reference_id)
    await expect.poll(charged, { timeout: 10_000 }).toContain(leg)
  }, 40_000)
})
