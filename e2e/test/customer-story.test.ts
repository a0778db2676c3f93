import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createSidetone, type SidetoneError } from '@sidetone/sdk'
import { type Mailbox, startMailbox } from '@sidetone/testing'
import { Webhook } from 'standardwebhooks'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import {
  type Backing,
  createPhone,
  embedded,
  type Frame,
  findRealServices,
  openEvents,
  type Phone,
  type ReceivedWebhook,
  type SidetoneProcess,
  startSidetone,
  startWebhookReceiver,
} from '../src/index.ts'

const realServices = await findRealServices('the story of a customer on real services')

describe('embedded', () => customerStory(embedded))
describe.skipIf(!realServices)('on MariaDB, RabbitMQ and Redis', () => customerStory(realServices!))

type Api = ReturnType<typeof createSidetone>

const nil = '00000000-0000-0000-0000-000000000000'
const email = 'stranger@example.com'
const password = 'correct horse battery'
const ownNumber = '+12125550111'
const abroad = '+442079460000'
const described = { target_name: '', name: '', detail: '' }
const tel = (target: string) => ({ type: 'tel' as const, target, ...described })
/** Milliseconds. */
const patience = 60_000
vi.setConfig({ testTimeout: patience, hookTimeout: patience })

/** Micros of a US dollar. */
const [topUp, minute] = [1_000_000, 10_000]

