import { createHash } from 'node:crypto'
import { createSidetone } from '@sidetone/sdk'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import {
  createPhone,
  openEvents,
  type Phone,
  readWav,
  type SidetoneProcess,
  startSidetone,
  strongestTone,
} from '../src/index.ts'

let sidetone: SidetoneProcess
let api: ReturnType<typeof createSidetone>
let events: Awaited<ReturnType<typeof openEvents>>
const nobody = { type: '' as const, target: '', target_name: '', name: '', detail: '' }
const phones: Phone[] = []
/** All phones of an extension ring, so each test takes its own away again. */
const registered: Phone[] = []
let numbers = 0

beforeAll(async () => {
  sidetone = await startSidetone({ env: { CALL_MAX_DURATION_SECONDS: '3', CALL_DIAL_TIMEOUT_SECONDS: '2' } })
  api = createSidetone({ baseUrl: sidetone.url, token: sidetone.accesskey })
  const { id: customerId } = await api.customer.own()
  events = await openEvents({ url: sidetone.url, accesskey: sidetone.accesskey, customerId })
}, 60_000)
afterEach(async () => {
  for (const phone of registered.splice(0)) {
    await phone.unregister()
    await phone.close()
  }
})
afterAll(async () => {
  events.close()
  await Promise.all(phones.map((phone) => phone.close()))
  await sidetone.stop()
})

const server = () => ({ host: sidetone.host, port: sidetone.sipPort })

async function extension(username: string) {
  const phone = await createPhone({ server: server(), username, password: `pass${username}` })
  registered.push(phone)
  await phone.register()
  return { phone, address: { ...nobody, type: 'extension' as const, target: username, target_name: username } }
}

/** A carrier's call to a number with these actions. */
async function dial(actions: { type: string; option?: Record<string, unknown> }[]) {
  const number = `+899555${String(100_000 + numbers++)}`
  const flow = await api.flow.create({ name: number, actions })
  await api.number.create({ number, type: 'virtual', name: number, call_flow_id: flow.id })
  const carrier = await createPhone({ server: server(), username: 'carrier' })
  phones.push(carrier)
  const call = await carrier.call(`sip:${number}@${sidetone.host}`)
  call.answered.catch(() => undefined)
  return call
}

async function told(type: string, fits: (data: Record<string, unknown>) => boolean = () => true) {
  const frame = () => events.frames.find((one) => one.type === type && fits(one.data as Record<string, unknown>))
  await expect.poll(() => frame() !== undefined, { timeout: 10_000 }).toBe(true)
  return frame()!.data as Record<string, unknown>
}

const sleep = (duration: number) => ({ type: 'sleep', option: { duration } })

describe('groupcalls', () => {
  test('ring_all: one answers and is talked to, busy and refused phones do not matter, the last stops ringing', async () => {
    const [winner, busy, refusing, late] = await Promise.all(['1001', '1002', '1003', '1004'].map(extension))
    const groupcall = await api.groupcall.create({
      source: nobody,
      destinations: [winner!, busy!, refusing!, late!].map(({ address }) => address),
      actions: [{ type: 'echo', option: { duration: 1_500 } }],
      ring_method: 'ring_all',
      answer_method: 'hangup_others',
    })
    ;(await busy!.phone.nextCall()).reject(486)
    ;(await refusing!.phone.nextCall()).reject(603)
    const ringing = await late!.phone.nextCall()
    ringing.answered.catch(() => undefined)
    ringing.ring()
    const call = await winner!.phone.nextCall()
    await call.answer()
    await ringing.ended
    void call.play({ frequency: 800, durationMs: 3_000 })
    await call.waitForTone(800)
    await call.ended
    await told('groupcall_hangup', ({ id }) => id === groupcall.id)
    const reasons = Object.fromEntries(
      await Promise.all(
        groupcall.call_ids.map(async (id) => {
          const leg = await told('call_hangup', (data) => data.id === id)
          return [(leg.destination as { target_name: string }).target_name, leg.hangup_reason]
        }),
      ),
    )
    expect(reasons).toEqual({ 1001: 'normal', 1002: 'busy', 1003: 'noanswer', 1004: 'cancel' })
    const { answer_call_id } = await api.groupcall.get({ id: groupcall.id })
    const answered = await api.call.get({ id: answer_call_id })
    expect(answered).toMatchObject({ destination: { target_name: '1001' }, groupcall_id: groupcall.id })
    expect([answered.tm_progressing, answered.tm_hangup]).toEqual([expect.any(String), expect.any(String)])
  }, 30_000)

  test('linear: who does not answer in time is given up, and the next is called', async () => {
    const [first, second] = await Promise.all(['1005', '1006'].map(extension))
    const groupcall = await api.groupcall.create({
      source: nobody,
      destinations: [first!.address, second!.address],
      actions: [{ type: 'beep' }],
      ring_method: 'linear',
      answer_method: 'hangup_others',
    })
    const silent = await first!.phone.nextCall()
    silent.answered.catch(() => undefined)
    silent.ring()
    const call = await second!.phone.nextCall({ timeoutMs: 10_000 })
    await silent.ended
    await call.answer()
    await call.ended
    await told('groupcall_hangup', ({ id }) => id === groupcall.id)
    const { result } = await api.call.list({})
    const legs = result.filter(({ groupcall_id }) => groupcall_id === groupcall.id)
    expect(legs.map(({ hangup_reason }) => hangup_reason)).toEqual(['normal', 'dialout'])
  }, 30_000)
})

