import { once } from 'node:events'
import { startSidetone } from '@sidetone/e2e'
import { type Mailbox, startMailbox } from '@sidetone/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { WebSocket } from 'ws'

/** A credential is believed for five seconds. */
const soon = { timeout: 8_000, interval: 100 }

let mailbox: Mailbox
let sidetone: Awaited<ReturnType<typeof startSidetone>>
let operator: string
beforeAll(async () => {
  mailbox = await startMailbox()
  sidetone = await startSidetone({ env: { SMTP_URL: mailbox.url, RATE_LIMIT_AUTH: '0' } })
  operator = (await ask('POST', '/auth/login', { body: { username: 'admin@localhost', password: 'admin@localhost' } }))
    .body.token
})
afterAll(async () => {
  await sidetone?.stop()
  await mailbox?.close()
})

interface Asked {
  token?: string
  body?: object
  headers?: Record<string, string>
}

async function ask(method: string, path: string, { token, body, headers }: Asked = {}) {
  const response = await fetch(sidetone.url + path, {
    method,
    headers: { ...(token && { Authorization: `Bearer ${token}` }), ...headers },
    ...(body && { body: JSON.stringify(body) }),
  })
  const text = await response.text()
  // biome-ignore lint/suspicious/noExplicitAny: what a test expects of an answer is written beside it
  const parsed: any = response.headers.get('content-type')?.startsWith('application/json') ? JSON.parse(text) : {}
  return { status: response.status, headers: response.headers, text, body: parsed }
}

const linkIn = (text: string): string => /http\S+token=[0-9a-f]{64}/.exec(text)![0]
const pathOf = (link: string): string => link.slice(new URL(link).origin.length)
const tokenOf = (link: string): string => new URL(link).searchParams.get('token')!
const reasonOf = async (token: string, path = '/v1.0/customer') =>
  (await ask('GET', path, { token })).body.error?.reason

/** A customer that has signed up, with the key that it got and its admin, who is logged in. */
async function signedUp() {
  const email = `${crypto.randomUUID()}@example.com`
  await ask('POST', '/auth/signup', { body: { email, accepted_tos: true, name: 'Acme' } })
  const token = tokenOf(linkIn((await mailbox.next(email)).text))
  const { customer, accesskey } = (await ask('POST', '/auth/email-verify', { body: { token } })).body
  const reset = { token: tokenOf(linkIn((await mailbox.next(email)).text)), password: 'long enough' }
  await ask('POST', '/auth/password-reset', { body: reset })
  const login = async () =>
    (await ask('POST', '/auth/login', { body: { username: email, password: 'long enough' } })).body.token as string
  return { id: customer.id as string, email, key: accesskey.token as string, token: await login(), login }
}

test('from signing up to being logged in, with nothing but what is mailed', async () => {
  const { id, email, key, token } = await signedUp()
  expect((await ask('GET', '/v1.0/customer', { token: key })).body).toMatchObject({ id, email, email_verified: true })
  expect((await ask('GET', '/v1.0/customer', { token })).body.id).toBe(id)
  expect((await ask('GET', '/v1.0/me', { token })).body).toMatchObject({ customer_id: id, username: email })
  expect((await ask('GET', '/v1.0/me', { token: key })).status).toBe(403)
  const seen = await ask('GET', `/v1.0/customers/${id}`, { token: operator })
  expect(seen.body.terms_agreed_ip).toMatch(/127\.0\.0\.1$/)
  const refused = await ask('POST', '/auth/signup', { body: { email, accepted_tos: false } })
  expect([refused.status, refused.body.error.details[0].field]).toEqual([400, 'accepted_tos'])
})

test('whether an address is known, no answer tells', async () => {
  const { email } = await signedUp()
  const answers = async (path: string, bodyOf: (address: string) => object) => {
    const both = [email, `no-${email}`].map((address) => ask('POST', path, { body: bodyOf(address) }))
    const [known, unknown] = await Promise.all(both)
    expect([known!.status, known!.text]).toEqual([unknown!.status, unknown!.text])
    return known!.status
  }
  expect(await answers('/auth/signup', (address) => ({ email: address, accepted_tos: true }))).toBe(200)
  expect(await answers('/auth/password-forgot', (username) => ({ username }))).toBe(200)
})

describe('the page behind a mailed link', () => {
  test.each(['/auth/email-verify', '/auth/password-reset'])('%s keeps the token to itself', async (path) => {
    const page = await ask('GET', `${path}?token=${'0123456789abcdef'.repeat(4)}`)
    expect(page.status).toBe(200)
    expect(page.text).toContain('<form')
    expect(page.text).not.toContain('0123456789abcdef')
    expect(Object.fromEntries(page.headers)).toMatchObject({
      'cache-control': 'no-store',
      'referrer-policy': 'no-referrer',
      'content-security-policy': expect.stringMatching(/default-src 'none'.*frame-ancestors 'none'/),
    })
    for (const query of ['', '?token=', '?token=abc', '?token=<script>']) {
      const incomplete = await ask('GET', path + query)
      expect([incomplete.status, incomplete.text.includes('<form')]).toEqual([400, false])
    }
  })

  test('is where the mail leads', async () => {
    const { email } = await signedUp()
    await ask('POST', '/auth/password-forgot', { body: { username: email } })
    const page = await ask('GET', pathOf(linkIn((await mailbox.next(email)).text)))
    expect(page.text).toContain('new-password')
  })
})

