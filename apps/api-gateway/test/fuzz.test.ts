import { type IncomingHttpHeaders, request } from 'node:http'
import { connect } from 'node:net'
import { publicPath, type Route, routesOf } from '@sidetone/contract'
import { startSidetone } from '@sidetone/e2e'
import { contracts } from '@sidetone/proto-schemas'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'

// The whole platform as a process of its own: what is sent here passes the real managers and their database.
let sidetone: Awaited<ReturnType<typeof startSidetone>>
let superToken: string
beforeAll(async () => {
  sidetone = await startSidetone({
    env: { RATE_LIMIT_IP: '0', RATE_LIMIT_AUTH: '0', RATE_LIMIT_CUSTOMER: '0', MAX_BODY_BYTES: '65536' },
  })
  const login = JSON.stringify({ username: 'admin@localhost', password: 'admin@localhost' })
  const { body } = await ask({ method: 'POST', path: '/auth/login', headers: {}, body: login })
  superToken = JSON.parse(body).token
})
afterAll(() => sidetone?.stop())

interface Sent {
  method: string
  path: string
  headers: Record<string, string>
  body: string | undefined
}

function ask({
  method,
  path,
  headers,
  body,
}: Sent): Promise<{ status: number; headers: IncomingHttpHeaders; body: string }> {
  return new Promise((resolve, reject) => {
    // Node frames the body of a GET or DELETE only when told how.
    const framing = body !== undefined && { 'content-length': Buffer.byteLength(body) }
    const asked = request(
      sidetone.url + path,
      { method, headers: { ...headers, ...framing }, timeout: 8_000 },
      (response) => {
        let text = ''
        response.on('data', (chunk) => {
          text += chunk
        })
        response.on('end', () => resolve({ status: response.statusCode!, headers: response.headers, body: text }))
      },
    )
    asked.on('timeout', () => asked.destroy(new Error('no answer')))
    asked.on('error', reject)
    asked.end(body)
  })
}

const routes = contracts.flatMap((contract): Route[] => routesOf(contract)).filter(({ operation }) => operation.allow)

const nasty = fc.constantFrom(
  '__proto__',
  'constructor',
  'toString',
  '../../etc/passwd',
  '%',
  '%00',
  '%e0%a4',
  "'; drop table tag_tag; --",
  '*',
  'null',
  '',
  '😀',
  '\u0000',
  '\ud800',
  'x'.repeat(5_000),
)
const number = fc.oneof(fc.integer(), fc.double(), fc.constantFrom(1e308, -1, 2 ** 53, Number.MIN_VALUE, 9e15))
const leaf = fc.oneof(nasty, fc.string(), number, fc.boolean(), fc.constant(null), fc.uuid())
const junk: fc.Arbitrary<unknown> = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    leaf,
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(fc.oneof(nasty, fc.string({ maxLength: 8 })), tie('value'), { maxKeys: 4, noNullPrototype: true }),
  ),
})).value

/** What fits the schema, as far as a sample can; deeper rules are the platform's to find. */
function fitting(schema: z.core.JSONSchema.BaseSchema, name = ''): fc.Arbitrary<unknown> {
  if (schema.enum) return fc.constantFrom(...schema.enum)
  if (schema.const !== undefined) return fc.constant(schema.const)
  const choices = schema.anyOf ?? schema.oneOf
  if (choices) return fc.oneof(...choices.map((choice) => fitting(choice as z.core.JSONSchema.BaseSchema, name)))
  if (schema.type === 'integer' || schema.type === 'number') {
    return fc.integer({ min: Math.max(schema.minimum ?? -1e6, -1e9), max: Math.min(schema.maximum ?? 1e6, 1e9) })
  }
  if (schema.type === 'boolean') return fc.boolean()
  if (schema.type === 'null') return fc.constant(null)
  if (schema.type === 'array')
    return fc.array(fitting((schema.items ?? {}) as z.core.JSONSchema.BaseSchema), { maxLength: 3 })
  if (schema.type === 'object') {
    const fields = Object.entries(schema.properties ?? {}) as [string, z.core.JSONSchema.BaseSchema][]
    return fc.record(Object.fromEntries(fields.map(([key, field]) => [key, fitting(field, key)])), {
      requiredKeys: schema.required ?? [],
      noNullPrototype: true,
    })
  }
  if (schema.type !== 'string') return junk
  if (schema.format === 'uuid') return fc.uuid()
  if (/mail|username/.test(name)) return fc.emailAddress()
  if (name === 'number' || name === 'target') return fc.integer({ min: 1e9, max: 9e9 }).map((digits) => `+${digits}`)
  if (/ur[il]$/.test(name)) return fc.webUrl()
  return fc.string({ minLength: schema.minLength ?? 0, maxLength: Math.min(schema.maxLength ?? 20, 20) })
}

