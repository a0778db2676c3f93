import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { type Backing, embedded, findRealServices, openEvents, startWebhookReceiver } from '../src/index.ts'
import {
  type Api,
  eventually,
  follow,
  hangups,
  openStage,
  refused,
  type Stage,
  storyOf,
  subscriptionAnswer,
  sum,
  verified,
} from './customer-story-stage.ts'

const patience = 60_000
vi.setConfig({ testTimeout: patience, hookTimeout: patience })

const realServices = await findRealServices('the story of a customer on real services')
describe('embedded', () => customerStory(embedded))
describe.skipIf(!realServices)('on MariaDB, RabbitMQ and Redis', () => customerStory(realServices!))

const nil = '00000000-0000-0000-0000-000000000000'
const password = 'correct horse battery'
const [ownNumber, atHome, abroad] = ['+12125550111', '+12125550100', '+442079460000']
const tel = (target: string) => ({ type: 'tel' as const, target, target_name: '', name: '', detail: '' })
/** Micros of a US dollar, and tokens. */
const [topUp, minuteOut, tokens, minuteIn] = [1_000_000, 10_000, 100, 1]
const answerAndHangUp = [{ type: 'answer' as const }, { type: 'hangup' as const }]

interface SignedUp {
  customer: { id: string; email_verified: boolean }
  accesskey: { id: string; token: string }
}

