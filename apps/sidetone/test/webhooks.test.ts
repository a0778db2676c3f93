import { startWebhookReceiver } from '@sidetone/e2e'
import { Webhook } from 'standardwebhooks'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Running, startForTest } from './harness.ts'

type Receiver = Awaited<ReturnType<typeof startWebhookReceiver>>

let app: Running
let receivers: Receiver[]
beforeAll(async () => {
  receivers = []
  app = await startForTest({ RATE_LIMIT_IP: '0', RATE_LIMIT_CUSTOMER: '0' })
})
afterAll(async () => {
  for (const receiver of receivers) await receiver.close()
  await app.close()
})

async function receiver(): Promise<Receiver> {
  const started = await startWebhookReceiver()
  receivers.push(started)
  return started
}

const eventsOf = ({ received }: Receiver) =>
  received.map(({ body }) => JSON.parse(body) as { type: string; data: { name?: string } })
const setAddress = async (webhook_uri: string) => {
  const { name, email } = (await app.request('GET', '/v1.0/customer')).body
  const { status, text } = await app.request('PUT', '/v1.0/customer', { body: { name, email, webhook_uri } })
  expect(status, text).toBe(200)
}

test('an address that was just set gets the very next event, and the one before gets none any more', async () => {
  const both = [await receiver(), await receiver()]
  const names = () => both.map((at) => eventsOf(at).flatMap(({ data }) => data.name ?? []))
  for (let round = 0; round < 10; round++) {
    for (const { url } of both) {
      const before = names().flat().length
      await setAddress(url)
      await app.request('POST', '/v1.0/tags', { body: { name: url } })
      await expect.poll(() => names().flat()).toHaveLength(before + 1)
    }
  }
  expect(names()).toEqual(both.map(({ url }) => Array(10).fill(url)))
  await setAddress('')
  await app.request('POST', '/v1.0/tags', { body: { name: 'to nobody' } })
  await setAddress(both[0]!.url)
  await app.request('POST', '/v1.0/tags', { body: { name: 'to somebody' } })
  await expect.poll(() => names().flat().at(10)).toBe('to somebody')
})

test('an endpoint gets the events it wants, signed with its own secret, and tells what it got', async () => {
  const at = await receiver()
  const { body: endpoint } = await app.request('POST', '/v1.0/webhook_endpoints', {
    body: { uri: at.url, event_types: ['tag_*d'], name: 'tags' },
  })
  const secret = String(endpoint.secret)
  await app.request('POST', '/v1.0/flows', { body: { name: 'unwanted', actions: [{ type: 'answer' }] } })
  const { body: tag } = await app.request('POST', '/v1.0/tags', { body: { name: 'wanted' } })
  await app.request('DELETE', `/v1.0/tags/${tag.id}`)
  await expect.poll(() => eventsOf(at).map(({ type }) => type)).toEqual(['tag_created', 'tag_deleted'])
  for (const { body, headers } of at.received) new Webhook(secret).verify(body, headers)
  const path = `/v1.0/webhook_endpoints/${endpoint.id}`
  await expect
    .poll(async () => (await app.request('GET', `${path}/deliveries`)).body.result.map(({ status }) => status))
    .toEqual(['delivered', 'delivered'])
  expect((await app.request('GET', path)).text).not.toContain('whsec_')
})

test('who changed what can be read, with the request and the address that it came from', async () => {
  const headers = { 'X-Request-Id': 'audited-request' }
  const { body: tag } = await app.request('POST', '/v1.0/tags', { body: { name: 'audited' }, headers })
  const { body: key } = await app.request('POST', '/v1.0/accesskeys', { body: { name: 'audited' } })
  const audit = async (id: string) =>
    (await app.request('GET', `/v1.0/audit_logs?resource_id=${id}`)).body.result as unknown as Record<string, string>[]
  await expect.poll(async () => (await audit(key.id)).length).toBe(1)
  await expect
    .poll(() => audit(tag.id))
    .toMatchObject([
      {
        ...{ event_type: 'tag_created', resource: 'tag', actor_type: 'accesskey', request_id: 'audited-request' },
        address: expect.stringMatching(/^(::ffff:)?127\.0\.0\.1$/),
      },
    ])
  expect(JSON.stringify(await audit(key.id))).not.toContain(key.token)
})

test('logins are in the audit log, also those that failed', async () => {
  const login = (password: string) =>
    app.request('POST', '/auth/login', { token: '', body: { username: 'admin@localhost', password } })
  const { id } = (await app.request('GET', '/v1.0/agents')).body.result[0]!
  await login('wrong')
  await login('admin@localhost')
  const audited = async () => (await app.request('GET', `/v1.0/audit_logs?resource_id=${id}`)).body.result
  await expect
    .poll(async () => (await audited()).map(({ event_type, ...entry }) => [event_type, entry.actor_type]))
    .toEqual([
      ['agent_logged_in', 'anonymous'],
      ['agent_login_failed', 'anonymous'],
    ])
})
