import { nilId } from '@sidetone/contract'
import { testDatabases } from '@sidetone/store/testing'
import { afterEach, describe, expect, test } from 'vitest'
import { acme, type Running, rival, startNumbers } from './start.ts'

const number = '+15550100777'
const virtual = '+899123456789'
const pick = ({ number: picked }: { number: string }) => ({ number: picked })
const field = (name: string) => ({ reason: 'INVALID_ARGUMENT', details: [expect.objectContaining({ field: name })] })

describe.each(await testDatabases('numbers'))('on $name', ({ create }) => {
  let running: Running
  const start = async (provider: 'open' | 'none') => {
    running = await startNumbers(await create(), { env: { NUMBER_PROVIDER: provider } })
    return running
  }
  afterEach(() => running.close())

  test('a number belongs to one customer at a time, and is free again once it is released', async () => {
    const { mine, theirs, lookup } = await start('open')
    const fields = { number, name: 'n' }
    const asked = await Promise.allSettled([
      mine.number.create(fields),
      theirs.number.create(fields),
      mine.number.create(fields),
    ])
    expect(asked.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected', 'rejected'])
    for (const { status, ...outcome } of asked) {
      if (status === 'rejected') expect(outcome).toMatchObject({ reason: { reason: 'NUMBER_ALREADY_EXISTS' } })
    }
    const owned = await lookup(number)
    const owner = owned.customer_id === acme ? mine : theirs
    expect(await owner.number.delete({ id: owned.id })).toMatchObject({
      status: 'deleted',
      tm_delete: expect.any(String),
    })
    await expect(lookup(number)).rejects.toMatchObject({ reason: 'NUMBER_NOT_FOUND' })
    const again = await theirs.number.create(fields)
    expect(await lookup(number)).toEqual(again)
    expect(again.customer_id).toBe(rival)
  })

  test('where identities must be verified, others get virtual numbers alone', async () => {
    running = await startNumbers(await create(), {
      env: { NUMBER_PROVIDER: 'open', IDENTITY_VERIFICATION: 'required' },
    })
    const { mine, identities, told } = running
    for (const status of ['none', 'pending', 'rejected'] as const) {
      identities.set(acme, status)
      await expect(mine.number.create({ number })).rejects.toMatchObject({
        status: 'PERMISSION_DENIED',
        reason: 'IDENTITY_VERIFICATION_REQUIRED',
      })
    }
    expect(await told({ type: 'number_created' })).toEqual([])
    expect(await mine.number.create({ number: virtual, type: 'virtual' })).toMatchObject({ number: virtual })
    identities.set(acme, 'verified')
    expect(await mine.number.create({ number })).toMatchObject({ number, customer_id: acme })
  })

  test('its flows are the customer’s own, and forgotten when they are deleted', async () => {
    const { mine, flowOf, announce, told } = await start('open')
    const [own, foreign] = [flowOf(acme), flowOf(rival)]
    const refused = { reason: 'FLOW_NOT_FOUND', details: [expect.objectContaining({ field: 'message_flow_id' })] }
    await expect(mine.number.create({ number, message_flow_id: foreign })).rejects.toMatchObject(refused)
    const { id } = await mine.number.create({ number, call_flow_id: own, message_flow_id: own })
    const change = mine.number.update_flow_ids({ id, call_flow_id: own, message_flow_id: foreign })
    await expect(change).rejects.toMatchObject(refused)
    await announce('flow_deleted', own, acme)
    expect(await mine.number.get({ id })).toMatchObject({ call_flow_id: nilId, message_flow_id: nilId })
    expect((await told({ id })).at(-1)).toMatchObject({ type: 'number_updated', data: { message_flow_id: nilId } })
  })

  test('metadata is replaced by itself', async () => {
    const { mine } = await start('open')
    const made = await mine.number.create({ number, name: 'n' })
    const changed = await mine.number.update_metadata({ id: made.id, rtp_debug: true })
    expect(changed).toEqual({ ...made, metadata: { rtp_debug: true }, tm_update: expect.any(String) })
    expect((await mine.number.update({ id: made.id, name: 'other' })).metadata).toEqual({ rtp_debug: true })
  })

  test('virtual numbers are offered at random, without those that are taken, and cost nothing', async () => {
    const { mine, theirs, held } = await start('none')
    const { result } = await mine.available_number.search({ type: 'virtual' })
    expect(new Set(result.map((one) => one.number)).size).toBe(10)
    for (const one of result) expect(one.number).toMatch(/^\+899(?!000)\d{9}$/)
    const made = await mine.number.create({ number: result[0]!.number, type: 'virtual' })
    expect(made).toMatchObject({ type: 'virtual', tm_renew: null })
    expect(held.size).toBe(0)
    await expect(theirs.number.create({ number: made.number, type: 'virtual' })).rejects.toMatchObject({
      reason: 'NUMBER_ALREADY_EXISTS',
    })
  })

  test('a plan has so many virtual numbers, also when they are taken all at once', async () => {
    const { mine, theirs, plans } = await start('none')
    const { result } = await mine.available_number.search({ type: 'virtual', page_size: 20 })
    const take = (by: typeof mine, from: number) =>
      Promise.allSettled(result.slice(from, from + 8).map((one) => by.number.create({ ...pick(one), type: 'virtual' })))
    const outcomes = await take(mine, 0)
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(5)
    for (const { status, ...outcome } of outcomes)
      if (status === 'rejected') expect(outcome).toMatchObject({ reason: { reason: 'RESOURCE_LIMIT_EXCEEDED' } })
    plans.set(rival, 'unlimited')
    expect((await take(theirs, 8)).filter(({ status }) => status === 'fulfilled')).toHaveLength(8)
    await mine.number.delete({ id: (await mine.number.list({})).result[0]!.id })
    await mine.number.create({ ...pick(result[19]!), type: 'virtual' })
  })

  test.each([
    { number: virtual, type: 'normal' as const },
    { number, type: 'virtual' as const },
    { number: '+899000123456', type: 'virtual' as const },
    { number: '+89912345678', type: 'virtual' as const },
  ])('%j is not what it says', async (fields) => {
    const { mine } = await start('open')
    await expect(mine.number.create(fields)).rejects.toMatchObject(field('number'))
  })

  test('where no numbers are bought, operators register what carriers send', async () => {
    const { mine, operators, lookup, flowOf } = await start('none')
    const unsold = { reason: 'NUMBER_PROVIDER_NOT_CONFIGURED' }
    await expect(mine.number.create({ number })).rejects.toMatchObject(unsold)
    await expect(mine.available_number.search({ country_code: 'US' })).rejects.toMatchObject(unsold)
    await expect(mine.available_number.search({})).rejects.toMatchObject(field('country_code'))
    const call_flow_id = flowOf(acme)
    const registered = await operators.number.register({ customer_id: acme, number, call_flow_id })
    expect(await lookup(number)).toEqual(registered)
    expect(registered).toMatchObject({ customer_id: acme, type: 'normal', call_flow_id, tm_renew: null })
    const again = (fields: { customer_id?: string; number?: string; call_flow_id?: string }) =>
      operators.number.register({ customer_id: rival, number: '+15550100778', ...fields })
    await expect(again({ number })).rejects.toMatchObject({ reason: 'NUMBER_ALREADY_EXISTS' })
    await expect(again({ customer_id: nilId })).rejects.toMatchObject({ reason: 'CUSTOMER_UNKNOWN' })
    await expect(again({ call_flow_id })).rejects.toMatchObject({ reason: 'FLOW_NOT_FOUND' })
    await expect(again({ number: virtual })).rejects.toMatchObject(field('number'))
    await mine.number.delete({ id: registered.id })
    expect((await again({ number })).customer_id).toBe(rival)
  })
})
