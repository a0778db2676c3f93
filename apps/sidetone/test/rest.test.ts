import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Running, startForTest } from './harness.ts'

let app: Running
beforeAll(async () => {
  app = await startForTest()
})
afterAll(() => app.close())

const nil = '00000000-0000-0000-0000-000000000000'

describe('logging in', () => {
  test('the seeded login gives a token that works as header and as query', async () => {
    const { status, body } = await app.request('POST', '/auth/login', {
      token: '',
      body: { username: 'admin@localhost', password: 'admin@localhost' },
    })
    expect(status).toBe(200)
    expect((await app.request('GET', '/v1.0/me', { token: body.token })).body.username).toBe('admin@localhost')
    expect((await app.request('GET', `/v1.0/me?token=${body.token}`, { token: '' })).status).toBe(200)
  })

  test('a wrong password and an unknown user read the same', async () => {
    const wrong = await app.request('POST', '/auth/login', {
      token: '',
      body: { username: 'admin@localhost', password: 'nope nope' },
    })
    const unknown = await app.request('POST', '/auth/login', {
      token: '',
      body: { username: 'who@localhost', password: 'nope nope' },
    })
    expect([wrong.status, unknown.status]).toEqual([401, 401])
    expect(wrong.body.error.reason).toBe('INVALID_CREDENTIALS')
    expect(wrong.body.error.message).toBe(unknown.body.error.message)
  })
})

describe('credentials', () => {
  test('none, a wrong one and a revoked one are 401', async () => {
    expect((await app.request('GET', '/v1.0/tags', { token: '' })).body.error.reason).toBe('AUTHENTICATION_REQUIRED')
    expect((await app.request('GET', '/v1.0/tags', { token: 'st_nothing' })).body.error.reason).toBe(
      'INVALID_CREDENTIALS',
    )
    expect((await app.request('GET', '/v1.0/tags', { token: 'a.b.c' })).status).toBe(401)
    const { body: key } = await app.request('POST', '/v1.0/accesskeys', { body: { name: 'short-lived', detail: '' } })
    await app.request('DELETE', `/v1.0/accesskeys/${key.id}`)
    expect((await app.request('GET', '/v1.0/tags', { token: key.token })).status).toBe(401)
  })

  test('an access key works in the query, and its secret is shown once', async () => {
    const { body: key } = await app.request('POST', '/v1.0/accesskeys', {
      body: { name: 'mine', detail: '', expire: 86400 },
    })
    expect(key.token.startsWith(key.token_prefix)).toBe(true)
    expect((await app.request('GET', `/v1.0/tags?accesskey=${key.token}`, { token: '' })).status).toBe(200)
    const { body: again } = await app.request('GET', `/v1.0/accesskeys/${key.id}`)
    expect(again).not.toHaveProperty('token')
    expect(again).not.toHaveProperty('token_hash')
  })

  test('an agent without the permission gets 403, and nobody grants what they lack', async () => {
    const agent = (username: string, permission: number) => ({
      username,
      password: 'long enough',
      name: 'A',
      detail: '',
      ring_method: 'ringall',
      permission,
      tag_ids: [],
      addresses: [],
    })
    expect((await app.request('POST', '/v1.0/agents', { body: agent('plain@example.com', 16) })).status).toBe(200)
    const { body: login } = await app.request('POST', '/auth/login', {
      token: '',
      body: { username: 'plain@example.com', password: 'long enough' },
    })
    expect((await app.request('GET', '/v1.0/tags', { token: login.token })).body.error.reason).toBe('PERMISSION_DENIED')
    const greedy = await app.request('POST', '/v1.0/agents', { body: agent('super@example.com', 1) })
    expect([greedy.status, greedy.body.error.reason]).toEqual([403, 'PERMISSION_NOT_HELD'])
  })
})

