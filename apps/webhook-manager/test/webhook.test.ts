import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { internalIdentity, nilId } from '@sidetone/contract'
import { callContract } from '@sidetone/proto-schemas/call'
import { type Customer, customerContract } from '@sidetone/proto-schemas/customer'
import { type Activeflow, flowContract } from '@sidetone/proto-schemas/flow'
import { tagContract } from '@sidetone/proto-schemas/tag'
import { webhookContract } from '@sidetone/proto-schemas/webhook'
import { createEmitter, newId, now } from '@sidetone/store'
import { scripted, someId, startTestPlatform, type TestPlatform } from '@sidetone/testing'
import { Webhook } from 'standardwebhooks'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { webhookManager } from '../src/manager.ts'
import { startReceiver } from './receiver.ts'

const [acme, rival] = [someId(1), someId(2)]
const secretOf = (id: string) => `whsec_${Buffer.from(id.padEnd(36, '0')).toString('base64')}`

let customers: Map<string, Partial<Customer>>
let activeflows: Map<string, Partial<Activeflow>>
let platforms: TestPlatform[]
let receivers: { close: () => void }[]
beforeEach(() => {
  customers = new Map()
  activeflows = new Map()
  platforms = []
  receivers = []
})
afterEach(async () => {
  for (const { close } of receivers) close()
  for (const { close } of platforms) await close()
})

const customerManager = scripted(customerContract, {
  customer: {
    async get({ id }, { fail }) {
      const customer = customers.get(id)
      if (!customer) throw fail('CUSTOMER_NOT_FOUND')
      const answer = {
        ...{
          id,
          customer_id: id,
          headless: false,
          name: '',
          detail: '',
          email: 'a@b.example',
          phone_number: '',
          address: '',
        },
        ...{ webhook_method: 'POST', webhook_uri: '', webhook_secret: secretOf(id), billing_account_id: nilId },
        ...{ metadata: { rtp_debug: false }, email_verified: false, status: 'active' },
        ...{ identity_verification_status: 'none', tm_deletion_scheduled: null },
        ...{ tm_create: '2026-11-21T07:00:00.000000Z', tm_update: null, tm_delete: null },
        ...customer,
      }
      return answer as Customer
    },
  },
})
const flowManager = scripted(flowContract, {
  activeflow: {
    async get({ id }, { fail }) {
      const activeflow = activeflows.get(id)
      if (!activeflow) throw fail('ACTIVEFLOW_NOT_FOUND')
      return activeflow as Activeflow
    },
  },
})

async function start(env: Record<string, string> = {}): Promise<TestPlatform> {
  const app = await startTestPlatform({ managers: [customerManager, flowManager, webhookManager], env })
  platforms.push(app)
  return app
}

async function receiver(answer: Parameters<typeof startReceiver>[0] = () => 204) {
  const started = await startReceiver(answer)
  receivers.push(started)
  return started
}

/** Changes the address of a customer as the customer manager does: it tells the webhook manager before it answers. */
async function setAddress(app: TestPlatform, id: string, webhook_uri: string): Promise<void> {
  const tm_update = now()
  customers.set(id, { webhook_uri, tm_update })
  const address = { uri: webhook_uri, method: 'POST' as const, secret: secretOf(id), tm_source: tm_update }
  await app.as(webhookContract, internalIdentity(id)).webhook_endpoint.follow(address)
}

const emit = createEmitter(tagContract)
/** Announces what happened to a tag, as its manager would. */
const happen = (app: TestPlatform, { id = newId(), name = '', customer_id = acme } = {}) =>
  app.platform.store.transaction((tx) =>
    emit(tx, 'tag', 'updated', {
      ...{ id, customer_id, name: name || 'tag', detail: '' },
      ...{ tm_create: tx.now(), tm_update: null, tm_delete: null },
    }),
  )

const patient = { timeout: 12_000, interval: 20 }
const storyOf = (accepted: { body: string }[], id: string): string[] =>
  accepted
    .map(({ body }) => JSON.parse(body))
    .filter((event) => event.resource_id === id)
    .map((event) => event.data.name)

test('an event arrives with a signature that the library takes, and refuses when a letter has changed', async () => {
  const app = await start()
  const { url, accepted } = await receiver()
  customers.set(acme, { webhook_uri: `${url}/hook?key=1` })
  const id = newId()
  await happen(app, { id, name: 'signed' })
  await expect.poll(() => accepted.length, patient).toBe(1)
  const { method, path, headers, body } = accepted[0]!
  expect([method, path, headers['content-type']]).toEqual(['POST', '/hook?key=1', 'application/json'])
  const event = new Webhook(secretOf(acme)).verify(body, headers)
  expect(event).toMatchObject({ type: 'tag_updated', resource_id: id, sequence: 1, data: { id, name: 'signed' } })
  expect(headers['webhook-id']).toBe((event as { id: string }).id)
  expect(() => new Webhook(secretOf(acme)).verify(body.replace('signed', 'forged'), headers)).toThrow()
  expect(() => new Webhook(secretOf(rival)).verify(body, headers)).toThrow()
})

