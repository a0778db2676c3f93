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
