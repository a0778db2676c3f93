import { Agent, type IncomingHttpHeaders, request } from 'node:http'
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { startSidetone } from '@sidetone/e2e'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

const nil = '00000000-0000-0000-0000-000000000000'

let sidetone: Awaited<ReturnType<typeof startSidetone>>
let bearer: string
beforeAll(async () => {
  sidetone = await startSidetone({
    env: { RATE_LIMIT_AUTH: '4', RATE_LIMIT_CUSTOMER: '120', MAX_BODY_BYTES: '20000' },
  })
  bearer = `Bearer ${sidetone.accesskey}`
})
afterAll(() => sidetone?.stop())

interface Answer {
  status: number
  headers: IncomingHttpHeaders
  text: string
  // biome-ignore lint/suspicious/noExplicitAny: what a test expects of an answer is written beside it
  body: any
}

/** Sends exactly this; credentials only when given. */
function ask(
  method: string,
  path: string,
  {
    headers = {},
    body,
    chunked = false,
  }: { headers?: Record<string, string>; body?: string | undefined; chunked?: boolean } = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const framing = body === undefined || chunked ? {} : { 'content-length': String(Buffer.byteLength(body)) }
    const asked = request(
      sidetone.url + path,
      { method, headers: { ...framing, ...headers }, agent: new Agent() },
      (response) => {
        let text = ''
        response.on('data', (chunk) => {
          text += chunk
        })
        response.on('end', () =>
          resolve({ status: response.statusCode!, headers: response.headers, text, body: parse(text) }),
        )
      },
    )
    asked.on('error', reject)
    asked.end(body)
  })
}

const parse = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

const asAdmin = (headers: Record<string, string> = {}) => ({ authorization: bearer, ...headers })
const postTag = (fields: object, headers: Record<string, string> = {}) =>
  ask('POST', '/v1.0/tags', { headers: asAdmin(headers), body: JSON.stringify(fields) })

/** Writes bytes to a connection of its own and collects what comes back until it closes or is quiet. */
async function raw(text: string, { quietMs = 300 } = {}): Promise<string> {
  const socket = connect(Number(new URL(sidetone.url).port), '127.0.0.1')
  let answer = ''
  socket.on('data', (chunk) => {
    answer += chunk
  })
  socket.on('error', () => {})
  socket.write(text)
  for (let length = -1; length !== answer.length || answer === ''; ) {
    length = answer.length
    await sleep(quietMs)
  }
  socket.destroy()
  return answer
}

describe('the request id', () => {
  test('is the caller’s when it is usable, in the header and in the error', async () => {
    const answer = await ask('GET', '/v1.0/nothing', { headers: asAdmin({ 'x-request-id': 'mine_1-A' }) })
    expect(answer.headers['x-request-id']).toBe('mine_1-A')
    expect(answer.body.error).toMatchObject({ status: 'NOT_FOUND', reason: 'ROUTE_NOT_FOUND', request_id: 'mine_1-A' })
  })

  test('is a new one when the caller’s could spoil a log line, or there is none', async () => {
    const given = ['', 'two words', 'x'.repeat(65), '{"a":1}']
    const answers = await Promise.all(
      given.map((id) => ask('GET', '/ping', { headers: id ? { 'x-request-id': id } : {} })),
    )
    const ids = answers.map(({ headers }) => headers['x-request-id'] as string)
    for (const id of ids) expect(id).toMatch(/^req_[a-z2-7]{26}$/)
    expect(new Set(ids).size).toBe(ids.length)
  })
})

