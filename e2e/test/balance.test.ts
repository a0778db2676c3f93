import { createSidetone } from '@sidetone/sdk'
import { expect, test } from 'vitest'
import { createPhone, startSidetone } from '../src/index.ts'

/** One minute of a call that comes in, in US dollars. */
const minute = 0.01

test('a call is cut off when the minute that is paid for is over, and nothing is owed', async () => {
  const sidetone = await startSidetone()
  const login = await fetch(`${sidetone.url}/auth/login`, {
    method: 'POST',
    body: JSON.stringify({ username: 'admin@localhost', password: 'admin@localhost' }),
  })
  const { token } = (await login.json()) as { token: string }
  const api = createSidetone({ baseUrl: sidetone.url, token })
  const account = await api.billing_account.own()
  await api.billing_account.update_plan_type({ id: account.id, plan_type: 'free' })
  const flow = await api.flow.create({ name: 'long', actions: [{ type: 'echo', option: { duration: 600_000 } }] })
  const { id: customer_id } = await api.customer.own()
  await api.number.register({ customer_id, number: '+14155550188', name: 'long', call_flow_id: flow.id })
  const { balance_credit } = await api.billing_account.own()
  if (balance_credit > 0) {
    await api.billing_account.balance_subtract_force({ id: account.id, balance: balance_credit / 1_000_000 })
  }
  const carrier = await createPhone({ server: { host: sidetone.host, port: sidetone.sipPort }, username: 'carrier' })
  const dial = () => carrier.call(`sip:+14155550188@${sidetone.host}`, { from: 'sip:+14155550123@carrier.example' })

  await expect((await dial()).answered).rejects.toMatchObject({ status: 403 })

  await api.billing_account.balance_add_force({ id: account.id, balance: minute })
  const call = await dial()
  await call.answered
  const answeredAt = Date.now()
  void call.play({ frequency: 500, durationMs: 5_000 })
  await call.waitForTone(500)
  expect(await call.ended).toMatchObject({ by: 'them' })
  const seconds = (Date.now() - answeredAt) / 1_000
  expect(seconds).toBeGreaterThan(59)
  expect(seconds).toBeLessThan(64)
  await expect
    .poll(async () => (await api.call.list({})).result[0])
    .toMatchObject({ hangup_reason: 'timeout', hangup_by: 'local', status: 'hangup' })
  await expect.poll(async () => (await api.billing_account.own()).balance_credit, { timeout: 10_000 }).toBe(0)
  await carrier.close()
  await sidetone.stop()
}, 120_000)