/** A request to a real operation: most of it right, some of it wrong. */
function toOperation({ operation, method, path }: Route): fc.Arbitrary<Sent> {
  const schema = z.toJSONSchema(operation.input, {
    io: 'input',
    unrepresentable: 'any',
  }) as z.core.JSONSchema.BaseSchema
  const object = fitting(schema) as fc.Arbitrary<Record<string, unknown>>
  const keys = Object.keys(operation.input.shape)
  const spoilt =
    keys.length === 0
      ? object
      : fc.tuple(object, fc.constantFrom(...keys), junk).map(([fields, key, value]) => ({ ...fields, [key]: value }))
  return fc.record({
    method: fc.constant(method),
    path: fc
      .tuple(fc.oneof({ weight: 3, arbitrary: fc.uuid() }, nasty), query)
      .map(([id, after]) => publicPath(path).replaceAll(/\{\w+\}/g, encodeURIComponent(id.toWellFormed())) + after),
    headers,
    body:
      method === 'GET'
        ? fc.constant(undefined)
        : fc.oneof({ weight: 6, arbitrary: fc.oneof(object, spoilt).map((value) => JSON.stringify(value)) }, body),
  })
}

const query = fc.oneof(
  fc.constant(''),
  fc
    .array(
      fc.tuple(
        fc.oneof(fc.constantFrom('page_size', 'page_token', 'status', 'tag_ids'), nasty),
        fc.oneof(nasty, fc.string()),
      ),
      { maxLength: 3 },
    )
    .map(
      (pairs) =>
        `?${pairs.map(([name, value]) => `${encodeURIComponent(name.toWellFormed())}=${encodeURIComponent(value.toWellFormed())}`).join('&')}`,
    ),
  fc.constantFrom(
    '?%',
    '?=&=',
    '?page_size=1e3',
    '?page_size=-0',
    '?page_token=%00',
    '?__proto__[x]=1',
    '?page_size=9'.padEnd(3_000, '9'),
  ),
)

const headerValue = fc.string({
  unit: fc.integer({ min: 0x20, max: 0xfe }).map((code) => String.fromCharCode(code < 0x7f ? code : code + 1)),
  maxLength: 80,
})
const headers = fc
  .tuple(
    fc.constantFrom('key', 'key', 'key', 'super', 'super', 'none', 'wrong'),
    fc.dictionary(
      fc.constantFrom(
        'x-request-id',
        'content-type',
        'idempotency-key',
        'cookie',
        'range',
        'origin',
        'accept',
        'traceparent',
        'x-forwarded-for',
      ),
      headerValue,
      { maxKeys: 3, noNullPrototype: true },
    ),
  )
  .map(([who, given]) => ({ who, given }))
  .map(({ who, given }): Record<string, string> => ({ ...given, authorization: who }))