describe('browsers of other sites', () => {
  test('may ask beforehand, without credentials', async () => {
    const { status, headers } = await ask('OPTIONS', '/v1.0/tags', {
      headers: {
        origin: 'https://app.example.com',
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'authorization,idempotency-key',
      },
    })
    expect(status).toBe(204)
    expect(headers['access-control-allow-origin']).toBe('*')
    expect(headers['access-control-allow-methods']).toMatch(/POST.*PUT.*DELETE/)
    expect(headers['access-control-allow-headers']?.toLowerCase()).toMatch(/authorization.*idempotency-key/)
    expect(headers['access-control-allow-credentials']).toBeUndefined()
  })

  test('can read answers, also errors and their ids', async () => {
    for (const path of ['/v1.0/tags', '/v1.0/nothing', '/ping']) {
      const { headers } = await ask('GET', path, { headers: { origin: 'https://app.example.com' } })
      expect(headers['access-control-allow-origin']).toBe('*')
      expect(headers['access-control-expose-headers']).toMatch(/X-Request-Id.*Retry-After/)
    }
  })
})

describe('credentials', () => {
  const tags = (query: string, headers: Record<string, string>) => ask('GET', `/v1.0/tags${query}`, { headers })

  test('are taken from cookie, query or header, in this order', async () => {
    const key = sidetone.accesskey
    expect((await tags('', { authorization: bearer })).status).toBe(200)
    expect((await tags('', { authorization: `bearer ${key}` })).status).toBe(200)
    expect((await tags(`?token=${key}`, {})).status).toBe(200)
    expect((await tags(`?accesskey=${key}`, {})).status).toBe(200)
    expect((await tags('', { cookie: `a=b; token=${key}` })).status).toBe(200)
    expect((await tags(`?token=${key}`, { cookie: 'token=wrong' })).status).toBe(401)
    expect((await tags('?token=wrong', { authorization: bearer })).status).toBe(401)
  })

  test('that are empty count as not given', async () => {
    expect((await tags('?token=', { authorization: bearer, cookie: 'token=' })).status).toBe(200)
    expect((await tags('?accesskey=', {})).body.error.reason).toBe('AUTHENTICATION_REQUIRED')
  })

  test('of another kind, and far too long ones, are refused', async () => {
    expect((await tags('', { authorization: 'Basic YTpi' })).body.error.reason).toBe('AUTHENTICATION_REQUIRED')
    expect((await tags('', { authorization: `Bearer ${'x'.repeat(9_000)}` })).body.error.reason).toBe(
      'INVALID_CREDENTIALS',
    )
  })
})

describe('bodies', () => {
  test('that are too large are refused, announced or not', async () => {
    const body = JSON.stringify({ name: 'x', detail: 'y'.repeat(20_000) })
    for (const chunked of [false, true]) {
      const answer = await ask('POST', '/v1.0/tags', { headers: asAdmin(), body, chunked })
      expect(answer.status).toBe(413)
      expect(answer.body.error).toMatchObject({ reason: 'PAYLOAD_TOO_LARGE', details: [{ field: 'body' }] })
    }
  })

  test('in chunks are read as a whole', async () => {
    const body = JSON.stringify({ name: 'chunked' })
    expect((await ask('POST', '/v1.0/tags', { headers: asAdmin(), body, chunked: true })).status).toBe(200)
  })

  test('nested deeper than anything real are refused', async () => {
    for (const option of [
      `${'['.repeat(9_000)}${']'.repeat(9_000)}`,
      `${'{"a":'.repeat(3_000)}1${'}'.repeat(3_000)}`,
    ]) {
      const body = `{"name":"deep","actions":[{"type":"talk","option":{"text":${option}}}]}`
      const answer = await ask('POST', '/v1.0/flows', { headers: asAdmin(), body })
      expect([answer.status, answer.body.error.details[0].field]).toEqual([400, 'body'])
    }
  })

  test('that end before or after their announced length do no harm', async () => {
    const head = `POST /v1.0/tags HTTP/1.1\r\nHost: x\r\nAuthorization: ${bearer}\r\n`
    expect(await raw(`${head}Content-Length: 5\r\n\r\n{"name":"x"}`)).toMatch(/^HTTP\/1\.1 400 /)
    const cut = connect(Number(new URL(sidetone.url).port), '127.0.0.1')
    cut.write(`${head}Content-Length: 500\r\n\r\n{"name":`)
    await sleep(100)
    cut.resetAndDestroy()
    await sleep(100)
    expect((await ask('GET', '/ready')).status).toBe(200)
    expect(sidetone.output()).not.toContain('request failed')
  })
})

