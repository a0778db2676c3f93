import { createPhone } from '@sidetone/e2e'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Running, startForTest } from './harness.ts'

let app: Running
beforeAll(async () => {
  app = await startForTest({ SIP_BASE_DOMAIN: 'sip.example' })
})
afterAll(() => app.close())

const trunk = { domain_name: 'office', auth_types: ['basic'], username: 'pbx', password: 'a secret', allowed_ips: [] }
const number = '+15550100001'

/** Calls the seeded number through a trunk, and says how that ended. */
async function call(password: string | undefined): Promise<{ status: number }> {
  const pbx = await createPhone({ server: { host: '127.0.0.1', port: app.sipPort! }, username: 'pbx', password })
  const made = await pbx.call(`sip:${number}@office.trunk.sip.example`, { from: 'sip:+15550100000@pbx.example' })
  try {
    await made.answered
    await made.hangup()
    return { status: 200 }
  } catch (error) {
    return { status: (error as { status: number }).status }
  } finally {
    await pbx.close()
  }
}

test('a trunk calls by its digest, and by its address once that is allowed', async () => {
  expect((await call('a secret')).status).toBe(407)
  const { body } = await app.request('POST', '/v1.0/trunks', { body: { name: '', detail: '', ...trunk } })
  expect(body).toMatchObject(trunk)
  expect((await call('wrong')).status).toBe(407)
  expect(await call('a secret')).toEqual({ status: 200 })
  const [made] = (await app.request('GET', '/v1.0/calls?page_size=100')).body.result.filter(
    ({ direction, source }) => direction === 'incoming' && (source as { target: string }).target === '+15550100000',
  )
  expect(made).toMatchObject({ customer_id: body.customer_id, destination: { type: 'tel', target: number } })

  expect((await call(undefined)).status).toBe(407)
  const { domain_name: _, ...fields } = trunk
  const change = { ...fields, name: '', detail: '', auth_types: ['ip'], allowed_ips: ['127.0.0.0/16'] }
  expect((await app.request('PUT', `/v1.0/trunks/${body.id}`, { body: change })).status).toBe(200)
  expect(await call(undefined)).toEqual({ status: 200 })

  expect((await app.request('DELETE', `/v1.0/trunks/${body.id}`)).status).toBe(200)
})