/** Steps of one story: each goes on where the one before ended. */
function customerStory(prepare: () => Promise<Backing>) {
  let backing: Backing
  let dataDir: string
  let mailbox: Mailbox
  let sidetone: SidetoneProcess
  let operator: Api
  let carrier: Phone
  let receiver: Awaited<ReturnType<typeof startWebhookReceiver>>
  let events: Awaited<ReturnType<typeof openEvents>>
  let secret: string
  let customerId: string
  let key: { id: string; token: string }
  let firstKeyId: string
  let admin: Api
  let flowId: string
  let virtual: { id: string; number: string }

  const api = (withToken?: string) =>
    createSidetone({ baseUrl: sidetone.url, ...(withToken !== undefined && { token: withToken }) })
  const login = async (username: string, withPassword: string) => {
    const answer = await api().session.login({ username, password: withPassword })
    return answer.token
  }
  const start = async (aheadMs?: number) => {
    const env = { ...backing.env, SMTP_URL: mailbox.url }
    sidetone = await startSidetone({ env, dataDir, ...(aheadMs !== undefined && { aheadMs }) })
    operator = api(await login('admin@localhost', 'admin@localhost'))
    carrier = await createPhone({ server: { host: sidetone.host, port: sidetone.sipPort }, username: 'carrier' })
  }
  const bodies = (): Frame[] => receiver.received.map(({ body }) => JSON.parse(body) as Frame)
  const callOut = (number: string) =>
    admin.call.create({ flow_id: flowId, source: tel(ownNumber), destinations: [tel(number)] })
  const callIn = () =>
    carrier.call(`sip:${virtual.number}@${sidetone.host}`, { from: 'sip:+12125550123@carrier.example' })
  const charges = async () =>
    (await admin.billing.list({ page_size: 100 })).result.filter(({ transaction_type }) => transaction_type === 'usage')

  beforeAll(async () => {
    backing = await prepare()
    dataDir = await mkdtemp(join(tmpdir(), 'sidetone-story-'))
    mailbox = await startMailbox()
    receiver = await startWebhookReceiver()
    await start()
  })
  afterAll(async () => {
    events?.close()
    await carrier?.close()
    await receiver?.close()
    await sidetone?.stop()
    await mailbox?.close()
    await backing?.remove()
    await rm(dataDir, { recursive: true, force: true })
  })

  test('a stranger signs up, follows the links in the mails, sets a password and logs in', async () => {
    await api().session.signup({ email, name: 'Stranger', accepted_tos: true })
    const made = (await follow(await mailbox.next(email), {})) as {
      customer: { id: string; email_verified: boolean }
      accesskey: { id: string; token: string }
    }
    expect(made.customer.email_verified).toBe(true)
    customerId = made.customer.id
    key = made.accesskey
    await refused(login(email, password), 401)
    await follow(await mailbox.next(email), { password })
    admin = api(await login(email, password))
    expect(await admin.agent.me()).toMatchObject({ username: email, customer_id: customerId, permission: 32 })
  })

  test('makes a webhook endpoint, whose signatures fit, and opens a stream', async () => {
    events = await openEvents({ url: sidetone.url, accesskey: key.token, customerId })
    const endpoint = await api(key.token).webhook_endpoint.create({ uri: receiver.url, event_types: told })
    secret = endpoint.secret
    expect(await admin.webhook_endpoint.ping({ id: endpoint.id })).toMatchObject({ accepted: true, status_code: 204 })
    verify(receiver.received, secret)
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
    const error = await refused(admin.flow.create(flow('a while')), 400)
    expect(error.details).toMatchObject([{ field: 'actions.1.option.duration' }])
    flowId = (await admin.flow.create(flow(3_000))).id
    const simulation = await admin.flow.simulate({ id: flowId })
    expect(simulation.status).toBe('ended')
    expect(simulation.trace.flatMap(({ type, action }) => (type === 'action' ? action!.type : []))).toEqual([
      ...['answer', 'echo', 'hangup'],
    ])
  })

  test('finds a virtual number, takes it, and nobody else can', async () => {
    const [found] = (await admin.available_number.search({ type: 'virtual' })).result
    const wanted = { number: found!.number, type: 'virtual' as const, name: 'echo', call_flow_id: flowId }
    virtual = await admin.number.create(wanted)
    const taken = { ...wanted, call_flow_id: nil }
    expect(await refused(operator.number.create(taken), 409)).toMatchObject({ reason: 'NUMBER_ALREADY_EXISTS' })
  })

  test('calls nobody without money, nor to a country that it has not allowed', async () => {
    const fields = { type: 'sip' as const, hostname: `127.0.0.1:${carrier.port}`, tech_prefix: '', tech_postfix: '' }
    const rest = { tech_headers: {}, codecs: 'PCMU', username: '', password: '', name: 'carrier', detail: '' }
    const provider = await operator.provider.create({ ...fields, ...rest })
    const everyone = { customer_id: nil, name: 'default', detail: '', target: 'all', priority: 1 }
    await operator.route.create({ ...everyone, provider_id: provider.id })
    await operator.number.register({ customer_id: customerId, number: ownNumber, name: 'own', call_flow_id: flowId })
    await admin.outbound_config.update_own({ destination_whitelist: ['us'] })
    expect(await refused(callOut('+12125550100'), 402)).toMatchObject({ reason: 'BALANCE_INSUFFICIENT' })
    const account = await admin.billing_account.own()
    await operator.billing_account.balance_add_force({ id: account.id, balance: topUp / 1_000_000 })
    expect(await refused(callOut(abroad), 403)).toMatchObject({ reason: 'COUNTRY_NOT_ALLOWED' })
    expect(await charges()).toEqual([])
  })

  test('calls out: the carrier hears itself, the call ends, and is charged once', async () => {
    const { calls } = await callOut('+12125550100')
    const call = await carrier.nextCall({ timeoutMs: patience })
    await call.answer()
    await Promise.all([call.play({ frequency: 700, durationMs: 2_000 }), call.waitForTone(700, { timeoutMs: 20_000 })])
    expect(await call.ended).toMatchObject({ by: 'them' })
    const charged = await eventually(async () => {
      const usage = await charges()
      expect(usage).toMatchObject([{ status: 'end', amount_credit: -minute }])
      return usage
    })
    expect(charged).toMatchObject([
      { reference_type: 'call', reference_id: calls[0]!.id, cost_type: 'call_pstn_outgoing', billable_units: 1 },
    ])
    const ledger = (await admin.billing.list({ page_size: 100 })).result
    const { balance_credit, balance_token } = await admin.billing_account.own()
    expect(balance_credit).toBe(topUp - minute)
    expect(sum(ledger.map(({ amount_credit }) => amount_credit))).toBe(balance_credit)
    expect(sum(ledger.map(({ amount_token }) => amount_token))).toBe(balance_token)
    await eventually(() => expect(bodies().map(({ type }) => type)).toContain('billing_account_balance_low'))
  })

  test('an endpoint that was given up gets what it missed when it is back', async () => {
    let gone = true
    const second = await startWebhookReceiver(() => (gone ? 410 : 204))
    const endpoint = await admin.webhook_endpoint.create({ uri: second.url, event_types: ['tag_*'] })
    const { id } = endpoint
    const since = new Date(Date.now() - 60_000).toISOString()
    const tag = await admin.tag.create({ name: 'missed' })
    await eventually(() => expect(bodies().map(({ type }) => type)).toContain('webhook_endpoint_disabled'))
    expect((await admin.webhook_endpoint.get({ id })).status).toBe('failed')
    expect((await admin.webhook_delivery.list({ id, status: 'failed' })).result).toHaveLength(1)
    expect(second.received).toEqual([])
    gone = false
    await admin.webhook_endpoint.update({ id, uri: second.url, event_types: ['tag_*'] })
    expect(await admin.webhook_delivery.replay_failed({ id, since })).toEqual({ count: 1 })
    await eventually(() => expect(second.received).toHaveLength(1))
    expect(verify(second.received, endpoint.secret)).toMatchObject([{ type: 'tag_created', resource_id: tag.id }])
    await admin.webhook_endpoint.delete({ id })
    await second.close()
  })

  test('who has fewer rights is refused, and a key that is revoked stops working', async () => {
    const fields = { name: 'Agent', username: 'agent@example.com', password: 'agent password' }
    await admin.agent.create({ ...fields, permission: 16 })
    const agent = api(await login(fields.username, fields.password))
    expect(await agent.agent.me()).toMatchObject({ permission: 16 })
    for (const attempt of [
      agent.billing.list(),
      agent.number.list(),
      agent.agent.create({ ...fields, permission: 32 }),
    ]) {
      expect(await refused(attempt, 403)).toMatchObject({ reason: 'PERMISSION_DENIED' })
    }
    firstKeyId = key.id
    await admin.accesskey.delete({ id: firstKeyId })
    await eventually(() => refused(api(key.token).customer.own(), 401), 15_000)
    expect(await events.closed).toBe(4001)
    const fresh = await admin.accesskey.create({ name: 'fresh' })
    key = { id: fresh.id, token: fresh.token! }
    const cursor = events.frames.at(-1)!.cursor
    const before = events.frames
    events = await openEvents({ url: sidetone.url, accesskey: key.token, customerId, cursor })
    events.frames.unshift(...before)
  })

  test('a freeze ends the calls and refuses requests; the recovery takes it back', async () => {
    const incoming = await callIn()
    await incoming.answered
    await callOut('+12125550100')
    const outgoing = await carrier.nextCall({ timeoutMs: patience })
    await outgoing.answer()
    await operator.customer.freeze({ id: customerId })
    expect(await incoming.ended).toMatchObject({ by: 'them' })
    expect(await outgoing.ended).toMatchObject({ by: 'them' })
    expect(await refused(callOut('+12125550100'), 403)).toMatchObject({ reason: 'CUSTOMER_NOT_ACTIVE' })
    expect(await eventually(() => refused(api(key.token).tag.list(), 403))).toMatchObject({ reason: 'ACCOUNT_FROZEN' })
    const turnedAway = await callIn()
    await expect(turnedAway.answered).rejects.toMatchObject({ status: expect.toSatisfy((status) => status >= 400) })
    await operator.customer.recover({ id: customerId })
    await eventually(() => admin.tag.list())
    const again = await callIn()
    await again.answered
    await again.hangup()
    await eventually(async () => expect(await charges()).toMatchObject(Array(4).fill({ status: 'end' })))
  })

  test('WebSocket and webhooks tell the same, and each leg has ended once', async () => {
    const legs = async () => {
      const { result } = await admin.call.list({ page_size: 100 })
      expect(result.map(({ status }) => status)).toEqual(result.map(() => 'hangup'))
      return result.map(({ id }) => id)
    }
    const ids = await eventually(legs)
    const hangups = (all: Frame[]) => all.filter(({ type }) => type === 'call_hangup').map((frame) => frame.resource_id)
    await eventually(() => expect(hangups(events.frames).sort()).toEqual([...ids].sort()))
    await eventually(() => expect(hangups(bodies()).sort()).toEqual([...ids].sort()))
    const story = (all: Frame[], id: string) =>
      all.filter(({ resource_id }) => resource_id === id).map(({ type, sequence, id }) => `${sequence} ${type} ${id}`)
    verify(receiver.received, secret)
    for (const id of [...ids, virtual.id]) expect(story(bodies(), id)).toEqual(story(events.frames, id))
  })

  test('the audit log says who did what', async () => {
    const { id: agentId } = await admin.agent.me()
    const { id: operatorId } = await operator.agent.me()
    const entries = async () => (await admin.audit_log.list({ page_size: 100 })).result
    await eventually(async () => {
      const told = (await entries()).map((entry) => `${entry.event_type} by ${entry.actor_type} ${entry.actor_id}`)
      expect(told).toEqual(
        expect.arrayContaining([
          `customer_created by anonymous ${nil}`,
          `agent_logged_in by anonymous ${nil}`,
          `webhook_endpoint_created by accesskey ${firstKeyId}`,
          `flow_created by agent ${agentId}`,
          `billing_created by platform_admin ${operatorId}`,
          `accesskey_deleted by agent ${agentId}`,
          `customer_frozen by platform_admin ${operatorId}`,
          `customer_recovered by platform_admin ${operatorId}`,
        ]),
      )
    })
  })

  test('the month is invoiced when it is over, as data and as a document', async () => {
    const before = await admin.billing_account.own()
    events.close()
    await carrier.close()
    expect(await sidetone.stop()).toBe(0)
    const [year, month] = [new Date().getUTCFullYear(), new Date().getUTCMonth()]
    await start(Date.UTC(year, month + 1, 1, 2) - Date.now())
    admin = api(await login(email, password))
    const invoice = await eventually(async () => {
      const { result } = await admin.invoice.list()
      expect(result).toHaveLength(1)
      return result[0]!
    })
    const { balance_credit: closing_credit } = before
    expect(invoice).toMatchObject({ period: new Date().toISOString().slice(0, 7), opening_credit: 0, closing_credit })
    expect(sum(invoice.lines.map(({ amount_credit }) => amount_credit))).toBe(closing_credit)
    expect(invoice.lines.filter(({ cost_type }) => cost_type === 'call_pstn_outgoing')).toMatchObject([
      { count: 2, billable_units: 2, amount_credit: -2 * minute },
    ])
    expect(await admin.invoice.get({ id: invoice.id })).toEqual(invoice)
    const { location } = (await admin.invoice.file({ id: invoice.id })) as { location: string }
    const pdf = await fetch(location)
    expect(pdf.headers.get('content-type')).toBe('application/pdf')
    expect(
      Buffer.from(await pdf.arrayBuffer())
        .subarray(0, 5)
        .toString(),
    ).toBe('%PDF-')
  })

  test('a customer that is deleted leaves nothing behind', async () => {
    const extension = await admin.extension.create({ extension: '3000', password: 'extension password' })
    const account = { username: extension.extension, password: 'extension password' }
    const domain = `${extension.domain_name}.registrar.sidetone.localhost`
    const phone = await createPhone({ server: { host: sidetone.host, port: sidetone.sipPort }, ...account, domain })
    await phone.register()
    await operator.customer.delete({ id: customerId })
    await eventually(() => refused(admin.customer.own(), 401), 15_000)
    await refused(api(key.token).customer.own(), 401)
    await refused(login(email, password), 401)
    await eventually(() => expect(phone.register()).rejects.toMatchObject({ status: expect.any(Number) }))
    expect((await operator.customer.list({ page_size: 100 })).result.map(({ id }) => id)).not.toContain(customerId)

    // Whoever takes the number gets its calls, and nobody else hears of them.
    const heir = await startWebhookReceiver()
    await operator.webhook_endpoint.create({ uri: heir.url, event_types: ['call_*'] })
    const flow = await operator.flow.create({ name: 'heir', actions: [{ type: 'answer' }, { type: 'hangup' }] })
    const number = { number: virtual.number, type: 'virtual' as const, name: 'heir', call_flow_id: flow.id }
    await eventually(() => operator.number.create(number))
    const silentSince = receiver.received.length
    const call = await callIn()
    await call.answered
    await call.ended
    await eventually(() => expect(heir.received.map(({ body }) => JSON.parse(body).type)).toContain('call_hangup'))
    expect(receiver.received.slice(silentSince)).toEqual([])
    await api().session.signup({ email, name: 'Stranger', accepted_tos: true })
    expect(await mailbox.next(email)).toMatchObject({ subject: 'Confirm your e-mail address' })
    await heir.close()
    await phone.close()
  })
}