describe('what is wrong gets an error that names the field and the fix', () => {
  const cases: [string, string, string, unknown, string, number][] = [
    ['a body that is not JSON', 'POST', '/v1.0/tags', '{"name":', 'body', 400],
    ['a body that is a list', 'POST', '/v1.0/tags', [], 'body', 400],
    ['a missing field', 'POST', '/v1.0/tags', { detail: 'x' }, 'name', 400],
    ['a wrong type', 'POST', '/v1.0/tags', { name: 7 }, 'name', 400],
    ['an unknown field', 'POST', '/v1.0/tags', { name: 'x', colour: 'red' }, 'colour', 400],
    ['a text that is too long', 'POST', '/v1.0/tags', { name: 'x'.repeat(256) }, 'name', 400],
    [
      'an enum value that there is not',
      'PUT',
      '/v1.0/customer',
      { name: 'x', email: 'a@b.co', webhook_method: 'SEND' },
      'webhook_method',
      400,
    ],
    ['an id that is none', 'GET', '/v1.0/tags/7', undefined, 'id', 400],
    ['a page size out of range', 'GET', '/v1.0/tags?page_size=1000', undefined, 'page_size', 400],
    ['a page size that is no number', 'GET', '/v1.0/tags?page_size=many', undefined, 'page_size', 400],
    ['a page token of our own making', 'GET', '/v1.0/tags?page_token=xyz', undefined, 'page_token', 400],
    [
      'a number that is not E.164',
      'POST',
      '/v1.0/numbers',
      { number: '555', call_flow_id: nil, message_flow_id: nil, name: '', detail: '' },
      'number',
      400,
    ],
    [
      'a flow that does not exist',
      'POST',
      '/v1.0/numbers',
      { number: '+15550199999', call_flow_id: crypto.randomUUID(), message_flow_id: nil, name: '', detail: '' },
      'call_flow_id',
      400,
    ],
    ['a body that is too large', 'POST', '/v1.0/tags', { name: 'x', detail: 'y'.repeat(2_000_000) }, 'body', 413],
    [
      'a webhook URL that leads inside',
      'PUT',
      '/v1.0/customer',
      { name: 'x', email: 'admin@localhost.test', webhook_method: 'POST', webhook_uri: 'http://10.0.0.1/' },
      'webhook_uri',
      400,
    ],
  ]
  test.each(cases)('%s', async (_, method, path, body, field, status) => {
    const answer = await app.request(method, path, { body })
    expect(answer.status).toBe(status)
    expect(answer.body.error.message).toContain(field)
    expect(answer.body.error.details?.[0]?.field).toContain(field)
    expect(answer.body.error.request_id).toBe(answer.headers.get('x-request-id'))
  })

  test('an unknown route and another customer’s id are 404', async () => {
    expect((await app.request('GET', '/v1.0/nothing')).body.error.reason).toBe('ROUTE_NOT_FOUND')
    expect((await app.request('GET', `/v1.0/tags/${crypto.randomUUID()}`)).body.error.reason).toBe('TAG_NOT_FOUND')
  })

  test('a second number of the same digits is a 409', async () => {
    const body = { number: '+15550100000', call_flow_id: nil, message_flow_id: nil, name: '', detail: '' }
    expect((await app.request('POST', '/v1.0/numbers', { body })).body.error.reason).toBe('NUMBER_ALREADY_EXISTS')
  })
})

describe('lists', () => {
  test('pages neither repeat nor skip, and the last one has no token', async () => {
    for (let n = 0; n < 7; n += 1) await app.request('POST', '/v1.0/tags', { body: { name: `page ${n}`, detail: '' } })
    const seen: string[] = []
    let token = ''
    do {
      const { body } = await app.request(
        'GET',
        `/v1.0/tags?page_size=3${token && `&page_token=${encodeURIComponent(token)}`}`,
      )
      seen.push(...body.result.map((tag) => tag.id))
      token = body.next_page_token
    } while (token !== '')
    expect(new Set(seen).size).toBe(seen.length)
    expect(seen.length).toBeGreaterThanOrEqual(7)
  })
})

describe('Idempotency-Key', () => {
  const create = (key: string, name: string) =>
    app.request('POST', '/v1.0/tags', { body: { name, detail: '' }, headers: { 'Idempotency-Key': key } })

  test('a repeated POST answers with the first result and creates nothing', async () => {
    const [first, second] = [await create('k-1', 'once'), await create('k-1', 'once')]
    expect(second.body).toEqual(first.body)
    const { body } = await app.request('GET', '/v1.0/tags')
    expect(body.result.filter((tag) => tag.name === 'once')).toHaveLength(1)
  })

  test('two at the same time create one', async () => {
    const answers = await Promise.all(Array.from({ length: 5 }, () => create('k-2', 'together')))
    expect(new Set(answers.map(({ body }) => body.id)).size).toBe(1)
  })

  test('the same key for another request is refused', async () => {
    await create('k-3', 'one')
    expect((await create('k-3', 'other')).body.error.reason).toBe('IDEMPOTENCY_KEY_REUSED')
  })
})

test('secrets of extensions stay usable and hashes stay inside', async () => {
  const { body } = await app.request('GET', '/v1.0/extensions?page_size=1')
  expect(body.result[0]).toHaveProperty('password')
  expect(body.result[0]).not.toHaveProperty('ha1_md5')
  expect(body.result[0]).not.toHaveProperty('address')
})

test('the documents and the health checks are there', async () => {
  expect((await app.request('GET', '/openapi.json', { token: '' })).body.openapi).toBe('3.1.0')
  expect((await app.request('GET', '/asyncapi.json', { token: '' })).body.asyncapi).toBe('3.0.0')
  expect((await app.request('GET', '/docs', { token: '' })).text).toContain('/openapi.json')
  expect((await app.request('GET', '/health', { token: '' })).body).toMatchObject({
    status: 'ok',
    version: expect.any(String),
  })
  expect((await app.request('GET', '/ready', { token: '' })).body).toEqual({ status: 'ready' })
  expect((await app.request('GET', '/metrics', { token: '' })).text).toContain('rpc_server_seconds')
})
