import { internalIdentity } from '@sidetone/contract'
import { billingContract } from '@sidetone/proto-schemas/billing'
import { customerContract } from '@sidetone/proto-schemas/customer'
import { tagContract } from '@sidetone/proto-schemas/tag'
import { webhookContract } from '@sidetone/proto-schemas/webhook'
import { createEmitter, newId, now, timeAfter } from '@sidetone/store'
import { testDatabases } from '@sidetone/store/testing'
import { adminOf, scripted, someId, startTestPlatform, type TestPlatform } from '@sidetone/testing'
import { Webhook } from 'standardwebhooks'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { openDeliveries } from '../src/deliveries.ts'
import { webhookManager } from '../src/manager.ts'
import { type Received, startReceiver } from './receiver.ts'

const [acme, rival] = [someId(1), someId(2)]
const patient = { timeout: 10_000, interval: 20 }
const missing = { reason: 'WEBHOOK_ENDPOINT_NOT_FOUND' }
const noCustomers = scripted(customerContract, {
  customer: {
    async get(_, { fail }) {
      throw fail('CUSTOMER_NOT_FOUND')
    },
  },
})
/** Its plan allows the rival two endpoints. */
const billing = scripted(billingContract, {
  billing_account: { plan_limit: async (_, { customer_id }) => ({ limit: customer_id === rival ? 2 : null }) },
})

