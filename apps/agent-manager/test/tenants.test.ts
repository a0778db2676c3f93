import { permissionBits } from '@sidetone/contract'
import { testDatabases } from '@sidetone/store/testing'
import { adminOf } from '@sidetone/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { agents } from '../src/tables.ts'
import { insertAgent, newCustomer, type Running, start } from './start.ts'

const { customer_admin, customer_agent } = permissionBits

describe.each(await testDatabases('agents'))('on $name', ({ create }) => {
  let running: Running
  beforeAll(async () => {
    running = await start(await create())
  })
  afterAll(() => running.close())

  const missing = { status: 'NOT_FOUND', reason: 'AGENT_NOT_FOUND' }

  test('an agent does not exist for another customer, by any operation', async () => {
    const customer = newCustomer()
    await insertAgent(running, customer, customer_admin)
    const id = await insertAgent(running, customer, customer_agent)
    const { store } = running.app.platform
    const before = await agents.find(store, customer, id)
    const rival = running.as(adminOf(newCustomer())).agent
    const attempts = await Promise.allSettled([
      rival.get({ id }),
      rival.update({ id, name: 'mine' }),
      rival.update_addresses({ id, addresses: [] }),
      rival.update_tag_ids({ id, tag_ids: [] }),
      rival.update_status({ id, status: 'busy' }),
      rival.update_password({ id, password: 'long enough' }),
      rival.update_permission({ id, permission: 0 }),
      rival.direct_hash_regenerate({ id }),
      rival.delete({ id }),
    ])
    for (const attempt of attempts) expect(attempt).toMatchObject({ status: 'rejected', reason: missing })
    expect((await rival.list({})).result).toEqual([])
    expect(await agents.find(store, customer, id)).toEqual(before)
  })

  test('a list by tags is full pages of those that have one of them', async () => {
    const customer = newCustomer()
    const admin = running.as(adminOf(customer)).agent
    const [vip, night] = [crypto.randomUUID(), crypto.randomUUID()]
    const tags = [[vip], [], [night], [], [vip, night], []]
    const ids: string[] = []
    for (const tag_ids of tags) {
      const id = await insertAgent(running, customer, customer_agent)
      await admin.update_tag_ids({ id, tag_ids })
      ids.unshift(id)
    }
    const tag_ids = `${vip},${night}`
    const first = await admin.list({ tag_ids, page_size: 2 })
    const rest = await admin.list({ tag_ids, page_size: 2, page_token: first.next_page_token })
    expect([first, rest].map(({ result }) => result.map(({ id }) => id))).toEqual([[ids[1], ids[3]], [ids[5]]])
    expect(rest.next_page_token).toBe('')
    expect((await admin.list({ tag_ids: night, status: 'available' })).result).toEqual([])
    expect((await admin.list({ tag_ids: '' })).result).toHaveLength(6)
  })

  test('its direct hash is shown as soon as it is made anew', async () => {
    const customer = newCustomer()
    const admin = running.as(adminOf(customer)).agent
    const id = await insertAgent(running, customer, customer_agent)
    const first = await admin.direct_hash_regenerate({ id })
    const second = await admin.direct_hash_regenerate({ id })
    expect(second.direct_hash).toMatch(/^direct\.[0-9a-f]{32}$/)
    expect(second.direct_hash).not.toBe(first.direct_hash)
    expect((await admin.get({ id })).direct_hash).toBe(second.direct_hash)
  })
})
