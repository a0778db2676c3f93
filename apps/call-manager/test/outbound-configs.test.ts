import { commonErrors, nilId, permissionBits } from '@sidetone/contract'
import { callContract } from '@sidetone/proto-schemas/call'
import { newId } from '@sidetone/store'
import { type TestDatabase, testDatabases } from '@sidetone/store/testing'
import { adminOf, startTestPlatform, type TestPlatform } from '@sidetone/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { callManager } from '../src/manager.ts'
import { World } from './scripted-managers.ts'

const databases = await testDatabases('outbound configs')

describe.each(databases)('outbound configs on $name', ({ create }) => {
  const world = new World()
  let database: TestDatabase
  let app: TestPlatform
  beforeAll(async () => {
    database = await create()
    const env = database.url ? { DATABASE_URL: database.url } : {}
    app = await startTestPlatform({ managers: [...world.managers(), callManager as never], env })
  })
  afterAll(async () => {
    await app.close()
    await database.drop()
  })
  const configsOf = (customer: string) => app.as(callContract, adminOf(customer)).outbound_config
  const operator = () =>
    app.as(callContract, { ...adminOf(newId()), permission: permissionBits.project_super_admin }).outbound_config

  test('the first change makes it; what is absent or null stays as it was', async () => {
    const own = configsOf(newId())
    await expect(own.own({})).rejects.toMatchObject({ reason: 'OUTBOUND_CONFIG_NOT_FOUND' })
    const made = await own.update_own({ name: 'ours', destination_whitelist: ['us', 'rw'] })
    expect(made).toMatchObject({ codecs: '', default_outgoing_source_number_id: nilId })
    const changed = await own.update_own({ codecs: 'ulaw,alaw', name: null, destination_whitelist: null })
    expect(changed).toMatchObject({
      id: made.id,
      name: 'ours',
      codecs: 'ulaw,alaw',
      destination_whitelist: ['us', 'rw'],
    })
    expect(await own.update_own({ destination_whitelist: [] })).toMatchObject({
      destination_whitelist: [],
      name: 'ours',
    })
    const told = (await app.events()).filter(({ resource_id }) => resource_id === made.id)
    expect(told.map(({ type }) => type)).toEqual([
      'outbound_config_created',
      'outbound_config_updated',
      'outbound_config_updated',
    ])
  })

  test.each([
    ['a country that is none', { destination_whitelist: ['xx'] }, 'COUNTRY_INVALID'],
    ['a country twice', { destination_whitelist: ['us', 'us'] }, 'INVALID_ARGUMENT'],
    ['upper case', { destination_whitelist: ['US'] }, 'INVALID_ARGUMENT'],
    ['codecs with a space', { codecs: 'ulaw, alaw' }, 'INVALID_ARGUMENT'],
  ])('%s is refused', async (_, change, reason) => {
    await expect(configsOf(newId()).update_own(change)).rejects.toMatchObject({
      status: commonErrors.INVALID_ARGUMENT.status,
      reason,
    })
  })

  test('only an own number that is not virtual can be shown; the nil id takes it away', async () => {
    const customer_id = newId()
    const own = configsOf(customer_id)
    const add = (number: string, of: string, type = 'normal') => {
      const id = newId()
      world.numbers.set(number, { id, customer_id: of, call_flow_id: nilId, type })
      return id
    }
    for (const id of [newId(), add('+15550001', newId()), add('+89900001', customer_id, 'virtual')]) {
      await expect(own.update_own({ default_outgoing_source_number_id: id })).rejects.toMatchObject({
        reason: 'SOURCE_NUMBER_INVALID',
      })
    }
    const id = add('+15550002', customer_id)
    await own.update_own({ default_outgoing_source_number_id: id })
    expect(await own.update_own({ name: 'x' })).toMatchObject({ default_outgoing_source_number_id: id })
    expect(await own.update_own({ default_outgoing_source_number_id: nilId })).toMatchObject({
      default_outgoing_source_number_id: nilId,
    })
  })

  test('operators keep those of all customers, one each', async () => {
    const customer_id = newId()
    const made = await operator().create({ customer_id, destination_whitelist: ['us'] })
    expect(await configsOf(customer_id).own({})).toEqual(made)
    await expect(operator().create({ customer_id })).rejects.toMatchObject({ reason: 'OUTBOUND_CONFIG_ALREADY_EXISTS' })
    expect((await operator().list({ customer_id })).result).toEqual([made])
    expect(await operator().update({ id: made.id, name: 'theirs' })).toMatchObject({ name: 'theirs' })
    await operator().delete({ id: made.id })
    await expect(configsOf(customer_id).own({})).rejects.toMatchObject({ reason: 'OUTBOUND_CONFIG_NOT_FOUND' })
  })
})
