import { createSidetone } from '@sidetone/sdk'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createPhone, type Phone, type SidetoneProcess, startSidetone } from '../src/index.ts'
import { openMediaStream } from '../src/media-stream-client.ts'

let sidetone: SidetoneProcess
let api: ReturnType<typeof createSidetone>
const phones: Phone[] = []
let numbers = 0

beforeAll(async () => {
  sidetone = await startSidetone()
  api = createSidetone({ baseUrl: sidetone.url, token: sidetone.accesskey })
}, 60_000)
afterAll(async () => {
  await Promise.all(phones.map((phone) => phone.close()))
  await sidetone.stop()
})

/** A call to a number with these actions, that rings at least. */
async function dial(actions: { type: string; option?: Record<string, unknown> }[]) {
  const number = `+899556${String(100_000 + numbers++)}`
  const flow = await api.flow.create({ name: number, actions })
  await api.number.create({ number, type: 'virtual', name: number, call_flow_id: flow.id })
  const phone = await createPhone({ server: { host: sidetone.host, port: sidetone.sipPort }, username: 'carrier' })
  phones.push(phone)
  const call = await phone.call(`sip:${number}@${sidetone.host}`)
  const leg = async () => (await api.call.list({})).result.find(({ destination }) => destination.target === number)
  await expect.poll(leg, { timeout: 5_000 }).toBeDefined()
  return { call, id: (await leg())!.id }
}

async function talking() {
  const dialled = await dial([{ type: 'answer' }, { type: 'sleep', option: { duration: 60_000 } }])
  await dialled.call.answered
  await expect.poll(async () => (await api.call.get({ id: dialled.id })).status).toBe('progressing')
  return dialled
}

const stream = (id: string, query = '', accesskey = sidetone.accesskey) =>
  openMediaStream(`${sidetone.url.replace('http', 'ws')}/v1.0/calls/${id}/media_stream?accesskey=${accesskey}${query}`)

describe.each(['rtp', 'sln', 'audiosocket'] as const)('as %s', (encapsulation) => {
  test('the client hears the phone, the phone hears the client, and the stream ends with the call', async () => {
    const { call, id } = await talking()
    const media = await stream(id, `&encapsulation=${encapsulation}`)
    void call.play({ frequency: 700, durationMs: 10_000 })
    await media.hears(700)
    call.stopPlaying()
    media.say({ frequency: 1_100, durationMs: 3_000 })
    await call.waitForTone(1_100, { minMs: 500 })
    expect(media.problems).toEqual([])
    await call.hangup()
    expect(await media.closed).toEqual({ code: 1000, reason: 'the call has ended' })
  }, 30_000)
})

test('without a name the encapsulation is rtp', async () => {
  const { call, id } = await talking()
  const media = await stream(id)
  void call.play({ frequency: 700, durationMs: 10_000 })
  await media.hears(700)
  expect(media.problems).toEqual([])
  await call.hangup()
}, 30_000)

test('a client does not hear what it says itself', async () => {
  const { call, id } = await talking()
  const media = await stream(id, '&encapsulation=sln')
  void call.play({ frequency: 700, durationMs: 10_000 })
  media.say({ frequency: 1_100, durationMs: 15_000 })
  await call.waitForTone(1_100, { minMs: 500 })
  await media.hears(700)
  await call.hangup()
}, 30_000)

test('two who talk to each other go on, and both are heard', async () => {
  const server = { host: sidetone.host, port: sidetone.sipPort }
  const other = await createPhone({ server, username: '1001', password: 'pass1001' })
  phones.push(other)
  await other.register()
  const destinations = [{ type: 'extension', target: '1001', target_name: '1001' }]
  const { call, id } = await dial([{ type: 'answer' }, { type: 'connect', option: { destinations } }])
  const connected = await other.nextCall()
  await connected.answer()
  void connected.play({ frequency: 900, durationMs: 20_000 })
  await call.waitForTone(900)
  const media = await stream(id)
  media.say({ frequency: 1_100, durationMs: 20_000 })
  await Promise.all([media.hears(900), call.waitForTone(1_100, { minMs: 500 })])
  await call.waitForTone(900, { minMs: 500 })
  await call.hangup()
}, 30_000)

test('five may listen to a call; who leaves makes room', async () => {
  const { call, id } = await talking()
  const five = await Promise.all(Array.from({ length: 5 }, () => stream(id)))
  await expect(stream(id)).rejects.toThrow('409')
  five[0]!.close()
  await expect.poll(() => stream(id).then(() => 'heard', String), { timeout: 5_000 }).toBe('heard')
  await call.hangup()
  for (const media of five.slice(1)) expect((await media.closed).code).toBe(1000)
}, 30_000)

test('a flow that stops external media ends the stream', async () => {
  const start = { type: 'sleep', option: { duration: 3_000 } }
  const { call, id } = await dial([
    { type: 'answer' },
    start,
    { type: 'external_media_stop' },
    { type: 'sleep', option: { duration: 60_000 } },
  ])
  await call.answered
  await expect.poll(async () => (await api.call.get({ id })).status).toBe('progressing')
  const media = await stream(id)
  expect(await media.closed).toEqual({ code: 1011, reason: 'no audio comes from the call' })
  await call.hangup()
}, 30_000)

describe('refused as by REST, before there is a WebSocket:', () => {
  test('no or wrong credentials', async () => {
    await expect(stream(crypto.randomUUID(), '', '')).rejects.toThrow('401')
    await expect(stream(crypto.randomUUID(), '', 'st_wrong')).rejects.toThrow('401')
  })

  test('an agent that is no manager', async () => {
    const login = { username: 'plain@example.com', password: 'long enough' }
    await api.agent.create({ ...login, name: 'Plain', permission: 16 })
    const { token } = await createSidetone({ baseUrl: sidetone.url }).session.login(login)
    await expect(stream(crypto.randomUUID(), `&token=${token}`)).rejects.toThrow('403')
  })

  test("another customer's call, and none at all", async () => {
    const admin = { username: 'admin@localhost', password: 'admin@localhost' }
    const { token } = await createSidetone({ baseUrl: sidetone.url }).session.login(admin)
    const operator = createSidetone({ baseUrl: sidetone.url, token })
    const { id: rival } = await operator.customer.create({ name: 'Rival', email: 'rival@example.com' })
    const delegate = await operator.session.delegate({ customer_id: rival, reason: 'to look around' })
    const { call, id } = await talking()
    await expect(stream(id, `&token=${delegate.token}`)).rejects.toThrow('404')
    await expect(stream(crypto.randomUUID())).rejects.toThrow('404')
    await call.hangup()
  })

  test('what is no id, no encapsulation or no call in progress', async () => {
    await expect(stream('1')).rejects.toThrow('400')
    const { call, id } = await dial([{ type: 'sleep', option: { duration: 60_000 } }])
    await expect(stream(id, '&encapsulation=SLN')).rejects.toThrow('400')
    await expect(stream(id)).rejects.toThrow('409')
    await call.hangup()
  })
})

test('when the platform stops, clients are told', async () => {
  const { id } = await talking()
  const media = await stream(id)
  const exitCode = sidetone.stop()
  expect((await media.closed).code).toBe(1001)
  expect(await exitCode).toBe(0)
}, 30_000)