const told = ['call_*', 'number_*', 'billing_account_*', 'invoice_*', 'webhook_endpoint_disabled']

const eventually = <T>(look: () => T | Promise<T>, timeout = 20_000) => vi.waitFor(look, { timeout, interval: 100 })
const sum = (amounts: number[]) => amounts.reduce((total, amount) => total + amount, 0)

const verify = (received: ReceivedWebhook[], secret: string) =>
  received.map(({ body, headers }) => new Webhook(secret).verify(body, headers) as Frame)

/** The error that an attempt is refused with. */
async function refused(attempt: Promise<unknown>, httpStatus: number): Promise<SidetoneError> {
  const error = await attempt.then(
    () => undefined,
    (thrown: SidetoneError) => thrown,
  )
  expect(error).toMatchObject({ httpStatus })
  return error!
}

/** Does what a browser does with a mailed link: opens the page, and sends what its form asks for. */
async function follow({ text }: { text: string }, form: object): Promise<unknown> {
  const link = new URL(/http\S+/.exec(text)![0])
  const page = await fetch(link)
  expect([page.status, await page.text()]).toEqual([200, expect.stringContaining('<form')])
  const body = JSON.stringify({ token: link.searchParams.get('token'), ...form })
  const headers = { 'Content-Type': 'application/json' }
  const answer = await fetch(new URL(link.pathname, link), { method: 'POST', headers, body })
  expect(answer.status).toBe(200)
  return answer.json()
}
