import { createHmac } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Running, startForTest } from './harness.ts'

const secret = 'pdl_ntfset_secret'
let app: Running
beforeAll(async () => {
  app = await startForTest({ PADDLE_API_KEY: 'pdl_key', PADDLE_WEBHOOK_SECRET: secret })
})
afterAll(() => app.close())

test('the first customer may use everything without paying', async () => {
  const { status, body } = await app.request('GET', '/v1.0/billing_account')
  expect(status).toBe(200)
  expect(body).toMatchObject({ plan_type: 'unlimited', balance_credit: 0 })
  expect(body).not.toHaveProperty('status')
})

test('a payment reaches the account over HTTP, if every byte of it is signed', async () => {
  const { body: account } = await app.request('GET', '/v1.0/billing_account')
  const send = (text: string, signed = text) => {
    const ts = Math.floor(Date.now() / 1_000)
    const h1 = createHmac('sha256', secret).update(`${ts}:${signed}`).digest('hex')
    return app.request('POST', '/v1.0/billing/paddle', {
      token: '',
      body: text,
      headers: { 'Paddle-Signature': `ts=${ts};h1=${h1}` },
    })
  }
  const event = JSON.stringify(
    {
      event_type: 'transaction.completed',
      occurred_at: '2026-11-01T00:00:00.000000Z',
      data: {
        id: 'txn_1',
        customer_id: 'ctm_1',
        subscription_id: null,
        currency_code: 'USD',
        custom_data: { billing_account_id: account.id },
        details: { totals: { subtotal: '1000', discount: '0', tax: '200', total: '1200' } },
      },
    },
    null,
    '\t',
  )
  const forged = await send(event.replace('"1000"', '"9000"'), event)
  expect(forged).toMatchObject({ status: 400, body: { error: { reason: 'WEBHOOK_SIGNATURE_INVALID' } } })
  expect(await send(event)).toMatchObject({ status: 200, body: {} })
  const { body: paid } = await app.request('GET', '/v1.0/billing_account')
  expect(paid).toMatchObject({ balance_credit: 10_000_000, paddle_customer_id: 'ctm_1' })
})

test('what is wrong with an amount is said by its field', async () => {
  const { body: account } = await app.request('GET', '/v1.0/billing_account')
  const path = `/v1.0/billing_accounts/${account.id}/balance_add_force`
  const login = { username: 'admin@localhost', password: 'admin@localhost' }
  const { token } = (await app.request('POST', '/auth/login', { token: '', body: login })).body
  for (const balance of [-1, 0, 0.0000001, '1', null]) {
    const { status, body } = await app.request('POST', path, { token, body: { balance } })
    expect({ balance, status }).toEqual({ balance, status: 400 })
    expect(body.error.details?.[0]?.field).toBe('balance')
  }
})