test('a GET carries no body, and is signed as such', async () => {
  const app = await start()
  const { url, accepted } = await receiver()
  customers.set(acme, { webhook_uri: url, webhook_method: 'GET' })
  await happen(app)
  await expect.poll(() => accepted.length, patient).toBe(1)
  expect([accepted[0]!.method, accepted[0]!.body]).toEqual(['GET', ''])
  const headers = accepted[0]!.headers
  const signed = { id: headers['webhook-id']!, time: new Date(Number(headers['webhook-timestamp']) * 1_000) }
  expect(headers['webhook-signature']).toBe(new Webhook(secretOf(acme)).sign(signed.id, signed.time, ''))
})

test('a failing receiver gets every event in the end, those of a resource in order', async () => {
  const app = await start()
  const failed = new Set<string>()
  const { url, accepted } = await receiver(({ headers, body }) => {
    const { data } = JSON.parse(body)
    const fails = ['0', '2'].includes(data.name) && !failed.has(headers['webhook-id']!)
    failed.add(headers['webhook-id']!)
    return fails ? 500 : 200
  })
  customers.set(acme, { webhook_uri: url })
  const ids = Array.from({ length: 5 }, newId)
  for (const name of ['0', '1', '2', '3']) for (const id of ids) await happen(app, { id, name })
  await expect.poll(() => accepted.length, patient).toBe(20)
  for (const id of ids) expect(storyOf(accepted, id)).toEqual(['0', '1', '2', '3'])
  expect(new Set(accepted.map(({ headers }) => headers['webhook-id'])).size).toBe(20)
})

test('what is pending at a stop is delivered after the next start, each once and in order', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'sidetone-webhook-'))
  const env = { SIDETONE_DATA_DIR: folder, ENCRYPTION_KEYS: `k:${randomBytes(32).toString('base64')}` }
  const first = await start(env)
  let open = false
  const { url, accepted, requests } = await receiver(() => (open ? 200 : 503))
  customers.set(acme, { webhook_uri: url })
  const ids = Array.from({ length: 3 }, newId)
  for (const name of ['0', '1', '2']) for (const id of ids) await happen(first, { id, name })
  await expect.poll(() => requests.length, patient).toBeGreaterThanOrEqual(3)
  await first.close()
  platforms = []
  open = true
  await start(env)
  await expect.poll(() => accepted.length, patient).toBe(9)
  for (const id of ids) expect(storyOf(accepted, id)).toEqual(['0', '1', '2'])
  await rm(folder, { recursive: true })
})

test('a receiver that hangs does not stop deliveries to others', async () => {
  const app = await start()
  const hanging = await receiver(() => undefined)
  const healthy = await receiver()
  customers.set(acme, { webhook_uri: hanging.url })
  customers.set(rival, { webhook_uri: healthy.url })
  for (let n = 0; n < 200; n += 1) await happen(app)
  await expect.poll(() => hanging.requests.length, patient).toBeGreaterThan(0)
  await sleep(300)
  await happen(app, { customer_id: rival })
  await expect.poll(() => healthy.accepted.length, { timeout: 4_000 }).toBe(1)
  expect(hanging.requests.length).toBeLessThanOrEqual(16)
})

test('a burst to one healthy receiver arrives whole', async () => {
  const app = await start()
  const { url, accepted } = await receiver()
  customers.set(acme, { webhook_uri: url })
  await Promise.all(Array.from({ length: 150 }, () => happen(app)))
  await expect.poll(() => new Set(accepted.map(({ headers }) => headers['webhook-id'])).size, patient).toBe(150)
  expect(accepted).toHaveLength(150)
})

test('a redirect is a failure, and is not followed', async () => {
  const app = await start()
  const other = await receiver()
  const { url, requests } = await receiver((_, response) => {
    response.writeHead(302, { location: other.url }).end()
    return undefined
  })
  customers.set(acme, { webhook_uri: url, webhook_method: 'GET' })
  await happen(app)
  await expect.poll(() => requests.length, patient).toBe(2)
  expect(other.requests).toEqual([])
})

test('a receiver that answers with a large page has taken it', async () => {
  const app = await start()
  const { url, requests } = await receiver((_, response) => {
    response.writeHead(200).end('x'.repeat(1_000_000))
    return undefined
  })
  customers.set(acme, { webhook_uri: url })
  await happen(app)
  await expect.poll(() => requests.length, patient).toBe(1)
  await sleep(1_500)
  expect(requests).toHaveLength(1)
})

