import { type TestDatabase, testDatabases } from '@sidetone/store/testing'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { type Lab, openLab } from './platform.ts'

const databases = await testDatabases('the limits of calls')

describe.each(databases)('on $name', ({ create }) => {
  let lab: Lab
  let database: TestDatabase
  let bob: Awaited<ReturnType<Lab['sipPhone']>>
  beforeAll(async () => {
    database = await create()
    const env = { CALL_MAX_CONCURRENT: '3', CALL_MAX_PER_SECOND: '1000', CALL_UNANSWERED_SECONDS: '1' }
    lab = await openLab({ env, databaseUrl: database.url })
    bob = await lab.sipPhone('bob')
  })
  afterAll(async () => {
    await lab.close()
    await database.drop()
  })
  afterEach(() => lab.nothingIsLeft())

  const waiting = { timeout: 10_000, interval: 20 }
  const wait = { type: 'sleep', option: { duration: 60_000 } }
  const ring = () => lab.calls.create({ actions: [wait], destinations: [bob.address] })
  const allOver = () =>
    vi.waitUntil(async () => (await lab.calls.list({})).result.every(({ status }) => status === 'hangup'), waiting)

  test('of many calls that begin at the same instant, as many as the customer may have come to be', async () => {
    for (let round = 0; round < 2; round++) {
      const outcomes = await Promise.allSettled(Array.from({ length: 12 }, ring))
      const refusals = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason] : []))
      expect(refusals).toHaveLength(9)
      for (const refusal of refusals) expect(refusal).toMatchObject({ reason: 'CALL_LIMIT_EXCEEDED' })
      // Ended, they make room again.
      for (let n = 0; n < 3; n++) (await bob.phone.nextCall()).reject(486)
      await allOver()
    }
    // Flows that were begun for a call that did not come to be are over as well.
    await vi.waitUntil(() => [...lab.world.activeflows.values()].every(({ status }) => status === 'ended'), waiting)
  })

  test('what comes in counts, and is refused like all else beyond it', async () => {
    const number = lab.number({ type: 'answer' }, wait)
    const callers = await Promise.all(Array.from({ length: 5 }, () => lab.dial(number)))
    const outcomes = await Promise.allSettled(callers.map(({ answered }) => answered))
    const refusals = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason] : []))
    expect(refusals).toMatchObject([{ status: 503 }, { status: 503 }])
    await expect(ring()).rejects.toMatchObject({ reason: 'CALL_LIMIT_EXCEEDED' })
    for (const [index, caller] of callers.entries()) if (outcomes[index]!.status === 'fulfilled') await caller.hangup()
    await allOver()
  })

  test('a call that is played something and never answered ends, since nobody pays for it', async () => {
    const caller = await lab.dial(lab.number(wait))
    await expect(caller.answered).rejects.toMatchObject({ status: 480 })
    expect(await lab.ended()).toMatchObject({ hangup_reason: 'noanswer', hangup_by: 'local', tm_progressing: null })
  })
})

test('where identities must be verified, only verified customers call phone numbers', async () => {
  const lab = await openLab({ env: { IDENTITY_VERIFICATION: 'required' } })
  const carrier = await lab.phone('first')
  lab.world.carriers = [`127.0.0.1:${carrier.port}`]
  await lab.outboundConfigs.update_own({ destination_whitelist: ['us'] })
  const own = lab.number({ type: 'beep' })
  const dial = () =>
    lab.calls.create({
      source: { type: 'tel', target: own },
      actions: [{ type: 'beep' }],
      destinations: [{ type: 'tel', target: '+14155550123' }],
    })
  for (const identity_verification_status of ['none', 'pending', 'rejected'] as const) {
    lab.world.customers.set(lab.customer, { status: 'active', identity_verification_status })
    await expect(dial()).rejects.toMatchObject({
      status: 'PERMISSION_DENIED',
      reason: 'IDENTITY_VERIFICATION_REQUIRED',
    })
  }
  lab.world.customers.set(lab.customer, { status: 'active', identity_verification_status: 'verified' })
  const { calls } = await dial()
  expect(calls).toHaveLength(1)
  ;(await carrier.nextCall()).reject(486)
  await lab.ended()
  await lab.close()
})
