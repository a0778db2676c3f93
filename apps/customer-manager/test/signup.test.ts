import { nilId } from '@sidetone/contract'
import { sha256Hex } from '@sidetone/secrets'
import { timeAfter } from '@sidetone/store'
import { testDatabases } from '@sidetone/store/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { agentsAddress, anybody, eventsOf, newEmail, type Running, start } from './start.ts'

const tokenIn = (text: string): string => /email-verify\?token=([0-9a-f]{64})/.exec(text)![1]!

describe.each(await testDatabases('signing up'))('on $name', ({ create }) => {
  let running: Running
  beforeAll(async () => {
    running = await start(await create())
  })
  afterAll(() => running.close())

  const customers = () => anybody(running.app).customer
  const signup = (email: string, fields: object = {}) =>
    customers().signup({ email, terms_agreed_ip: '203.0.113.7', ...fields })
  const mailedToken = async (email: string) => tokenIn((await running.mailbox.next(email)).text)
  const invalid = { reason: 'INVALID_TOKEN', status: 'INVALID_ARGUMENT' }

  test('nothing exists before the address is verified; then an active customer does, with a key that works', async () => {
    const email = newEmail()
    expect(await signup(email, { name: 'Acme', phone_number: '+15550100000' })).toEqual({})
    const token = await mailedToken(email)
    expect((await customers().list({})).result.map((one) => one.email)).not.toContain(email)
    const { customer, accesskey } = await customers().email_verify({ token })
    expect(customer).toMatchObject({ email, name: 'Acme', phone_number: '+15550100000' })
    expect(customer).toMatchObject({ status: 'active', email_verified: true })
    const { terms_agreed_version, terms_agreed_ip } = await running.operator.customer.get({ id: customer.id })
    expect([terms_agreed_version, terms_agreed_ip]).toEqual(['2026-11', '203.0.113.7'])
    expect(Object.keys(await running.of(customer.id).customer.own({}))).not.toContain('terms_agreed_ip')
    const verified = await anybody(running.app).accesskey.verify({ token_hash: sha256Hex(accesskey!.token!) })
    expect(verified.customer_id).toBe(customer.id)
    const created = (await running.app.events()).find(
      ({ type, resource_id }) => type === 'customer_created' && resource_id === customer.id,
    )
    expect(created?.data).toMatchObject({ headless: false })
    expect(JSON.stringify(created)).not.toContain('whsec_')
    await expect(customers().email_verify({ token })).rejects.toMatchObject(invalid)
  })

  test('two who sign up with one address make one customer, also at the same time', async () => {
    const email = newEmail()
    const tokens: string[] = []
    for (const spelling of [email, email.toUpperCase()]) {
      await signup(spelling)
      tokens.push(await mailedToken(spelling))
    }
    const made = await Promise.allSettled([...tokens, ...tokens].map((token) => customers().email_verify({ token })))
    expect(made.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    for (const one of made) if (one.status === 'rejected') expect(one.reason).toMatchObject(invalid)
  })

  test('an address that is known gets the same answer, and a mail that says so', async () => {
    const email = newEmail()
    await running.operator.customer.create({ name: 'There', email })
    for (const known of [email, agentsAddress]) {
      expect(await signup(known)).toEqual({})
      const { subject, text } = await running.mailbox.next(known)
      expect(subject).toMatch(/already/)
      expect(text).not.toMatch(/token=/)
    }
  })

  test('a link expires, and is kept as a hash only', async () => {
    const email = newEmail()
    await signup(email)
    const token = await mailedToken(email)
    const { kysely } = running.app.platform.store
    const kept = JSON.stringify([
      await kysely.selectFrom('customer_signup').selectAll().execute(),
      await kysely.selectFrom('jobs_job').selectAll().execute(),
    ])
    expect(kept).toContain(sha256Hex(token))
    expect(kept).not.toContain(token)
    await kysely
      .updateTable('customer_signup')
      .set({ tm_expire: timeAfter(-1) })
      .where('email', '=', email)
      .execute()
    await expect(customers().email_verify({ token })).rejects.toMatchObject(invalid)
  })

  test('one address is mailed five times an hour at most', async () => {
    const email = newEmail()
    for (let n = 0; n < 5; n++) {
      await signup(email)
      await running.mailbox.next(email)
    }
    expect(await signup(email)).toEqual({})
    // The mail to somebody else shows that the jobs before it are done.
    const other = newEmail()
    await signup(other)
    await running.mailbox.next(other)
    expect(running.mailbox.mails.filter(({ to }) => to.includes(email))).toHaveLength(5)
  })

  test('an address that changes is verified by a link of its own, which is mailed again when the customer is saved again', async () => {
    const [first, second] = [newEmail(), newEmail()]
    await signup(first)
    const { customer, accesskey } = await customers().email_verify({ token: await mailedToken(first) })
    const own = running.of(customer.id).customer
    expect((await own.update_own({ name: 'Acme', email: first.toUpperCase() })).email_verified).toBe(true)
    expect((await own.update_own({ name: 'Acme', email: second })).email_verified).toBe(false)
    const unused = await mailedToken(second)
    await own.update_own({ name: 'Acme', email: second })
    const token = await mailedToken(second)
    const answer = await customers().email_verify({ token })
    expect(answer.customer).toMatchObject({ id: customer.id, email: second, email_verified: true })
    expect([answer.accesskey, accesskey!.customer_id]).toEqual([undefined, customer.id])
    expect((await eventsOf(running.app, customer.id)).at(-1)).toBe('customer_updated')
    for (const old of [token, unused]) {
      await expect(customers().email_verify({ token: old })).rejects.toMatchObject(invalid)
    }
    expect(running.mailbox.mails.filter(({ to }) => to.includes(first))).toHaveLength(1)
  })

  test('a link to an address that the customer has left again verifies nothing', async () => {
    const email = newEmail()
    const { id } = await running.operator.customer.create({ name: 'There', email: newEmail() })
    await running.of(id).customer.update_own({ name: 'There', email })
    const token = await mailedToken(email)
    await running.of(id).customer.update_own({ name: 'There', email: newEmail() })
    await expect(customers().email_verify({ token })).rejects.toMatchObject(invalid)
    expect((await running.of(id).customer.own({})).email_verified).toBe(false)
  })

  test('what is wrong is said at once: the address, a webhook in a private network', async () => {
    const refusals = [
      [{ email: 'nobody' }, 'email'],
      [{ webhook_uri: 'http://169.254.169.254/' }, 'webhook_uri'],
    ] as const
    for (const [fields, field] of refusals)
      await expect(signup(newEmail(), fields)).rejects.toMatchObject({ details: [{ field }] })
  })

  test('a customer that an operator makes gets its admin from the agent manager; one of a manager does not', async () => {
    const headlessOf = async (maker: Running['operator']) => {
      const { id } = await maker.customer.create({ name: 'X', email: newEmail() })
      expect(await eventsOf(running.app, id)).toEqual(['customer_created'])
      return (await running.app.events()).find(({ resource_id }) => resource_id === id)!.data
    }
    expect(await headlessOf(running.operator)).toMatchObject({ headless: false, billing_account_id: nilId })
    expect(await headlessOf(anybody(running.app))).toMatchObject({ headless: true })
    await expect(
      running.operator.customer.create({ name: 'X', email: agentsAddress.toUpperCase() }),
    ).rejects.toMatchObject({ reason: 'CUSTOMER_ALREADY_EXISTS' })
  })
})