test('an address that leads inside is refused when it is sent to, whatever was allowed when it was set', async () => {
  const app = await start({ OUTBOUND_ALLOW: '' })
  const { url, requests } = await receiver()
  customers.set(acme, { webhook_uri: url })
  await happen(app)
  await app.events()
  await sleep(300)
  expect(requests).toEqual([])
})

test('a webhook that is switched off meanwhile is not sent, and holds nothing back', async () => {
  const app = await start()
  const refusing = await receiver(() => 500)
  customers.set(acme, { webhook_uri: refusing.url })
  const id = newId()
  await happen(app, { id, name: 'old' })
  await expect.poll(() => refusing.requests.length, patient).toBe(1)
  await setAddress(app, acme, '')
  await sleep(1_500)
  expect(refusing.requests).toHaveLength(1)
  const { url, accepted } = await receiver()
  await setAddress(app, acme, url)
  await happen(app, { id, name: 'new' })
  await expect.poll(() => storyOf(accepted, id), patient).toEqual(['new'])
})

test('what an activeflow controls is told to its own address too', async () => {
  const app = await start()
  const { url, accepted } = await receiver()
  const activeflow_id = newId()
  activeflows.set(activeflow_id, {
    ...{ id: activeflow_id, customer_id: acme, flow_id: nilId, status: 'running', reference_type: '' },
    ...{ reference_id: nilId, reference_activeflow_id: nilId, on_complete_flow_id: nilId },
    ...{ webhook_uri: `${url}/flow`, webhook_method: 'PUT', forward_action_id: nilId, executed_actions: [], error: '' },
    ...{ tm_create: '2026-11-21T07:00:00.000000Z', tm_update: null, tm_delete: null },
    current_action: { id: nilId, next_id: nilId, type: 'answer', option: {}, tm_execute: null } as never,
  })
  customers.set(acme, { webhook_uri: `${url}/customer` })
  await app.platform.store.transaction((tx) =>
    createEmitter(callContract)(tx, 'recording', 'finished', {
      ...{ id: newId(), customer_id: acme, owner_type: '', owner_id: nilId, activeflow_id },
      ...{ reference_type: 'call', reference_id: nilId, status: 'ended', format: 'wav', on_end_flow_id: nilId },
      ...{ tm_start: null, tm_end: null, uri_download: '', filesize: 0, sha256: '', file_id: nilId },
      ...{ asterisk_id: '', channel_id: '', tm_create: tx.now(), tm_update: null, tm_delete: null },
    }),
  )
  await expect
    .poll(() => accepted.map(({ method, path }) => `${method} ${path}`).sort(), patient)
    .toEqual(['POST /customer', 'PUT /flow'])
})

describe('what a flow sends', () => {
  const request = { method: 'POST' as const, data_type: 'application/json; charset=utf-8', data: '{"hello":1}' }
  const asAcme = (app: TestPlatform) => app.as(webhookContract, internalIdentity(acme)).webhook

  test('and waits for is sent at once; a refusal is told', async () => {
    const app = await start()
    customers.set(acme, {})
    let status = 200
    const { url, requests } = await receiver(() => status)
    await asAcme(app).send({ ...request, uri: url, sync: true })
    expect(requests).toMatchObject([
      { method: 'POST', body: request.data, headers: { 'content-type': request.data_type } },
    ])
    new Webhook(secretOf(acme)).verify(request.data, requests[0]!.headers)
    status = 500
    await expect(asAcme(app).send({ ...request, uri: url, sync: true })).rejects.toMatchObject({
      reason: 'WEBHOOK_FAILED',
      message: expect.stringContaining('500'),
    })
    await sleep(1_500)
    expect(requests).toHaveLength(2)
  })

  test('and does not wait for is tried again', async () => {
    const app = await start()
    customers.set(acme, {})
    const statuses = [500, 200]
    const { url, accepted, requests } = await receiver(() => statuses.shift()!)
    await asAcme(app).send({ ...request, uri: url })
    await expect.poll(() => accepted.length, patient).toBe(1)
    expect(requests).toHaveLength(2)
    expect(requests[0]!.headers['webhook-id']).toBe(requests[1]!.headers['webhook-id'])
  })

  test('to an address inside is refused at once, naming the field', async () => {
    const app = await start()
    customers.set(acme, {})
    for (const uri of ['http://10.0.0.1/', 'http://169.254.169.254/latest', 'ftp://example.com/', 'nothing']) {
      await expect(asAcme(app).send({ ...request, uri })).rejects.toMatchObject({
        reason: 'INVALID_WEBHOOK_URI',
        details: [{ field: 'uri' }],
      })
    }
  })
})
