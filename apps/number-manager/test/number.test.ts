import { internalIdentity } from '@sidetone/contract'
import { numberContract } from '@sidetone/proto-schemas/number'
import { adminOf, someId, startTestPlatform, type TestPlatform } from '@sidetone/testing'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { numberManager } from '../src/manager.ts'

const [acme, rival] = [adminOf(someId(1)), adminOf(someId(2))]

let app: TestPlatform
beforeAll(async () => {
  app = await startTestPlatform({ managers: [numberManager], env: { NUMBER_PROVIDER: 'open' } })
})
afterAll(() => app.close())

const mine = () => app.as(numberContract, acme).number
const theirs = () => app.as(numberContract, rival).number
const lookup = (number: string) => app.as(numberContract, internalIdentity()).number.lookup({ number })

test('a number belongs to one customer at a time, and is free again once it is released', async () => {
  const fields = { number: '+15550100777', name: 'n' }
  const asked = await Promise.allSettled([mine().create(fields), theirs().create(fields), mine().create(fields)])
  expect(asked.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected', 'rejected'])
  for (const { status, ...outcome } of asked) {
    if (status === 'rejected') expect(outcome).toMatchObject({ reason: { reason: 'NUMBER_ALREADY_EXISTS' } })
  }
  const owned = await lookup(fields.number)
  const owner = owned.customer_id === acme.customer_id ? mine() : theirs()
  expect(await owner.delete({ id: owned.id })).toMatchObject({ status: 'deleted', tm_delete: expect.any(String) })
  await expect(lookup(fields.number)).rejects.toMatchObject({ reason: 'NUMBER_NOT_FOUND' })
  const again = await theirs().create(fields)
  expect(await lookup(fields.number)).toEqual(again)
  expect(again.customer_id).toBe(rival.customer_id)
})

test('its flows must be there, which a manager that does not answer leaves open', async () => {
  const number = await mine().create({ number: '+15550100778', name: 'n' })
  const flows = { call_flow_id: crypto.randomUUID() }
  await expect(mine().update_flow_ids({ id: number.id, ...flows })).rejects.toMatchObject({ status: 'UNAVAILABLE' })
  await expect(mine().create({ number: '+15550100779', name: 'n', ...flows })).rejects.toMatchObject({
    status: 'UNAVAILABLE',
  })
  expect(await mine().get({ id: number.id })).toEqual(number)
  await expect(lookup('+15550100779')).rejects.toMatchObject({ reason: 'NUMBER_NOT_FOUND' })
})
