import { internalIdentity, permissionBits } from '@sidetone/contract'
import { timeAfter } from '@sidetone/store'
import { testDatabases } from '@sidetone/store/testing'
import { adminOf } from '@sidetone/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { sessionOf } from '../src/sessions.ts'
import { sessions } from '../src/tables.ts'
import { anybody, holding, insertAgent, newCustomer, type Running, start, unknownCustomer } from './start.ts'

const { customer_admin, customer_agent, project_super_admin } = permissionBits
const over = { reason: 'AGENT_SESSION_NOT_FOUND' }

describe.each(await testDatabases('sessions'))('on $name', ({ create }) => {
  let running: Running
  beforeAll(async () => {
    running = await start(await create())
  })
  afterAll(() => running.close())

  const verify = (id: string) => running.as(anybody).agent_session.verify({ id })
  /** An agent that is logged in, of a customer with another admin. */
  async function loggedIn(permission: number = customer_agent) {
    const customer = newCustomer()
    await insertAgent(running, customer, customer_admin)
    const id = await insertAgent(running, customer, permission)
    const { store } = running.app.platform
    const session = await sessions.insert(store, sessionOf({ id, customer_id: customer }))
    return { customer, admin: running.as(adminOf(customer)).agent, id, session }
  }

  test('a session shows the agent as it is now, until it is closed', async () => {
    const { customer, admin, id, session } = await loggedIn()
    expect((await verify(session.id)).agent).toMatchObject({ id, permission: customer_agent })
    await admin.update_permission({ id, permission: customer_admin })
    expect((await verify(session.id)).agent.permission).toBe(customer_admin)
    await expect(running.as(adminOf(newCustomer())).agent_session.close({ id: session.id })).rejects.toMatchObject(over)
    await running.as(adminOf(customer)).agent_session.close({ id: session.id })
    await expect(verify(session.id)).rejects.toMatchObject(over)
  })

  test.each([
    ['a new password', ({ admin, id }) => admin.update_password({ id, password: 'long enough too' })],
    ['its agent’s deletion', ({ admin, id }) => admin.delete({ id })],
    ['its customer’s deletion', ({ customer }) => running.announce('deleted', customer)],
    [
      'its expiry',
      ({ session }) =>
        running.app.platform.store.kysely
          .updateTable('agent_session')
          .set({ tm_expire: timeAfter(-1) })
          .where('id', '=', session.id)
          .execute(),
    ],
  ] as [string, (its: Awaited<ReturnType<typeof loggedIn>>) => Promise<unknown>][])(
    'it ends with %s, and no other does',
    async (_, happen) => {
      const [ending, other] = [await loggedIn(), await loggedIn()]
      await verify(ending.session.id)
      await happen(ending)
      await expect(verify(ending.session.id)).rejects.toMatchObject(over)
      await verify(other.session.id)
    },
  )

  test('an operator acts for a customer for a reason that is kept, for as long as it is an operator', async () => {
    const { customer, id } = await loggedIn(project_super_admin)
    const [target, reason] = [newCustomer(), 'ticket 4711: cannot log in']
    const operator = { ...holding(customer, project_super_admin), agent_id: id }
    const delegate = (customer_id: string) => running.as(operator).agent_session.delegate({ customer_id, reason })
    const session = await delegate(target)
    expect(session).toMatchObject({ type: 'delegate', customer_id: target, agent_id: id, reason })
    expect((await running.app.events()).at(-1)).toMatchObject({ type: 'agent_session_delegated', customer_id: target })
    expect((await verify(session.id)).session.customer_id).toBe(target)
    await expect(delegate(unknownCustomer)).rejects.toMatchObject({ reason: 'CUSTOMER_UNKNOWN' })
    await running.as(internalIdentity(customer)).agent.update_permission({ id, permission: customer_agent })
    await expect(verify(session.id)).rejects.toMatchObject(over)
  })
})