test('browsers get the token as a cookie that scripts and other sites do not, and lose it by logging out', async () => {
  const { email } = await signedUp()
  const login = (headers: Record<string, string> = {}) =>
    ask('POST', '/auth/login', { headers, body: { username: email, password: 'long enough' } })
  const { headers, body } = await login()
  const [pair, ...attributes] = headers.get('set-cookie')!.split('; ')
  expect(pair).toBe(`token=${body.token}`)
  expect(attributes).toEqual(expect.arrayContaining(['Path=/', 'HttpOnly', 'Secure', 'SameSite=Strict']))
  const expires = Date.parse(attributes.find((one) => one.startsWith('Expires='))!.slice('Expires='.length))
  expect(Math.abs(expires - Date.now() - 12 * 3_600_000)).toBeLessThan(60_000)
  const withCookie = { headers: { cookie: pair! } }
  expect((await ask('GET', '/v1.0/me', withCookie)).body.username).toBe(email)
  const out = await ask('POST', '/auth/logout', withCookie)
  expect(out.headers.get('set-cookie')).toMatch(/^token=; Max-Age=0; Path=\/; /)
  // A browser that missed that is not locked out.
  expect((await login(withCookie.headers)).status).toBe(200)
  expect((await login({ cookie: 'token=forged' })).status).toBe(200)
})

describe('a token works no more within seconds', () => {
  test('of logging out, and no other does', async () => {
    const { token, login } = await signedUp()
    const other = await login()
    expect(await reasonOf(token)).toBeUndefined()
    expect((await ask('POST', '/auth/logout', { token })).body).toEqual({})
    await expect.poll(() => reasonOf(token), soon).toBe('INVALID_CREDENTIALS')
    expect(await reasonOf(other)).toBeUndefined()
  })

  test('of a new password', async () => {
    const { key, token } = await signedUp()
    const { id } = (await ask('GET', '/v1.0/me', { token })).body
    const changed = await ask('PUT', `/v1.0/agents/${id}/password`, { token: key, body: { password: 'another one' } })
    expect(changed.status).toBe(200)
    await expect.poll(() => reasonOf(token), soon).toBe('INVALID_CREDENTIALS')
    expect(await reasonOf(key)).toBeUndefined()
  })
})

test('a frozen customer can do nothing but recover, by token, key or socket; its stream is closed', async () => {
  const { key, token } = await signedUp()
  const socket = new WebSocket(`${sidetone.url.replace('http', 'ws')}/v1.0/ws?token=${token}`)
  await once(socket, 'open')
  const closed = once(socket, 'close')
  const wrong = await ask('POST', '/auth/unregister', { token, body: { password: 'not this one' } })
  expect([wrong.status, wrong.body.error.details[0].field]).toEqual([400, 'password'])
  const frozen = await ask('POST', '/auth/unregister', { token, body: { password: 'long enough' } })
  expect(frozen.body.status).toBe('frozen')
  await expect.poll(() => reasonOf(token, '/v1.0/tags'), soon).toBe('ACCOUNT_FROZEN')
  await expect.poll(() => reasonOf(key, '/v1.0/tags'), soon).toBe('ACCOUNT_FROZEN')
  const { status, body } = await ask('POST', '/v1.0/tags', { token, body: { name: 'x' } })
  expect([status, body.error.details[0].recovery_endpoint]).toEqual([403, 'DELETE /auth/unregister'])
  expect((await closed)[0]).toBe(4001)
  expect((await ask('DELETE', '/auth/unregister', { token })).body.status).toBe('active')
  await expect.poll(() => reasonOf(token, '/v1.0/tags'), soon).toBeUndefined()
}, 40_000)

test('an operator acts for a customer as its admin, and no further', async () => {
  const { id } = await signedUp()
  const asked = { customer_id: id, reason: 'ticket 4711: cannot log in' }
  const { body } = await ask('POST', '/auth/delegate', { token: operator, body: asked })
  expect(body).toMatchObject({ customer_id: id, token: expect.any(String), expire: expect.any(String) })
  const { token } = body
  expect((await ask('GET', '/v1.0/customer', { token })).body.id).toBe(id)
  expect((await ask('GET', '/v1.0/accesskeys', { token })).status).toBe(200)
  expect((await ask('GET', '/v1.0/customers', { token })).status).toBe(403)
  expect((await ask('POST', '/auth/delegate', { token, body: asked })).status).toBe(403)
  const grant = { username: 'x@example.com', password: 'long enough', name: 'x', permission: 1 }
  const granted = await ask('POST', '/v1.0/agents', { token, body: grant })
  expect(granted.body.error.reason).toBe('PERMISSION_NOT_HELD')
  const socket = new WebSocket(`${sidetone.url.replace('http', 'ws')}/v1.0/ws?token=${token}`)
  const [refusal] = await once(socket, 'error')
  expect(String(refusal)).toContain('403')
  expect((await ask('POST', '/auth/logout', { token })).status).toBe(200)
  await expect.poll(() => reasonOf(token), soon).toBe('INVALID_CREDENTIALS')
  for (const reason of ['too short', `${'long '.repeat(41)}`, 'with\nlines in it'])
    expect((await ask('POST', '/auth/delegate', { token: operator, body: { ...asked, reason } })).status).toBe(400)
  const customer_id = crypto.randomUUID()
  expect((await ask('POST', '/auth/delegate', { token: operator, body: { ...asked, customer_id } })).status).toBe(404)
  const own = await signedUp()
  expect((await ask('POST', '/auth/delegate', { token: own.token, body: asked })).status).toBe(403)
}, 40_000)
