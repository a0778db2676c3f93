import { randomUUID } from 'node:crypto'
import { internalIdentity } from '@sidetone/contract'
import { flowContract } from '@sidetone/proto-schemas/flow'
import { now } from '@sidetone/store'
import { testDatabases } from '@sidetone/store/testing'
import { adminOf, startTestPlatform, type TestPlatform } from '@sidetone/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { flowManager } from '../src/manager.ts'

describe.each(await testDatabases('flows_of_customers'))('the flows of a customer on $name', ({ create }) => {
  let app: TestPlatform
  beforeAll(async () => {
    app = await startTestPlatform({ managers: [flowManager], database: await create() })
  })
  afterAll(() => app.close())

  const as = (customer: string) => app.as(flowContract, adminOf(customer))
  const reference = { reference_type: 'call' as const, reference_id: randomUUID() }

  /** A flow that another follows, and so many calls that run it. */
  async function running(customer: string, count: number) {
    const { flow } = as(customer)
    const { id: on_complete_flow_id } = await flow.create({ name: 'after', actions: [] })
    const { id: flow_id } = await flow.create({ name: 'f', actions: [{ type: 'answer' }], on_complete_flow_id })
    const { activeflow } = app.as(flowContract, internalIdentity(customer))
    const start = (id = randomUUID()) => activeflow.start({ id, flow_id, ...reference })
    for (let n = 0; n < count; n++) await start()
    return start
  }

  /** Also told twice. */
  async function becomes(event: 'frozen' | 'recovered' | 'deleted', customer_id: string) {
    const about = { resource: 'customer', resource_id: customer_id, sequence: 1, time: now() }
    const envelope = { id: randomUUID(), publisher: 'customer', customer_id, owner_id: customer_id, ...about }
    const told = { ...envelope, type: `customer_${event}`, data: { id: customer_id } }
    for (const repeat of [told, told]) await app.platform.transport.publish(repeat)
  }

  const endedOf = async (customer: string) =>
    (await app.events()).filter(
      ({ customer_id, type, data }) =>
        customer_id === customer && type === 'activeflow_updated' && (data as { status: string }).status === 'ended',
    )

  test('end when it is frozen, and start again when it has recovered', async () => {
    const customer = randomUUID()
    const start = await running(customer, 3)
    await becomes('frozen', customer)
    expect(await endedOf(customer)).toHaveLength(3)
    // Nothing has followed them.
    expect((await as(customer).activeflow.list({})).result.map(({ status }) => status)).toEqual(Array(3).fill('ended'))
    await expect(start()).rejects.toMatchObject({ reason: 'ACCOUNT_FROZEN' })
    expect((await as(customer).flow.list({})).result).toHaveLength(2)
    await becomes('recovered', customer)
    expect(await start()).toMatchObject({ status: 'running' })
  })

  test('go when it is deleted, however many, and nothing follows them', async () => {
    const [gone, other] = [randomUUID(), randomUUID()]
    await running(gone, 120)
    await running(other, 1)
    await becomes('deleted', gone)
    expect(await endedOf(gone)).toHaveLength(120)
    expect((await as(gone).flow.list({})).result).toEqual([])
    expect((await as(gone).activeflow.list({})).result).toEqual([])
    expect((await as(other).activeflow.list({})).result).toMatchObject([{ status: 'running' }])
  })
})