describe.each(await testDatabases('webhook endpoints'))('on $name', ({ create }) => {
  let app: TestPlatform
  let receivers: Awaited<ReturnType<typeof startReceiver>>[]
  beforeEach(async () => {
    receivers = []
    app = await startTestPlatform({ managers: [noCustomers, billing, webhookManager], database: await create() })
  })
  afterEach(async () => {
    for (const { close } of receivers) close()
    await app.close()
  })

  const as = (customer: string) => app.as(webhookContract, adminOf(customer))
  const endpoints = () => as(acme).webhook_endpoint
  const deliveries = () => as(acme).webhook_delivery
  async function receiver(answer: Parameters<typeof startReceiver>[0] = () => 204) {
    const started = await startReceiver(answer)
    receivers.push(started)
    return started
  }
  const emit = createEmitter(tagContract)
  const happen = (event: 'created' | 'updated' | 'deleted', { id = newId(), name = 'tag', customer_id = acme } = {}) =>
    app.platform.store.transaction((tx) =>
      emit(tx, 'tag', event, {
        ...{ id, customer_id, name, detail: '', tm_create: tx.now(), tm_update: null, tm_delete: null },
      }),
    )
  const typesAt = ({ accepted }: { accepted: Received[] }) => accepted.map(({ body }) => JSON.parse(body).type)
  const namesAt = ({ accepted }: { accepted: Received[] }) => accepted.map(({ body }) => JSON.parse(body).data.name)
  /** Says how the endpoint has done until now. */
  const pretend = (id: string, values: object) =>
    app.platform.store.kysely.updateTable('webhook_endpoint').set(values).where('id', '=', id).execute()

  test('each endpoint gets what it wants, of its customer alone, under its own secret', async () => {
    const [all, some, other] = [await receiver(), await receiver(), await receiver()]
    const made = await endpoints().create({ uri: all.url })
    const narrow = await endpoints().create({ uri: some.url, event_types: ['tag_created', 'call_*', 'tag_d*'] })
    await as(rival).webhook_endpoint.create({ uri: other.url })
    for (const event of ['created', 'updated', 'deleted'] as const) await happen(event)
    await expect.poll(() => typesAt(some), patient).toEqual(['tag_created', 'tag_deleted'])
    await expect
      .poll(() => typesAt(all).toSorted(), patient)
      .toEqual(['tag_created', 'tag_deleted', 'tag_updated', 'webhook_endpoint_created'])
    for (const { body, headers } of some.accepted) {
      expect(new Webhook(narrow.secret).verify(body, headers)).toMatchObject({ customer_id: acme })
      expect(() => new Webhook(made.secret).verify(body, headers)).toThrow()
    }
    expect(typesAt(other)).toEqual([])
    expect(await endpoints().get({ id: made.id })).toMatchObject({ status: 'enabled', event_types: ['*'] })
    expect(JSON.stringify(await app.events())).not.toContain(made.secret)
    expect((await endpoints().list({})).result.map(({ id }) => id)).toEqual([narrow.id, made.id])
  })

  test('a new secret signs at once, and the old one too for a while', async () => {
    const at = await receiver()
    const { id, secret: first } = await endpoints().create({ uri: at.url, event_types: ['tag_*'] })
    const { secret: second } = await endpoints().rotate_secret({ id })
    await happen('created')
    await expect.poll(() => at.accepted.length, patient).toBe(1)
    const { secret: third } = await endpoints().rotate_secret({ id, grace: 0 })
    await happen('created')
    await expect.poll(() => at.accepted.length, patient).toBe(2)
    const fits = at.accepted.map(({ body, headers }) =>
      [first, second, third].map((secret) => {
        try {
          return !!new Webhook(secret).verify(body, headers)
        } catch {
          return false
        }
      }),
    )
    expect(fits).toEqual([
      [true, true, false],
      [false, false, true],
    ])
  })

  test('what cannot work is refused, naming the field', async () => {
    const at = await receiver()
    for (const uri of ['http://10.0.0.1/', 'http://169.254.169.254/', 'ftp://example.com/', 'nothing'])
      await expect(endpoints().create({ uri })).rejects.toMatchObject({ details: [{ field: 'uri' }] })
    const wrong = endpoints().create({ uri: at.url, event_types: ['tag_created', 'tga_*'] })
    await expect(wrong).rejects.toMatchObject({ details: [{ field: 'event_types.1' }] })
    const { id } = await endpoints().create({ uri: at.url })
    const foreign = as(rival)
    await expect(foreign.webhook_endpoint.update({ id, uri: at.url })).rejects.toMatchObject(missing)
    await expect(foreign.webhook_endpoint.ping({ id })).rejects.toMatchObject(missing)
    await expect(foreign.webhook_delivery.list({ id })).rejects.toMatchObject(missing)
    await expect(foreign.webhook_delivery.replay({ id, delivery_id: id })).rejects.toMatchObject(missing)
  })

  test('a customer has as many as its plan allows, its own address aside, also when they are made at once', async () => {
    const at = await receiver()
    const address = { uri: at.url, method: 'POST', secret: '', tm_source: now() } as const
    await app.as(webhookContract, internalIdentity(rival)).webhook_endpoint.follow(address)
    const { webhook_endpoint } = as(rival)
    const make = () => webhook_endpoint.create({ uri: at.url })
    const outcomes = await Promise.allSettled(Array.from({ length: 4 }, make))
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(2)
    await expect(make()).rejects.toMatchObject({ status: 'RESOURCE_EXHAUSTED', reason: 'RESOURCE_LIMIT_EXCEEDED' })
    await webhook_endpoint.delete({ id: (await webhook_endpoint.list({})).result[0]!.id })
    await make()
  })

  test('a burst with failures arrives whole, the events of a resource in order', async () => {
    const seen = new Set<string>()
    const at = await receiver(({ headers }) => {
      const id = headers['webhook-id']!
      const fails = !seen.has(id) && Number.parseInt(id.slice(-2), 16) % 10 === 0
      seen.add(id)
      return fails ? 500 : 204
    })
    await endpoints().create({ uri: at.url, event_types: ['tag_*'] })
    const tags = Array.from({ length: 20 }, newId)
    for (let n = 0; n < 6; n++) await Promise.all(tags.map((id) => happen('updated', { id, name: String(n) })))
    await expect.poll(() => at.accepted.length, patient).toBe(120)
    for (const tag of tags) {
      const own = at.accepted.filter(({ body }) => JSON.parse(body).resource_id === tag)
      expect(namesAt({ accepted: own })).toEqual(['0', '1', '2', '3', '4', '5'])
    }
  })

  test('what was sent can be looked up, and sent again', async () => {
    let open = true
    const at = await receiver(() => (open ? 204 : 503))
    const { id } = await endpoints().create({ uri: at.url, event_types: ['tag_*'] })
    const since = new Date(Date.now() - 1_000).toISOString()
    await happen('created', { name: 'taken' })
    const log = async () => (await deliveries().list({ id })).result
    await expect.poll(async () => (await log()).map(({ status }) => status), patient).toEqual(['delivered'])
    open = false
    await happen('updated', { name: 'refused' })
    await expect.poll(async () => (await log()).map(({ attempts }) => attempts > 0), patient).toEqual([true, true])
    const [refused, taken] = await log()
    expect(taken).toMatchObject({ event_type: 'tag_created', status_code: 204, attempts: 1, tm_next_attempt: null })
    expect(refused).toMatchObject({ status: 'pending', status_code: 503, error: 'the receiver answered 503' })
    expect(refused!.tm_next_attempt! > now()).toBe(true)
    expect(taken!.id).toBe(at.accepted[0]!.headers['webhook-id'])

    open = true
    await deliveries().replay({ id, delivery_id: taken!.id })
    await expect.poll(() => namesAt(at).filter((name) => name === 'taken'), patient).toHaveLength(2)
    await expect(deliveries().replay({ id, delivery_id: newId() })).rejects.toMatchObject({ status: 'NOT_FOUND' })

    await endpoints().update({ id, uri: at.url, event_types: ['tag_*'], status: 'disabled' })
    await expect(deliveries().replay_failed({ id, since })).rejects.toMatchObject({
      reason: 'WEBHOOK_ENDPOINT_NOT_ENABLED',
    })
    const first = await deliveries().list({ id, page_size: 1 })
    const rest = await deliveries().list({ id, page_token: first.next_page_token })
    expect([...first.result, ...rest.result].map(({ event_type }) => event_type)).toEqual([
      'tag_updated',
      'tag_created',
    ])
  })

  test('one that is dead gets a pause, and everything at once when it is changed; others notice nothing', async () => {
    const [dead, alive] = [await receiver(() => 500), await receiver()]
    const { id } = await endpoints().create({ uri: dead.url, event_types: ['tag_*'] })
    await endpoints().create({ uri: alive.url, event_types: ['tag_*'] })
    for (let n = 0; n < 12; n++) await happen('created')
    await expect.poll(async () => (await endpoints().get({ id })).failures, patient).toBeGreaterThanOrEqual(8)
    const asked = dead.requests.length
    for (let n = 0; n < 30; n++) await happen('created')
    await expect.poll(() => alive.accepted.length, patient).toBe(42)
    expect(dead.requests).toHaveLength(asked)
    const moved = await receiver()
    await endpoints().update({ id, uri: moved.url, event_types: ['tag_*'] })
    await expect.poll(() => moved.accepted.length, patient).toBe(42)
    expect(await endpoints().get({ id })).toMatchObject({ failures: 0, tm_failing: null })
  })

  test.each([
    ['accepted nothing for days', 500, { failures: 20, tm_failing: timeAfter(-4 * 86_400_000) }],
    ['answers that it is gone', 410, { failures: 0 }],
  ])('one that %s is given up, with an event; what it missed can be replayed', async (_, status, past) => {
    let open = false
    const at = await receiver(() => (open ? 204 : status))
    const witness = await receiver()
    await endpoints().create({ uri: witness.url, event_types: ['webhook_endpoint_*'] })
    const { id } = await endpoints().create({ uri: at.url, event_types: ['tag_*'] })
    await pretend(id, past)
    const tag = newId()
    await happen('created', { id: tag, name: '0' })
    await expect.poll(async () => (await endpoints().get({ id })).status, patient).toBe('failed')
    await expect.poll(() => typesAt(witness), patient).toContain('webhook_endpoint_disabled')
    await happen('updated', { id: tag, name: '1' })
    await app.events()
    expect((await deliveries().list({ id, status: 'failed' })).result).toHaveLength(2)
    expect(at.requests).toHaveLength(1)
    open = true
    await endpoints().update({ id, uri: at.url, event_types: ['tag_*'] })
    const since = new Date(Date.now() - 60_000).toISOString()
    expect(await deliveries().replay_failed({ id, since })).toEqual({ count: 2 })
    await expect.poll(() => namesAt(at), patient).toEqual(['0', '1'])
  })

  test('a ping tells what the receiver answers', async () => {
    let status = 204
    const at = await receiver(() => status)
    const { id, secret } = await endpoints().create({ uri: at.url, status: 'disabled' })
    expect(await endpoints().ping({ id })).toMatchObject({ accepted: true, status_code: 204, error: '' })
    expect(new Webhook(secret).verify(at.accepted[0]!.body, at.accepted[0]!.headers)).toMatchObject({
      type: 'webhook_endpoint_ping',
      customer_id: acme,
    })
    status = 500
    expect(await endpoints().ping({ id })).toMatchObject({ accepted: false, status_code: 500 })
    at.close()
    expect(await endpoints().ping({ id })).toMatchObject({ accepted: false, status_code: 0 })
  })

  test('the address of the customer can be looked at by the customer’s id, and changed only there', async () => {
    const at = await receiver()
    const address = { uri: at.url, method: '' as const, secret: 'whsec_MTIz', tm_source: now() }
    await app.as(webhookContract, internalIdentity(acme)).webhook_endpoint.follow(address)
    await happen('created')
    await expect.poll(() => typesAt(at), patient).toEqual(['tag_created'])
    expect(await endpoints().get({ id: acme })).toMatchObject({ type: 'customer', uri: at.url, method: 'POST' })
    expect((await deliveries().list({ id: acme })).result).toHaveLength(1)
    expect((await endpoints().list({})).result).toEqual([])
    const readOnly = { reason: 'WEBHOOK_ENDPOINT_READ_ONLY' }
    await expect(endpoints().delete({ id: acme })).rejects.toMatchObject(readOnly)
    await expect(endpoints().rotate_secret({ id: acme })).rejects.toMatchObject(readOnly)
    await expect(as(rival).webhook_endpoint.get({ id: acme })).rejects.toMatchObject(missing)
    const older = { ...address, uri: '', tm_source: timeAfter(-60_000) }
    await app.as(webhookContract, internalIdentity(acme)).webhook_endpoint.follow(older)
    expect((await endpoints().get({ id: acme })).uri).toBe(at.url)
  })

  test('what has ended is forgotten when it is old, what is still to be sent is not', async () => {
    const [taking, refusing] = [await receiver(), await receiver(() => 500)]
    const made = [taking, refusing].map(({ url }) => endpoints().create({ uri: url, event_types: ['tag_*'] }))
    const ids = (await Promise.all(made)).map(({ id }) => id)
    for (let n = 0; n < 3; n++) await happen('created')
    const counts = () =>
      Promise.all(ids.map(async (id) => (await deliveries().list({ id })).result.map(({ status }) => status)))
    const all = [Array(3).fill('delivered'), Array(3).fill('pending')]
    await expect.poll(counts, patient).toEqual(all)
    const kept = openDeliveries(app.platform.store)
    await kept.purge(timeAfter(-60_000))
    expect(await counts()).toEqual(all)
    await kept.purge(timeAfter(60_000))
    expect(await counts()).toEqual([[], Array(3).fill('pending')])
  })
})
