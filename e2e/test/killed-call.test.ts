import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createSidetone } from '@sidetone/sdk'
import { expect, test } from 'vitest'
import { createPhone, openEvents, type SidetoneProcess, startSidetone } from '../src/index.ts'

const number = '+14155550189'

const operatorOf = async ({ url }: SidetoneProcess) => {
  const login = { username: 'admin@localhost', password: 'admin@localhost' }
  return createSidetone({ baseUrl: url, token: (await createSidetone({ baseUrl: url }).session.login(login)).token })
}

/** Money on an account that pays for its calls. */
async function payFor(operator: Awaited<ReturnType<typeof operatorOf>>): Promise<void> {
  const account = await operator.billing_account.own()
  await operator.billing_account.update_plan_type({ id: account.id, plan_type: 'free' })
  await operator.billing_account.balance_add_force({ id: account.id, balance: 1 })
}

test('after a kill -9 in the middle of a call it is ended once, charged once, and told in order', async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'sidetone-killed-'))
  const first = await startSidetone({ dataDir })
  const before = await operatorOf(first)
  const { id: customer_id } = await before.customer.own()
  await payFor(before)
  const flow = await before.flow.create({
    name: 'long',
    actions: [{ type: 'answer' }, { type: 'recording_start' }, { type: 'echo', option: { duration: 600_000 } }],
  })
  await before.number.register({ customer_id, number, name: 'long', call_flow_id: flow.id })

  const carrier = await createPhone({ server: { host: first.host, port: first.sipPort }, username: 'carrier' })
  const call = await carrier.call(`sip:${number}@${first.host}`, { from: 'sip:+14155550123@carrier.example' })
  await call.answered
  void call.play({ frequency: 500, durationMs: 3_000 })
  await call.waitForTone(500)
  const [running] = (await before.call.list({})).result
  await first.kill()

  const second = await startSidetone({ dataDir })
  const after = await operatorOf(second)
  const events = await openEvents({ url: second.url, accesskey: second.accesskey, customerId: customer_id, cursor: 0 })
  const ofCall = () =>
    events.frames.filter(({ resource, resource_id }) => resource === 'call' && resource_id === running!.id)
  const ends = () => ofCall().filter(({ type }) => type === 'call_hangup')
  await expect.poll(() => ends().length, { timeout: 60_000 }).toBe(1)
  await expect.poll(async () => (await after.recording.list({})).result[0]?.status).toBe('ended')
  expect(ofCall().map(({ sequence }) => sequence)).toEqual(ofCall().map((_, index) => index + 1))
  expect(ends()).toHaveLength(1)
  expect(events.frames.map(({ cursor }) => cursor)).toEqual(events.frames.map((_, index) => index + 1))
  expect(await after.call.get({ id: running!.id })).toMatchObject({ status: 'hangup', hangup_reason: 'normal' })
  const activeflow = async () => (await after.activeflow.get({ id: running!.activeflow_id })).status
  await expect.poll(activeflow).toBe('ended')

  // What was held back is settled, once.
  const billings = async () =>
    (await after.billing.list({})).result.filter(({ reference_id }) => reference_id === running!.id)
  await expect.poll(async () => (await billings()).map(({ status }) => status), { timeout: 20_000 }).toEqual(['end'])
  const [charge] = await billings()
  expect(charge!.amount_credit).toBeLessThan(0)
  events.close()
  await carrier.close()
  expect(await second.stop()).toBe(0)
  await rm(dataDir, { recursive: true })
}, 120_000)

test.each(['begins', 'is done'])(
  'after a kill -9 as an attended transfer %s each call is ended once, and what costs is charged once',
  async (when) => {
    const dataDir = await mkdtemp(join(tmpdir(), 'sidetone-killed-'))
    const first = await startSidetone({ dataDir })
    const before = await operatorOf(first)
    const { id: customer_id } = await before.customer.own()
    await payFor(before)
    const { result: extensions } = await before.extension.list({})
    const target = extensions.find(({ extension }) => extension === '1001')!.id
    const flow = await before.flow.create({
      name: 'to 1001',
      actions: [{ type: 'connect', option: { destinations: [{ type: 'extension', target }] } }],
    })
    await before.number.register({ customer_id, number, name: 'to 1001', call_flow_id: flow.id })

    const server = { host: first.host, port: first.sipPort }
    const carrier = await createPhone({ server, username: 'carrier' })
    const [bob, carol] = await Promise.all(
      ['1001', '1002'].map(async (username) => {
        const phone = await createPhone({ server, username, password: `pass${username}` })
        await phone.register()
        return phone
      }),
    )
    const a = await carrier.call(`sip:${number}@${first.host}`, { from: 'sip:+14155550123@carrier.example' })
    const b = await bob!.nextCall()
    await b.answer()
    const b2 = await bob!.call(`sip:1002@${first.host}`)
    const c = await carol!.nextCall()
    await c.answer()
    await Promise.all([a.answered, b2.answered])
    const statuses = async () => (await before.call.list({})).result.map(({ status }) => status)
    await expect.poll(statuses).toEqual(Array(4).fill('progressing'))
    const referral = await b.refer(`sip:1002@${first.host}`, { attended: b2 })
    if (when === 'is done') expect(await referral.done).toBe(200)
    await first.kill()

    const second = await startSidetone({ dataDir })
    const after = await operatorOf(second)
    const events = await openEvents({
      url: second.url,
      accesskey: second.accesskey,
      customerId: customer_id,
      cursor: 0,
    })
    const told = (type: string) => events.frames.filter((one) => one.type === type).map((one) => one.resource_id)
    await expect.poll(() => new Set(told('call_hangup')).size, { timeout: 60_000 }).toBe(4)
    const calls = (await after.call.list({})).result
    expect(calls.map(({ status, hangup_reason }) => `${status} ${hangup_reason}`)).toEqual(
      calls.map(() => 'hangup normal'),
    )
    expect(told('call_hangup').toSorted()).toEqual(calls.map(({ id }) => id).toSorted())
    const ids = calls.map(({ id }) => id)
    const billings = async () =>
      (await after.billing.list({})).result.filter(({ reference_id }) => ids.includes(reference_id))
    const settled = async () => (await billings()).map(({ reference_id, status }) => `${reference_id} ${status}`).sort()
    await expect.poll(settled, { timeout: 20_000 }).toEqual(ids.map((id) => `${id} end`).sort())
    const fromOutside = calls.find(({ direction, source }) => direction === 'incoming' && source.type === 'tel')!
    const charge = (await billings()).find(({ reference_id }) => reference_id === fromOutside.id)
    expect(charge!.amount_credit).toBeLessThan(0)
    events.close()
    await Promise.all([carrier, bob!, carol!].map((phone) => phone.close()))
    expect(await second.stop()).toBe(0)
    await rm(dataDir, { recursive: true })
  },
  120_000,
)
