import { newId, now } from '@sidetone/store'
import { type TestDatabase, testDatabases } from '@sidetone/store/testing'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { type Lab, openLab } from './platform.ts'

const databases = await testDatabases('calls_of_customers')

describe.each(databases)('the calls of a customer on $name', ({ create }) => {
  let lab: Lab
  let database: TestDatabase
  let carol: Awaited<ReturnType<Lab['sipPhone']>>
  beforeAll(async () => {
    database = await create()
    lab = await openLab({ databaseUrl: database.url })
    carol = await lab.sipPhone('carol')
  })
  afterAll(async () => {
    await lab.close()
    await database.drop()
  })

  const source = { type: '' as const, target: '' }
  const wait = [{ type: 'sleep', option: { duration: 60_000 } }]
  const waiting = { timeout: 10_000, interval: 20 }

  /** What the customer manager tells, and what it answers from then on. */
  async function becomes(status: 'frozen' | 'active' | 'deleted', event: 'frozen' | 'recovered' | 'deleted') {
    const { customer: id } = lab
    lab.world.customers.set(id, { status })
    const envelope = { id: newId(), type: `customer_${event}`, publisher: 'test', customer_id: id, owner_id: id }
    const about = { resource: 'customer', resource_id: id, sequence: 1, time: now() }
    await lab.platform.transport.publish({ ...envelope, ...about, data: { id, customer_id: id } })
  }
  const allEnded = () =>
    vi.waitUntil(async () => {
      const { result } = await lab.calls.list({})
      return result.length > 0 && result.every(({ status }) => status === 'hangup')
    }, waiting)

  /** One who talks, one who rings, and one in a groupcall whose next destination would ring after it. */
  async function threeCalls() {
    const caller = await lab.dial(lab.number({ type: 'answer' }, ...wait))
    await caller.answered
    await lab.calls.create({ source, actions: wait, destinations: [carol.address] })
    const ringing = await carol.phone.nextCall()
    ringing.ring()
    await lab.groupcalls.create({
      ...{ source, actions: wait, ring_method: 'linear', answer_method: 'hangup_others' },
      destinations: [carol.address, carol.address],
    })
    const linear = await carol.phone.nextCall()
    linear.ring()
    return [caller, ringing, linear].map(({ ended }) => ended)
  }

  test('end when it is frozen, and it makes and gets none until it has recovered', async () => {
    const ends = await threeCalls()
    await becomes('frozen', 'frozen')
    await Promise.all(ends)
    await allEnded()
    const number = lab.number({ type: 'answer' })
    await expect((await lab.dial(number)).answered).rejects.toMatchObject({ status: 403 })
    const destinations = [carol.address]
    await expect(lab.calls.create({ source, actions: wait, destinations })).rejects.toMatchObject({
      reason: 'CUSTOMER_NOT_ACTIVE',
    })
    await becomes('active', 'recovered')
    const caller = await lab.dial(number)
    await caller.answered
    await caller.hangup()
    await allEnded()
  })

  test('end when it is deleted, told to their end, and nothing of them is left', async () => {
    const ends = await threeCalls()
    const { id: config } = await lab.outboundConfigs.update_own({ destination_whitelist: ['us'] })
    const recorded = lab.number({ type: 'answer' }, { type: 'recording_start' }, ...wait)
    const caller = await lab.dial(recorded)
    await caller.answered
    await vi.waitUntil(async () => (await lab.recordings.list({})).result[0]?.status === 'recording', waiting)
    await becomes('deleted', 'deleted')
    await Promise.all([...ends, caller.ended])
    const left = async () => [
      ...(await lab.calls.list({})).result,
      ...(await lab.groupcalls.list({})).result,
      ...(await lab.recordings.list({})).result,
    ]
    await expect.poll(left, waiting).toEqual([])
    const told = (await lab.told()).filter((type) => /^call_(created|hangup)$|^recording_finished$/.test(type))
    const count = (type: string) => told.filter((one) => one === type).length
    expect(count('call_hangup')).toBe(count('call_created'))
    expect(count('recording_finished')).toBe(1)
    expect((await lab.outboundConfigs.update_own({})).id).not.toBe(config)
    await lab.nothingIsLeft()
  })
})