const body = fc.oneof(
  junk.map((value) => JSON.stringify(value)),
  junk.map((value) => JSON.stringify(value)?.slice(0, -1)),
  fc.string(),
  fc.constantFrom(
    '{"__proto__":{"polluted":true},"name":"x"}',
    '{"constructor":{"prototype":{"polluted":true}}}',
    '{"name":1e999}',
    '{"name":"x","name":"y"}',
    `{"actions":${'['.repeat(20_000)}${']'.repeat(20_000)}}`,
    `{"name":"x","actions":[{"type":"talk","option":${'{"a":'.repeat(9_000)}1${'}'.repeat(9_000)}}]}`,
    `{"name":"x","actions":[{"type":"variable_set","option":${'['.repeat(30_000)}${']'.repeat(30_000)}}]}`,
    '\ufeff{}',
    '[]',
    'x'.repeat(70_000),
  ),
)

const anywhere: fc.Arbitrary<Sent> = fc.record({
  method: fc.constantFrom('GET', 'POST', 'PUT', 'DELETE', 'PATCH', 'HEAD', 'OPTIONS', 'PROPFIND', 'TRACE'),
  path: fc
    .tuple(
      fc.constantFrom(
        '/v1.0',
        '/auth',
        '/files',
        '/v1.0/ws',
        '',
        '/v1.0/tags',
        '/docs',
        '/openapi.json',
        '//',
        '/v1.0/timelines',
      ),
      fc.array(fc.oneof(nasty, fc.webPath(), fc.string()), { maxLength: 3 }),
      query,
    )
    .map(
      ([base, parts, after]) =>
        `${base || '/'}${parts.map((part) => `/${encodeURI(part.toWellFormed()).replaceAll(/[?#]/g, '')}`).join('')}${after}`,
    ),
  headers,
  body: fc.option(body, { nil: undefined }),
})

/** Any answer but a 5xx is fine, and an error always comes in the one envelope. */
async function expectAnswer(sent: Sent): Promise<void> {
  const credentials = {
    key: `Bearer ${sidetone.accesskey}`,
    super: `Bearer ${superToken}`,
    none: '',
    wrong: 'Bearer a.b.c',
  }
  const { authorization, ...others } = sent.headers
  const credential = credentials[authorization as keyof typeof credentials]
  const answer = await ask({ ...sent, headers: { ...others, ...(credential && { authorization: credential }) } })
  expect(answer.status).toBeLessThan(500)
  if (answer.status < 400 || sent.method === 'HEAD') return
  const { error } = JSON.parse(answer.body)
  expect(error).toMatchObject({ status: expect.any(String), reason: expect.any(String), message: expect.any(String) })
  expect(error.request_id).toBe(answer.headers['x-request-id'])
}

test(
  'whatever is asked for anywhere, the answer is no fault of ours and says what is wrong',
  () => fc.assert(fc.asyncProperty(anywhere, expectAnswer), { numRuns: 250, interruptAfterTimeLimit: 8_000 }),
  30_000,
)

test(
  'fields that fit, nearly fit or do not fit real operations never break one',
  () =>
    fc.assert(fc.asyncProperty(fc.oneof(...routes.map(toOperation)), expectAnswer), {
      numRuns: 400,
      interruptAfterTimeLimit: 10_000,
    }),
  30_000,
)

test('bytes that are no HTTP are refused or ignored, and the platform lives on', async () => {
  const port = Number(new URL(sidetone.url).port)
  await fc.assert(
    fc.asyncProperty(fc.oneof(fc.string(), fc.uint8Array({ maxLength: 300 })), async (bytes) => {
      const answer = await new Promise<string>((resolve) => {
        const socket = connect(port, '127.0.0.1', () => socket.end(Buffer.from(bytes as string)))
        let text = ''
        socket.on('data', (chunk) => {
          text += chunk
        })
        socket.on('error', () => resolve(text))
        socket.on('close', () => resolve(text))
      })
      expect(answer === '' || /^HTTP\/1\.1 4\d\d/.test(answer)).toBe(true)
    }),
    { numRuns: 60, interruptAfterTimeLimit: 5_000 },
  )
  expect((await ask({ method: 'GET', path: '/ready', headers: {}, body: undefined })).status).toBe(200)
  expect(sidetone.output()).not.toMatch(/request failed|unhandled|uncaught/i)
}, 15_000)