describe('a phone that does not answer', () => {
  async function legTo(address: Awaited<ReturnType<typeof extension>>['address']): Promise<string> {
    const destinations = [address]
    const { groupcalls } = await api.call.create({ source: nobody, destinations, actions: [{ type: 'beep' }] })
    return groupcalls[0]!.call_ids[0]!
  }
  type Fate = (phone: Phone) => Promise<unknown>
  const refuses =
    (status: number): Fate =>
    async (phone) =>
      (await phone.nextCall()).reject(status)
  const leaves: Fate = (phone) => registered.splice(registered.indexOf(phone), 1)[0]!.close()
  const cases: [string, string, Fate, string][] = [
    ['is busy', '1001', refuses(486), 'busy'],
    ['rejects', '1001', refuses(603), 'noanswer'],
    ['is away for now', '1001', refuses(480), 'noanswer'],
    ['cannot take such a call', '1001', refuses(488), 'failed'],
    ['rings for too long', '1001', async (phone) => (await phone.nextCall()).ring(), 'dialout'],
    ['has gone without a word', '1007', leaves, 'dialout'],
  ]
  test.each(cases)(
    'and %s',
    async (_, username, fate, reason) => {
      const { phone, address } = await extension(username)
      const happens = username === '1007' ? await fate(phone) : fate(phone)
      const id = await legTo(address)
      await happens
      const ended = await told('call_hangup', (data) => data.id === id)
      expect(ended).toMatchObject({ hangup_reason: reason, direction: 'outgoing', tm_progressing: null })
      expect(
        events.frames.filter(({ type, resource_id }) => type === 'call_hangup' && resource_id === id),
      ).toHaveLength(1)
    },
    60_000,
  )

  test('and is registered nowhere', async () => {
    const address = { ...nobody, type: 'extension' as const, target: '1009', target_name: '1009' }
    const id = await legTo(address)
    expect(await told('call_hangup', (data) => data.id === id)).toMatchObject({ hangup_reason: 'failed' })
  }, 30_000)
})

test('a key ends speech that listens for it, and the flow goes on', async () => {
  const text = 'This takes a while, as it is a long sentence, and nobody wants to hear all of it. '.repeat(5)
  const call = await dial([
    { type: 'answer' },
    { type: 'talk', option: { text, language: 'en-US', digits_handle: 'next' } },
    { type: 'beep' },
    sleep(60_000),
  ])
  await call.answered
  await call.waitForSpeech()
  await call.sendDtmf('5')
  await call.waitForTone(1_000)
  await call.hangup()
}, 20_000)

