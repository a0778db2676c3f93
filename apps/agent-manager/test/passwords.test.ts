import { permissionBits } from '@sidetone/contract'
import { sha256Hex } from '@sidetone/secrets'
import { timeAfter } from '@sidetone/store'
import { testDatabases } from '@sidetone/store/testing'
import { adminOf } from '@sidetone/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { anybody, fieldsOf, newCustomer, type Running, start } from './start.ts'

const { customer_admin } = permissionBits
const tokenIn = (text: string): string => /token=([0-9a-f]{64})/.exec(text)![1]!

describe.each(await testDatabases('passwords'))('on $name', ({ create }) => {
  let running: Running
  beforeAll(async () => {
    running = await start(await create())
  })
  afterAll(() => running.close())

  const agents = () => running.as(anybody).agent
  const made = async () => {
    const fields = fieldsOf(customer_admin)
    return { ...fields, ...(await running.as(adminOf(newCustomer())).agent.create(fields)) }
  }
  const tokenFor = async (username: string) => {
    await agents().password_forgot({ username })
    return tokenIn((await running.mailbox.next(username)).text)
  }
  const invalid = { reason: 'INVALID_TOKEN', status: 'INVALID_ARGUMENT' }

  test('a forgotten one is replaced by the mailed link, once, which ends every session', async () => {
    const { username, password } = await made()
    const { session } = await agents().login({ username, password })
    const token = await tokenFor(username.toUpperCase().toLowerCase())
    expect(await agents().password_reset({ token, password: 'a new password' })).toEqual({})
    await expect(agents().login({ username, password })).rejects.toMatchObject({ reason: 'INVALID_CREDENTIALS' })
    await agents().login({ username, password: 'a new password' })
    await expect(running.as(anybody).agent_session.verify({ id: session.id })).rejects.toThrow('over')
    await expect(agents().password_reset({ token, password: 'another one' })).rejects.toMatchObject(invalid)
  })

  test('of several links one can be used, also when two are used at the same time', async () => {
    const { username } = await made()
    const tokens = [await tokenFor(username), await tokenFor(username)]
    const results = await Promise.allSettled(
      tokens.flatMap((token) => [1, 2].map((n) => agents().password_reset({ token, password: `password ${n}` }))),
    )
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    for (const token of tokens)
      await expect(agents().password_reset({ token, password: 'long enough' })).rejects.toMatchObject(invalid)
  })

  test('a link expires, and is kept as a hash only', async () => {
    const { username, id } = await made()
    const token = await tokenFor(username)
    const { kysely } = running.app.platform.store
    const kept = JSON.stringify([
      await kysely.selectFrom('agent_password_token').selectAll().execute(),
      await kysely.selectFrom('jobs_job').selectAll().execute(),
    ])
    expect(kept).toContain(sha256Hex(token))
    expect(kept).not.toContain(token)
    await kysely
      .updateTable('agent_password_token')
      .set({ tm_expire: timeAfter(-1) })
      .where('agent_id', '=', id)
      .execute()
    await expect(agents().password_reset({ token, password: 'long enough' })).rejects.toMatchObject(invalid)
  })

  test('whether there is such an agent is told by nothing; and one is mailed five times an hour at most', async () => {
    const { username } = await made()
    const nobody = 'nobody@example.com'
    expect(await agents().password_forgot({ username: nobody })).toEqual({})
    for (let n = 0; n < 5; n++) await tokenFor(username)
    expect(await agents().password_forgot({ username })).toEqual({})
    // The mail to somebody else shows that the jobs before it are done.
    const other = await made()
    await tokenFor(other.username)
    const receivers = running.mailbox.mails.flatMap(({ to }) => to)
    expect(receivers.filter((to) => to === username)).toHaveLength(5)
    expect(receivers).not.toContain(nobody)
  })

  test('a new customer’s first admin has its address, no password, and a mail to set one', async () => {
    const id = newCustomer()
    const email = `First.${id}@Example.com`
    const username = email.toLowerCase()
    await running.announce('created', id, { email })
    const { agent } = await agents().by_username({ username: email })
    expect(agent).toMatchObject({ customer_id: id, username, permission: customer_admin })
    for (const password of ['', 'long enough'])
      await expect(agents().login({ username, password })).rejects.toMatchObject({ reason: 'INVALID_CREDENTIALS' })
    const token = tokenIn((await running.mailbox.next(username)).text)
    await agents().password_reset({ token, password: 'my own choice' })
    expect((await agents().login({ username, password: 'my own choice' })).agent.id).toBe(agent!.id)
  })

  test('a customer whose maker makes the agents itself gets none', async () => {
    const id = newCustomer()
    await running.announce('created', id, { headless: true })
    expect((await running.as(adminOf(id)).agent.list({})).result).toEqual([])
  })

  test('a mail that the server cannot take now is not lost', async () => {
    const username = `later@${crypto.randomUUID()}.example`
    await running.as(adminOf(newCustomer())).agent.create({ ...fieldsOf(customer_admin), username })
    await agents().password_forgot({ username })
    const tried = () =>
      running.app.platform.store.kysely
        .selectFrom('jobs_job')
        .select('attempt')
        .where('type', '=', 'agent.password_mail')
        .where('attempt', '>', 0)
        .where('payload', 'like', `%${username}%`)
        .where('claim', 'is', null)
        .execute()
    await expect.poll(tried, { timeout: 10_000 }).toHaveLength(1)
  })
})

test('guessing at one account is stopped, also for the one who has it', async () => {
  const running = await start(await (await testDatabases('guessing'))[0]!.create())
  const fields = fieldsOf(customer_admin)
  const { username, password } = fields
  await running.as(adminOf(newCustomer())).agent.create(fields)
  const { login } = running.as(anybody).agent
  for (let n = 0; n < 10; n++)
    await expect(login({ username, password: 'wrong' })).rejects.toMatchObject({ reason: 'INVALID_CREDENTIALS' })
  await expect(login({ username: username.toUpperCase(), password })).rejects.toMatchObject({
    reason: 'RATE_LIMIT_EXCEEDED',
    details: [{ limited_by: 'account', retry_after: expect.any(Number) }],
  })
  await running.close()
}, 60_000)