describe('Idempotency-Key', () => {
  test('of other characters is refused, naming it', async () => {
    for (const key of ['two words', 'é', 'x'.repeat(256)]) {
      const answer = await postTag({ name: 'x' }, { 'idempotency-key': key })
      expect([answer.status, answer.body.error.details[0].field]).toEqual([400, 'Idempotency-Key'])
    }
  })

  test('repeats an error that is final', async () => {
    const number = { number: '+15550100000', name: 'taken' }
    const create = (fields: object) =>
      ask('POST', '/v1.0/numbers', { headers: asAdmin({ 'idempotency-key': 'n-1' }), body: JSON.stringify(fields) })
    const [first, second] = [await create(number), await create(number)]
    expect([first.status, second.status]).toEqual([409, 409])
    expect(second.body.error.reason).toBe(first.body.error.reason)
    expect((await create({ ...number, name: 'other' })).body.error.reason).toBe('IDEMPOTENCY_KEY_REUSED')
  })

  test('of a request that was not valid can be used for the one that is', async () => {
    expect((await postTag({}, { 'idempotency-key': 'v-1' })).status).toBe(400)
    expect((await postTag({ name: 'x' }, { 'idempotency-key': 'v-1' })).status).toBe(200)
  })
})

describe('methods', () => {
  test('HEAD is GET without a body, an unknown one is no route', async () => {
    const head = await ask('HEAD', '/v1.0/tags', { headers: asAdmin() })
    expect([head.status, head.text]).toEqual([200, ''])
    for (const method of ['PATCH', 'DELETE', 'TRACE']) {
      const answer = await ask(method, '/v1.0/tags', { headers: asAdmin() })
      expect([answer.status, answer.body.error.reason]).toEqual([404, 'ROUTE_NOT_FOUND'])
    }
  })

  test('a client that offers h2c, as curl --http2 and Java do, is answered as ever', async () => {
    const h2c = { connection: 'Upgrade, HTTP2-Settings', upgrade: 'h2c', 'http2-settings': 'AAMAAABkAAQCAAAAAAIAAAAA' }
    expect((await ask('GET', '/v1.0/tags', { headers: asAdmin(h2c) })).status).toBe(200)
  })
})

describe('limits', () => {
  test('guessing passwords is slowed down', async () => {
    const guess = (n: number) =>
      ask('POST', '/auth/login', { body: JSON.stringify({ username: 'who@localhost', password: `guess number ${n}` }) })
    const answers = await Promise.all([1, 2, 3, 4, 5].map(guess))
    expect(answers.map(({ status }) => status).sort()).toEqual([401, 401, 401, 401, 429])
    const refused = answers.find(({ status }) => status === 429)!
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(10)
    expect(refused.body.error.details[0]).toMatchObject({ limited_by: 'ip' })
  })

  // Last: it uses up what the customer has.
  test('a customer sees what is left, and when to come back', async () => {
    const first = await ask('GET', '/v1.0/tags', { headers: asAdmin() })
    expect(first.headers['ratelimit-limit']).toBe('120')
    expect(Number(first.headers['ratelimit-remaining'])).toBeLessThan(120)
    expect(Number(first.headers['ratelimit-reset'])).toBeLessThanOrEqual(10)
    let last = first
    for (let n = 0; n < 130 && last.status !== 429; n += 1) last = await ask('GET', '/v1.0/me', { headers: asAdmin() })
    expect(last.body.error).toMatchObject({ reason: 'RATE_LIMIT_EXCEEDED', details: [{ limited_by: 'customer' }] })
    expect(last.headers['ratelimit-remaining']).toBe('0')
    expect(Number(last.headers['retry-after'])).toBeGreaterThan(0)
    expect(
      (await ask('POST', '/v1.0/calls', { headers: asAdmin(), body: JSON.stringify({ flow_id: nil }) })).status,
    ).toBe(429)
  })
})