test('a flow that is changed while it runs is that of the next call', async () => {
  const tone = (count: number) => Array.from({ length: count }, () => ({ type: 'beep' }))
  const call = await dial([{ type: 'answer' }, sleep(700), ...tone(1), sleep(60_000)])
  await call.answered
  const [running] = (await api.call.list({ page_size: 1 })).result
  const { flow_id } = running!
  const [number] = (await api.number.list({ page_size: 1 })).result
  await api.flow.update({
    id: flow_id,
    name: 'changed',
    detail: '',
    actions: [{ type: 'hangup', option: { reason: 'busy' } }],
  })
  await call.waitForTone(1_000)
  await call.hangup()
  const next = await phones.at(-1)!.call(`sip:${number!.number}@${sidetone.host}`)
  await expect(next.answered).rejects.toMatchObject({ status: 486 })
}, 20_000)

test('a call ends after the longest time that it may take', async () => {
  const call = await dial([{ type: 'answer' }, sleep(60_000)])
  await call.answered
  const answeredAt = Date.now()
  expect(await call.ended).toMatchObject({ by: 'them' })
  expect(Date.now() - answeredAt).toBeLessThan(5_000)
  expect(await told('call_hangup', ({ hangup_reason }) => hangup_reason === 'timeout')).toMatchObject({
    hangup_by: 'local',
    direction: 'incoming',
  })
}, 20_000)

describe('a recording', () => {
  test.each([
    ['its duration', { duration: 1 }, ''],
    ['silence', { end_of_silence: 1 }, ''],
    ['a key', { end_of_key: '#' }, '#'],
  ] as const)(
    'ends by %s; the file has what was said, and is as announced',
    async (_, option, digits) => {
      const started = () => events.frames.filter(({ type }) => type === 'recording_started')
      const before = started().length
      const call = await dial([{ type: 'answer' }, { type: 'recording_start', option }, sleep(60_000)])
      await call.answered
      await expect.poll(() => started().length).toBe(before + 1)
      void call.play({ frequency: 650, durationMs: 700 })
      await new Promise((resolve) => setTimeout(resolve, 900))
      if (digits) await call.sendDtmf(digits)
      const id = started().at(-1)!.resource_id
      const finished = await told('recording_finished', (data) => data.id === id)
      await call.hangup()
      const { location } = (await api.recording.file({ id })) as { location: string }
      const file = Buffer.from(await (await fetch(location)).arrayBuffer())
      expect(finished).toMatchObject({
        uri_download: expect.stringContaining('http'),
        filesize: file.length,
        sha256: createHash('sha256').update(file).digest('hex'),
      })
      const { samples } = readWav(file)
      const heard = Array.from({ length: Math.floor(samples.length / 800) }, (_one, index) =>
        strongestTone(samples.subarray(index * 800, index * 800 + 800)),
      )
      expect(heard.some(({ frequency, share }) => Math.abs(frequency - 650) < 20 && share > 0.5)).toBe(true)
    },
    30_000,
  )

  test('is paused and resumed, stopped, downloaded and deleted by REST', async () => {
    const call = await dial([{ type: 'answer' }, sleep(60_000)])
    await call.answered
    const newest = async () => (await api.call.list({ page_size: 1 })).result[0]!
    await expect.poll(async () => (await newest()).status).toBe('progressing')
    const { id } = await newest()
    const say = async (frequency: number) => {
      void call.play({ frequency, durationMs: 500 })
      await new Promise((resolve) => setTimeout(resolve, 600))
    }
    const { recording_id } = await api.call.recording_start({ id, format: 'wav' })
    await say(500)
    await api.call.recording_pause({ id })
    await say(900)
    await api.call.recording_resume({ id })
    await say(1_300)
    await api.call.recording_stop({ id })
    await told('recording_finished', (data) => data.id === recording_id)
    const { location } = (await api.recording.file({ id: recording_id })) as { location: string }
    const { samples } = readWav(Buffer.from(await (await fetch(location)).arrayBuffer()))
    const tones = Array.from({ length: Math.floor(samples.length / 800) }, (_one, index) =>
      strongestTone(samples.subarray(index * 800, index * 800 + 800)),
    )
    const holds = (wanted: number) =>
      tones.some(({ frequency, share }) => Math.abs(frequency - wanted) < 20 && share > 0.5)
    expect([500, 900, 1_300].map(holds)).toEqual([true, false, true])
    await api.recording.delete({ id: recording_id })
    await expect(api.recording.get({ id: recording_id })).rejects.toMatchObject({ status: 'NOT_FOUND' })
    await call.hangup()
  }, 30_000)
})