/** Steps of one story: each goes on where the one before ended. */
function customerStory(prepare: () => Promise<Backing>) {
  // Redis outlives a run, and counts the mails to an address.
  const email = `stranger-${randomUUID()}@example.com`
  let stage: Stage
  let customerId: string
  let key: { id: string; token: string }
  let revokedKey: string
  let admin: Api
  let events: Awaited<ReturnType<typeof openEvents>>
  let secret: string
  let flowId: string
  let virtual: { id: string; number: string }

  beforeAll(async () => {
    stage = await openStage(prepare)
  })
  afterAll(() => stage.close())

  const openStream = (cursor: number) =>
    openEvents({ url: stage.sidetone.url, accesskey: key.token, customerId, cursor })
  /** The stream from where it ended, with what it told before. */
  async function reopenStream() {
    const before = events.frames
    events = await openStream(before.at(-1)!.cursor)
    events.frames.unshift(...before)
  }
  const callOut = (target: string) =>
    admin.call.create({ flow_id: flowId, source: tel(ownNumber), destinations: [tel(target)] })
  const callIn = () =>
    stage.carrier.call(`sip:${virtual.number}@${stage.sidetone.host}`, { from: 'sip:+12125550123@carrier.example' })
  const ledger = async () => (await admin.billing.list({ page_size: 100 })).result
  const charges = async () => (await ledger()).filter(({ transaction_type }) => transaction_type === 'usage')
  /** The balance is the sum of the ledger. */
  async function balance() {
    const entries = await ledger()
    const { balance_credit, balance_token } = await admin.billing_account.own()
    expect([balance_credit, balance_token]).toEqual([
      sum(entries.map(({ amount_credit }) => amount_credit)),
      sum(entries.map(({ amount_token }) => amount_token)),
    ])
    return { balance_credit, balance_token }
  }

  test('a stranger signs up, follows the links in the mails, sets a password and logs in', async () => {
    await stage.api().session.signup({ email, name: 'Stranger', accepted_tos: true })
    const made = await follow<SignedUp>(await stage.mailbox.next(email))
    expect(made.customer.email_verified).toBe(true)
    customerId = made.customer.id
    key = made.accesskey
    await refused(stage.login(email, password), 401)
    await follow(await stage.mailbox.next(email), { password })
    admin = stage.api(await stage.login(email, password))
    expect(await admin.agent.me()).toMatchObject({ username: email, customer_id: customerId, permission: 32 })
    expect(await balance()).toEqual({ balance_credit: 0, balance_token: tokens })
  })

  test('makes a webhook endpoint, whose signatures fit, and opens a stream', async () => {
    events = await openStream(0)
    const event_types = ['call_*', 'number_*', 'billing_account_*', 'invoice_*', 'webhook_endpoint_disabled']
    const endpoint = await stage
      .api(key.token)
      .webhook_endpoint.create({ uri: stage.receiver.url, event_types, name: 'story' })
    secret = endpoint.secret
    expect(await admin.webhook_endpoint.ping({ id: endpoint.id })).toMatchObject({ accepted: true, status_code: 204 })
    expect(verified(stage.receiver.received, secret)).toMatchObject([{ type: 'webhook_endpoint_ping' }])
  })

  test('saves a flow with a mistake, is told where it is, mends it and simulates it', async () => {
    const flow = (duration: unknown) => ({
      name: 'echo',
      actions: [
        { type: 'answer' as const },
        { type: 'echo' as const, option: { duration } },
        { type: 'hangup' as const },
      ],
    })
    const { details } = await refused(admin.flow.create(flow('a while')), 400)
    expect(details).toMatchObject([{ field: 'actions.1.option.duration' }])
    flowId = (await admin.flow.create(flow(3_000))).id
    const { trace, status } = await admin.flow.simulate({ id: flowId })
    expect(status).toBe('ended')
    const executed = trace.flatMap(({ type, action }) => (type === 'action' ? action!.type : []))
    expect(executed).toEqual(['answer', 'echo', 'hangup'])
  })

  test('finds a virtual number and takes it; nobody else can', async () => {
    const [found] = (await admin.available_number.search({ type: 'virtual' })).result
    const wanted = { number: found!.number, type: 'virtual' as const, name: 'echo' }
    virtual = await admin.number.create({ ...wanted, call_flow_id: flowId })
    expect(await refused(stage.operator.number.create(wanted), 409)).toMatchObject({ reason: 'NUMBER_ALREADY_EXISTS' })
  })

  test('calls nobody without money, nor in a country that it has not allowed', async () => {
    const { operator, carrier } = stage
    const provider = await operator.provider.create({
      ...{ type: 'sip', hostname: `127.0.0.1:${carrier.port}`, tech_prefix: '', tech_postfix: '', tech_headers: {} },
      ...{ codecs: 'PCMU', username: '', password: '', name: 'carrier', detail: '' },
    })
    const everyone = { customer_id: nil, name: 'default', detail: '', target: 'all', priority: 1 }
    await operator.route.create({ ...everyone, provider_id: provider.id })
    await operator.number.register({ customer_id: customerId, number: ownNumber, name: 'own', call_flow_id: flowId })
    await admin.outbound_config.update_own({ destination_whitelist: ['us'] })
    expect(await refused(callOut(atHome), 402)).toMatchObject({ reason: 'BALANCE_INSUFFICIENT' })
    const { id } = await admin.billing_account.own()
    await operator.billing_account.balance_add_force({ id, balance: topUp / 1_000_000 })
    expect(await refused(callOut(abroad), 403)).toMatchObject({ reason: 'COUNTRY_NOT_ALLOWED' })
    expect(await charges()).toEqual([])
  })

  test('calls out: the carrier hears itself, the call ends, and is charged once', async () => {
    const { calls } = await callOut(atHome)
    const call = await stage.carrier.nextCall({ timeoutMs: patience })
    await call.answer()
    await Promise.all([call.play({ frequency: 700, durationMs: 2_000 }), call.waitForTone(700)])
    expect(await call.ended).toMatchObject({ by: 'them' })
    await eventually(async () => expect(await charges()).toMatchObject([{ status: 'end' }]))
    expect(await charges()).toMatchObject([
      {
        ...{ reference_type: 'call', reference_id: calls[0]!.id, cost_type: 'call_pstn_outgoing' },
        ...{ billable_units: 1, amount_credit: -minuteOut, amount_token: 0 },
      },
    ])
    expect(await balance()).toEqual({ balance_credit: topUp - minuteOut, balance_token: tokens })
    await eventually(() => expect(stage.told().map(({ type }) => type)).toContain('billing_account_balance_low'))
  })

  test('an endpoint that was given up gets what it missed when it is back', async () => {
    let gone = true
    const shop = await startWebhookReceiver(() => (gone ? 410 : 204))
    const fields = { uri: shop.url, event_types: ['tag_*'] }
    const { id, secret: itsSecret } = await admin.webhook_endpoint.create(fields)
    const tag = await admin.tag.create({ name: 'missed' })
    await eventually(() => expect(stage.told()).toContainEqual(expect.objectContaining({ resource_id: id })))
    expect(await admin.webhook_endpoint.get({ id })).toMatchObject({ status: 'failed' })
    const missed = (await admin.webhook_delivery.list({ id, status: 'failed' })).result
    expect(missed).toMatchObject([{ event_type: 'tag_created', resource_id: tag.id, status_code: 410 }])
    expect(shop.received).toEqual([])
    gone = false
    await admin.webhook_endpoint.update({ id, ...fields })
    expect(await admin.webhook_delivery.replay_failed({ id, since: tag.tm_create! })).toEqual({ count: 1 })
    await eventually(() => expect(shop.received).toHaveLength(1))
    expect(verified(shop.received, itsSecret)).toMatchObject([{ id: missed[0]!.id, type: 'tag_created' }])
    await admin.webhook_endpoint.delete({ id })
    await shop.close()
  })

  test('who has fewer rights is refused, and a key that is revoked stops working', async () => {
    const agent = { name: 'Agent', username: 'agent@example.com', password: 'agent password', permission: 16 }
    await admin.agent.create(agent)
    const token = await stage.login(agent.username, agent.password)
    const theirs = stage.api(token)
    for (const attempt of [theirs.billing.list(), theirs.number.list(), theirs.agent.create(agent)]) {
      expect(await refused(attempt, 403)).toMatchObject({ reason: 'PERMISSION_DENIED' })
    }
    const subscription = { token, topic: `customer_id:${customerId}` }
    expect(await subscriptionAnswer(stage.sidetone.url, subscription)).toMatchObject({ type: 'error' })

    revokedKey = key.id
    await admin.accesskey.delete({ id: revokedKey })
    await eventually(() => refused(stage.api(key.token).customer.own(), 401))
    expect(await events.closed).toBe(4001)
    const { id, token: made } = await admin.accesskey.create({ name: 'another' })
    key = { id, token: made! }
    await reopenStream()
  })

  test('a freeze ends the calls and refuses requests; the recovery takes it back', async () => {
    const incoming = await callIn()
    await incoming.answered
    await callOut(atHome)
    const outgoing = await stage.carrier.nextCall({ timeoutMs: patience })
    await outgoing.answer()
    await stage.operator.customer.freeze({ id: customerId })
    for (const call of [incoming, outgoing]) expect(await call.ended).toMatchObject({ by: 'them' })
    await refused(callOut(atHome), 403)
    for (const client of [admin, stage.api(key.token)]) {
      expect(await eventually(() => refused(client.tag.list(), 403))).toMatchObject({ reason: 'ACCOUNT_FROZEN' })
    }
    await expect((await callIn()).answered).rejects.toMatchObject({ status: 403 })
    expect(await events.closed).toBe(4001)
    await stage.operator.customer.recover({ id: customerId })
    await eventually(() => admin.tag.list())
    await eventually(reopenStream)
    const again = await callIn()
    await again.answered
    await again.hangup()
    await eventually(async () => expect(await charges()).toMatchObject(Array(4).fill({ status: 'end' })))
    expect(await balance()).toEqual({
      balance_credit: topUp - 2 * minuteOut,
      balance_token: tokens - 2 * minuteIn,
    })
  })

  test('WebSocket and webhooks tell the same, and each leg has ended once', async () => {
    const { result } = await admin.call.list({ page_size: 100 })
    expect(result.map(({ status }) => status)).toEqual(result.map(() => 'hangup'))
    const legs = result.map(({ id }) => id)
    await eventually(() => expect(hangups(events.frames)).toEqual([...legs].sort()))
    await eventually(() => expect(hangups(stage.told())).toEqual([...legs].sort()))
    const told = verified(stage.receiver.received, secret)
    for (const id of [...legs, virtual.id]) expect(storyOf(told, id)).toEqual(storyOf(events.frames, id))
  })

  test('the audit log says who did what', async () => {
    const { id: agent } = await admin.agent.me()
    const { id: operator } = await stage.operator.agent.me()
    const deeds = [
      `customer_created by anonymous ${nil}`,
      `agent_logged_in by anonymous ${nil}`,
      `webhook_endpoint_created by accesskey ${revokedKey}`,
      `flow_created by agent ${agent}`,
      `billing_created by platform_admin ${operator}`,
      `accesskey_deleted by agent ${agent}`,
      `customer_frozen by platform_admin ${operator}`,
      `customer_recovered by platform_admin ${operator}`,
    ]
    await eventually(async () => {
      const { result } = await admin.audit_log.list({ page_size: 100 })
      const told = result.map(({ event_type, actor_type, actor_id }) => `${event_type} by ${actor_type} ${actor_id}`)
      expect(told).toEqual(expect.arrayContaining(deeds))
    })
    const { result } = await stage.operator.audit_log.list_of({ customer_id: nil, actor_id: operator })
    expect(result.map(({ event_type }) => event_type)).toEqual(['route_created', 'provider_created'])
  })

  test('the month is invoiced when it is over, as data and as a document', async () => {
    const { balance_credit: closing_credit } = await balance()
    const period = new Date().toISOString().slice(0, 7)
    const [year, month] = period.split('-').map(Number) as [number, number]
    events.close()
    await stage.restart({ aheadMs: Date.UTC(year, month, 1, 2) - Date.now() })
    admin = stage.api(await stage.login(email, password))
    await reopenStream()
    const invoice = await eventually(async () => {
      const [made, ...more] = (await admin.invoice.list()).result
      expect([made, more]).toMatchObject([{ period, opening_credit: 0, closing_credit }, []])
      return made!
    })
    expect(sum(invoice.lines.map(({ amount_credit }) => amount_credit))).toBe(closing_credit)
    expect(invoice.lines.filter(({ transaction_type }) => transaction_type === 'usage')).toMatchObject([
      { cost_type: 'call_pstn_outgoing', count: 2, billable_units: 2, amount_credit: -2 * minuteOut },
      { cost_type: 'call_vn', count: 2, billable_units: 2, amount_token: -2 * minuteIn },
    ])
    expect(await admin.invoice.get({ id: invoice.id })).toEqual(invoice)
    const { location } = (await admin.invoice.file({ id: invoice.id })) as { location: string }
    const pdf = await fetch(location)
    expect(pdf.headers.get('content-type')).toBe('application/pdf')
    expect(await pdf.text()).toMatch(/^%PDF-/)
    for (const told of [() => events.frames, stage.told]) {
      await eventually(() => expect(storyOf(told(), invoice.id)).toEqual([expect.stringMatching(/^1 invoice_created/)]))
    }
    await eventually(async () =>
      expect(await balance()).toEqual({ balance_credit: closing_credit, balance_token: tokens }),
    )
  })

  test('a customer that is deleted leaves nothing behind', async () => {
    const { operator, receiver, mailbox } = stage
    const account = { username: '3000', password: 'extension password' }
    const extension = await admin.extension.create({ extension: account.username, password: account.password })
    const domain = `${extension.domain_name}.registrar.sidetone.localhost`
    const phone = await stage.phone({ ...account, domain })
    await phone.register()
    const destination = { ...tel(extension.id), type: 'extension' as const, target_name: account.username }
    await admin.call.create({ actions: [{ type: 'echo' }], destinations: [destination] })
    const talking = await phone.nextCall({ timeoutMs: patience })
    await talking.answer()

    await operator.customer.delete({ id: customerId })
    expect(await talking.ended).toMatchObject({ by: 'them' })
    for (const client of [admin, stage.api(key.token)]) await eventually(() => refused(client.customer.own(), 401))
    await refused(stage.login(email, password), 401)
    expect(await events.closed).toBe(4001)
    await eventually(() => expect(phone.register()).rejects.toMatchObject({ status: expect.any(Number) }))
    expect((await operator.customer.list({ page_size: 100 })).result.map(({ id }) => id)).not.toContain(customerId)

    const uri = { ...tel(`${account.username}@${domain}`), type: 'sip' as const }
    await refused(operator.call.create({ actions: answerAndHangUp, destinations: [uri] }), 400)

    // Whoever takes its number is called there, and nobody else hears of it.
    const heir = await startWebhookReceiver()
    await operator.webhook_endpoint.create({ uri: heir.url, event_types: ['call_*'] })
    const { id: call_flow_id } = await operator.flow.create({ name: 'heir', actions: answerAndHangUp })
    const number = { number: virtual.number, type: 'virtual' as const, name: 'heir', call_flow_id }
    await eventually(() => operator.number.create(number))
    const silentSince = receiver.received.length
    await (await callIn()).ended
    await eventually(() => expect(heir.received.map(({ body }) => JSON.parse(body).type)).toContain('call_hangup'))
    expect(receiver.received.slice(silentSince)).toEqual([])

    const kept = (await operator.audit_log.list_of({ customer_id: customerId })).result
    expect(kept.map(({ event_type }) => event_type)).toContain('customer_deleted')
    await refused(stage.api(key.token).audit_log.list_of({ customer_id: customerId }), 401)

    // Who signs up again begins anew.
    await stage.api().session.signup({ email, name: 'Stranger', accepted_tos: true })
    const { customer, accesskey } = await follow<SignedUp>(await mailbox.next(email))
    expect(customer.id).not.toBe(customerId)
    expect((await stage.api(accesskey.token).call.list()).result).toEqual([])
    await heir.close()
    await phone.close()
  })
}
