import { randomUUID } from 'node:crypto'
import { createSidetone } from '@sidetone/sdk'
import { Webhook } from 'standardwebhooks'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import {
  type Backing,
  createPhone,
  embedded,
  type Frame,
  findRealServices,
  openEvents,
  readWav,
  type SidetoneProcess,
  soundsLikeSpeech,
  startSidetone,
  startWebhookReceiver,
  toneShare,
} from '../src/index.ts'

const realServices = await findRealServices('the main job on real services')

const nil = '00000000-0000-0000-0000-000000000000'
const number = '+15550177001'

describe('embedded', () => mainJob(embedded))
describe.skipIf(!realServices)('on MariaDB, RabbitMQ and Redis', () => mainJob(realServices!))

function mainJob(prepare: () => Promise<Backing>) {
  let sidetone: SidetoneProcess
  let remove: () => Promise<void>
  beforeAll(async () => {
    const prepared = await prepare()
    remove = prepared.remove
    sidetone = await startSidetone({ env: prepared.env })
  })
  afterAll(() => remove?.())

  test('a call to a flow: speech, a key, a recording, an extension, and the same story by WebSocket and webhook', async () => {
    const api = createSidetone({ baseUrl: sidetone.url, token: sidetone.accesskey })
    const customer = await api.customer.own()
    const receiver = await startWebhookReceiver()
    await api.customer.update_own({
      name: 'Main job',
      email: 'main@example.com',
      webhook_method: 'POST',
      webhook_uri: receiver.url,
    })
    const events = await openEvents({ url: sidetone.url, accesskey: sidetone.accesskey, customerId: customer.id })

    const connect = randomUUID()
    const flow = await api.flow.create({
      name: 'main job',
      actions: [
        { type: 'answer' },
        { type: 'recording_start', option: { format: 'wav' } },
        { type: 'talk', option: { text: 'Welcome to the main job. Press one.', language: 'en-US' } },
        { type: 'digits_receive', option: { duration: 8_000, length: 1 } },
        { type: 'branch', option: { default_target_id: nil, target_ids: { 1: connect } } },
        { type: 'hangup' },
        {
          id: connect,
          type: 'connect',
          option: { destinations: [{ type: 'extension', target: '1001', target_name: '1001' }] },
        },
        { type: 'recording_stop' },
        { type: 'hangup' },
      ],
    })
    await api.number.create({ number, name: 'main job', call_flow_id: flow.id })

    const server = { host: sidetone.host, port: sidetone.sipPort }
    const caller = await createPhone({ server, username: 'carrier' })
    const extension = await createPhone({ server, username: '1001', password: 'pass1001' })
    await extension.register()

    const call = await caller.call(`sip:${number}@${sidetone.host}`)
    await call.answered
    await call.waitForSpeech({ timeoutMs: 5_000 })
    await call.waitForSilence({ timeoutMs: 10_000 })
    await call.sendDtmf('1')
    const incoming = await extension.nextCall({ timeoutMs: 8_000 })
    await incoming.answer()
    await Promise.all([
      call.play({ frequency: 440, durationMs: 1_000 }),
      incoming.waitForTone(440, { timeoutMs: 4_000 }),
    ])
    await Promise.all([
      incoming.play({ frequency: 1_000, durationMs: 1_000 }),
      call.waitForTone(1_000, { timeoutMs: 4_000 }),
    ])
    await call.hangup()
    expect(await incoming.ended).toMatchObject({ by: 'them' })

    const recorded = await poll(() => events.frames.find(({ type }) => type === 'recording_finished'))
    const legs = [
      ...new Set(events.frames.filter(({ resource }) => resource === 'call').map((frame) => frame.resource_id)),
    ]
    expect(legs).toHaveLength(2)
    await poll(() => hangups(events.frames).length === 2 || undefined)
    for (const leg of legs) expect(hangups(events.frames).filter((frame) => frame.resource_id === leg)).toHaveLength(1)
    for (const leg of legs) expect((await api.call.get({ id: leg })).status).toBe('hangup')
    for (const { data } of hangups(events.frames))
      expect(data).toMatchObject({ status: 'hangup', hangup_reason: 'normal' })

    // Both ways tell the same, each resource in order.
    const webhook = new Webhook(customer.webhook_secret)
    await vi.waitFor(() => {
      const bodies = receiver.received.map(({ body, headers }) => webhook.verify(body, headers) as Frame)
      for (const resource_id of new Set(events.frames.map((frame) => frame.resource_id))) {
        const story = (all: Frame[]) =>
          all.filter((frame) => frame.resource_id === resource_id).map(({ type, sequence }) => `${sequence} ${type}`)
        expect(story(bodies)).toEqual(story(events.frames))
      }
    }, 15_000)

    const { location } = (await api.recording.file({ id: recorded.resource_id })) as { location: string }
    const file = Buffer.from(await (await fetch(location)).arrayBuffer())
    const { samples } = readWav(file)
    expect(file.length).toBe(recorded.data.filesize)
    expect(samples.length / 8_000).toBeGreaterThan(3)
    expect(windows(samples, 8_000).some((window) => soundsLikeSpeech(window))).toBe(true)
    expect(Math.max(...windows(samples).map((window) => toneShare(window, 440)))).toBeGreaterThan(0.3)
    expect(Math.max(...windows(samples).map((window) => toneShare(window, 1_000)))).toBeGreaterThan(0.3)

    events.close()
    await receiver.close()
    await caller.close()
    await extension.close()
  }, 60_000)

  test('Ctrl-C stops it in order', async () => {
    expect(await sidetone.stop()).toBe(0)
  })
}

const hangups = (frames: Frame[]): Frame[] => frames.filter(({ type }) => type === 'call_hangup')

function* slices(samples: Int16Array, size = 1_600) {
  for (let at = 0; at + size <= samples.length; at += size) yield samples.subarray(at, at + size)
}
const windows = (samples: Int16Array, size?: number): Int16Array[] => [...slices(samples, size)]

async function poll<T>(look: () => T | undefined, timeoutMs = 10_000): Promise<T> {
  const until = Date.now() + timeoutMs
  for (;;) {
    const found = look()
    if (found !== undefined) return found
    if (Date.now() > until) throw new Error(`did not happen within ${timeoutMs} ms: ${look}`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}
