import { type Identity, internalIdentity, permissionBits } from '@sidetone/contract'
import { agentContract } from '@sidetone/proto-schemas/agent'
import { adminOf, startTestPlatform, type TestPlatform } from '@sidetone/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { agentManager } from '../src/manager.ts'

const { project_super_admin, customer_admin, customer_manager, customer_agent } = permissionBits

let app: TestPlatform
beforeAll(async () => {
  app = await startTestPlatform({ managers: [agentManager] })
})
afterAll(() => app.close())

/** A customer of its own for each test. */
const newCustomer = (): string => crypto.randomUUID()
const as = (identity: Identity) => app.as(agentContract, identity).agent
const holding = (customer_id: string, permission: number): Identity => ({ ...adminOf(customer_id), permission })
const fields = (permission: number) => ({
  username: `${crypto.randomUUID()}@example.com`,
  password: 'long enough',
  name: 'A',
  permission,
})

describe('permission', () => {
  test('nobody grants, sets or takes away what they do not hold', async () => {
    const customer = newCustomer()
    const agents = { admin: as(adminOf(customer)), manager: as(holding(customer, customer_manager)) }
    const admin = await agents.admin.create(fields(customer_admin))
    const refused = { reason: 'PERMISSION_NOT_HELD' }
    for (const permission of [project_super_admin, 2, 4, 8, 0x100, 0xffff]) {
      await expect(agents.admin.create(fields(permission))).rejects.toMatchObject(refused)
    }
    await expect(agents.manager.create(fields(customer_admin))).rejects.toMatchObject(refused)
    const manager = await agents.manager.create(fields(customer_manager | customer_agent))
    const { id } = manager
    await expect(agents.manager.update_permission({ id, permission: customer_admin })).rejects.toMatchObject(refused)
    await expect(agents.admin.update_permission({ id, permission: project_super_admin })).rejects.toMatchObject(refused)
    const theirs = { id: admin.id }
    await expect(agents.manager.update_permission({ ...theirs, permission: 0 })).rejects.toMatchObject(refused)
    await expect(agents.manager.update_password({ ...theirs, password: 'long enough' })).rejects.toMatchObject(refused)
    await expect(agents.manager.delete(theirs)).rejects.toMatchObject(refused)
    expect((await agents.admin.get(theirs)).permission).toBe(customer_admin)
    expect((await agents.admin.update_permission({ id, permission: customer_admin })).permission).toBe(customer_admin)
  })

  test('the last admin stays, also when two leave at the same time', async () => {
    const customer = newCustomer()
    const agents = as(adminOf(customer))
    const [one, two] = [await agents.create(fields(customer_admin)), await agents.create(fields(customer_admin))]
    const left = await Promise.allSettled([
      agents.delete({ id: one.id }),
      agents.update_permission({ id: two.id, permission: 0 }),
    ])
    expect(left.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
    const admins = (await agents.list({})).result.filter(({ permission }) => permission === customer_admin)
    expect(admins).toHaveLength(1)
    const id = admins[0]!.id
    await expect(agents.delete({ id })).rejects.toMatchObject({ reason: 'LAST_ADMIN' })
    await expect(agents.update_permission({ id, permission: 0 })).rejects.toMatchObject({ reason: 'LAST_ADMIN' })
  })
})

test('among more than a thousand agents, the admin and the owner of an address are still found', async () => {
  const customer = newCustomer()
  const agents = as(adminOf(customer))
  const addresses = [{ type: 'tel' as const, target: '+15550177777', target_name: '', name: 'mine', detail: '' }]
  const first = await agents.create({ ...fields(customer_admin), addresses })
  const row = await app.platform.store.kysely
    .selectFrom('agent_agent')
    .selectAll()
    .where('id', '=', first.id)
    .executeTakeFirstOrThrow()
  const rows = Array.from({ length: 1_200 }, (_, n) => {
    const id = crypto.randomUUID()
    return {
      ...row,
      id,
      username: id,
      login: id,
      permission: customer_agent,
      addresses: '[]',
      tm_create: `2030-01-01T00:00:00.${String(n).padStart(6, '0')}Z`,
    }
  })
  await app.platform.store.kysely.insertInto('agent_agent').values(rows).execute()
  const second = await agents.create(fields(customer_admin))
  expect((await agents.delete({ id: second.id })).id).toBe(second.id)
  const internal = as(internalIdentity(customer))
  expect((await internal.by_address({ address: addresses[0]! })).agent?.id).toBe(first.id)
  expect((await internal.by_address({ address: { ...addresses[0]!, target: '+1555017777' } })).agent).toBeNull()
  expect((await internal.by_address({ address: { ...addresses[0]!, type: 'line' } })).agent).toBeNull()
})

describe('logging in', () => {
  test('takes the username in any case and the right password, and says no more than no', async () => {
    const customer = newCustomer()
    const made = fields(customer_admin)
    const { id } = await as(adminOf(customer)).create({ ...made, username: 'Mixed.Case@Example.com' })
    const anybody = as(internalIdentity())
    expect((await anybody.login({ username: 'mixed.case@EXAMPLE.com', password: made.password })).agent.id).toBe(id)
    const wrong = await anybody.login({ username: 'mixed.case@example.com', password: 'nope' }).catch((error) => error)
    const unknown = await anybody.login({ username: 'nobody@example.com', password: 'nope' }).catch((error) => error)
    expect(wrong.toBody()).toEqual(unknown.toBody())
  })

  test('takes the new password once it is set, and the old one no more', async () => {
    const made = fields(customer_admin)
    const { id } = await as(adminOf(newCustomer())).create(made)
    const admin = as(internalIdentity())
    await admin.update_password({ id, password: 'another one' })
    const { username, password } = made
    await expect(admin.login({ username, password })).rejects.toMatchObject({ reason: 'INVALID_CREDENTIALS' })
    expect((await admin.login({ username, password: 'another one' })).agent.id).toBe(id)
  })

  test('is over for an agent that is deleted, whose username is free again', async () => {
    const [customer, rival] = [newCustomer(), newCustomer()]
    await as(adminOf(customer)).create(fields(customer_admin))
    const made = fields(customer_agent)
    const { id } = await as(adminOf(customer)).create(made)
    await expect(as(adminOf(rival)).create(made)).rejects.toMatchObject({ reason: 'AGENT_ALREADY_EXISTS' })
    const deleted = await as(adminOf(customer)).delete({ id })
    expect(deleted).toMatchObject({ username: made.username, tm_delete: expect.any(String) })
    const announced = (await app.events()).filter(({ resource_id }) => resource_id === id)
    expect(announced.map(({ type }) => type)).toEqual(['agent_created', 'agent_deleted'])
    expect(announced[1]!.data).toMatchObject({ tm_delete: deleted.tm_delete })
    await expect(
      as(internalIdentity()).login({ username: made.username, password: made.password }),
    ).rejects.toMatchObject({ reason: 'INVALID_CREDENTIALS' })
    expect((await as(adminOf(rival)).create(made)).username).toBe(made.username)
  })
})
