import { nilId } from '@sidetone/contract'
import { billingContract } from '@sidetone/proto-schemas/billing'
import { sha256Hex } from '@sidetone/secrets'
import { createEmitter } from '@sidetone/store'
import { testDatabases } from '@sidetone/store/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { account, accountOf, anybody, eventsOf, newEmail, password, type Running, start } from './start.ts'

const dayMs = 24 * 3_600_000

describe.each(await testDatabases('a customer’s life'))('on $name', ({ create }) => {
  let running: Running
  beforeAll(async () => {
    running = await start(await create())
  })
  afterAll(() => running.close())

  const made = () =>
    running.operator.customer.create({ name: 'Acme', email: newEmail(), phone_number: '+15550100000', address: 'Here' })
  const deletions = (id: string) =>
    running.app.platform.store.kysely
      .selectFrom('jobs_job')
      .selectAll()
      .where('type', '=', 'customer.delete')
      .where('payload', 'like', `%${id}%`)
      .where('cancelled', '=', 0)
      .execute()
  const get = (id: string) => anybody(running.app).customer.get({ id })

  test('frozen, it is to be deleted in 30 days; recovered, it is not', async () => {
    const { id } = await made()
    const frozen = await running.operator.customer.freeze({ id })
    expect(frozen.status).toBe('frozen')
    expect(Math.abs(Date.parse(frozen.tm_deletion_scheduled!) - Date.now())).toBeLessThan(60_000)
    expect(await running.operator.customer.freeze({ id })).toEqual(frozen)
    const [job, ...more] = await deletions(id)
    expect(more).toEqual([])
    expect(Math.round((Number(job!.run_at_ms) - Date.now()) / dayMs)).toBe(30)
    const recovered = await running.operator.customer.recover({ id })
    expect(recovered).toMatchObject({ status: 'active', tm_deletion_scheduled: null })
    expect(await running.operator.customer.recover({ id })).toEqual(recovered)
    expect(await deletions(id)).toEqual([])
    expect(await eventsOf(running.app, id)).toEqual(['customer_created', 'customer_frozen', 'customer_recovered'])
  })

  test('when its time has come it is gone, with its keys and with what tells who it was', async () => {
    const { id, email } = await made()
    const { token } = await running.of(id).accesskey.create({ name: 'k' })
    await running.operator.customer.freeze({ id })
    const { kysely } = running.app.platform.store
    await kysely
      .updateTable('jobs_job')
      .set({ run_at_ms: Date.now(), due_ms: Date.now() })
      .where('type', '=', 'customer.delete')
      .where('payload', 'like', `%${id}%`)
      .execute()
    await expect.poll(() => get(id).catch(({ reason }) => reason), { timeout: 10_000 }).toBe('CUSTOMER_NOT_FOUND')
    await expect(anybody(running.app).accesskey.verify({ token_hash: sha256Hex(token!) })).rejects.toMatchObject({
      reason: 'ACCESSKEY_NOT_FOUND',
    })
    expect((await eventsOf(running.app, id)).at(-1)).toBe('customer_deleted')
    const rows = await kysely.selectFrom('customer_customer').selectAll().where('id', '=', id).execute()
    expect(rows).toMatchObject([{ name: `deleted_user_${id.slice(0, 8)}`, status: 'deleted', active_email: null }])
    const kept = JSON.stringify(rows)
    for (const personal of [email, 'Acme', '+15550100000', 'Here']) expect(kept).not.toContain(personal)
    expect((await running.operator.customer.create({ name: 'Again', email })).email).toBe(email)
  })

  test('leaving takes a password or the phrase, and either waits 30 days or goes at once', async () => {
    const { id } = await made()
    const own = running.of(id).customer
    for (const fields of [
      {},
      { password, confirmation_phrase: 'DELETE' },
      { password: 'wrong' },
      { confirmation_phrase: 'delete' },
    ])
      await expect(own.unregister(fields)).rejects.toMatchObject({ reason: 'CONFIRMATION_NEEDED' })
    expect((await get(id)).status).toBe('active')
    expect((await own.unregister({ password })).status).toBe('frozen')
    expect((await own.recover_own({})).status).toBe('active')
    expect((await own.unregister({ confirmation_phrase: 'DELETE' })).status).toBe('frozen')
    expect((await own.unregister({ confirmation_phrase: 'DELETE', immediate: true })).status).toBe('deleted')
    await expect(get(id)).rejects.toMatchObject({ reason: 'CUSTOMER_NOT_FOUND' })
    expect(await deletions(id)).toEqual([])
  })

  test('its switches are set by themselves', async () => {
    const { id, name, email } = await made()
    const set = await running.of(id).customer.update_own_metadata({ rtp_debug: true })
    expect(set).toMatchObject({ name, email, metadata: { rtp_debug: true } })
    expect((await running.operator.customer.update_metadata({ id, rtp_debug: false })).metadata.rtp_debug).toBe(false)
  })

  test('its billing account is the one that is opened for it, or another of its own', async () => {
    const [{ id }, { id: other }] = [await made(), await made()]
    const opened = accountOf(id).replace('acc', 'acd')
    await running.app.platform.store.transaction((tx) =>
      createEmitter(billingContract)(tx, 'billing_account', 'created', account(opened, id)),
    )
    await running.app.events()
    expect((await get(id)).billing_account_id).toBe(opened)
    const own = running.of(id).customer
    const foreign = { billing_account_id: accountOf(other) }
    const unknown = { reason: 'BILLING_ACCOUNT_UNKNOWN' }
    await expect(own.update_own_billing_account_id(foreign)).rejects.toMatchObject(unknown)
    await expect(running.operator.customer.update_billing_account_id({ id, ...foreign })).rejects.toMatchObject(unknown)
    const set = await own.update_own_billing_account_id({ billing_account_id: accountOf(id) })
    expect(set.billing_account_id).toBe(accountOf(id))
    expect((await get(other)).billing_account_id).toBe(nilId)
  })

  test('another address is one that nobody has verified; the same in other letters is not another', async () => {
    const { id, email, name } = await made()
    const { kysely } = running.app.platform.store
    await kysely.updateTable('customer_customer').set({ email_verified: 1 }).where('id', '=', id).execute()
    const own = running.of(id).customer
    expect((await own.update_own({ name, email: email.toUpperCase() })).email_verified).toBe(true)
    expect((await running.operator.customer.update({ id, name, email: newEmail() })).email_verified).toBe(false)
  })

  test('to another customer it does not exist, by any operation', async () => {
    const { id } = await made()
    const key = await running.of(id).accesskey.create({ name: 'k' })
    const before = await get(id)
    const rival = running.of(crypto.randomUUID())
    const customerMissing = { status: 'rejected', reason: { reason: 'CUSTOMER_NOT_FOUND' } }
    for (const attempt of await Promise.allSettled([
      rival.customer.get({ id }),
      rival.customer.update({ id, name: 'mine', email: newEmail() }),
      rival.customer.update_metadata({ id, rtp_debug: true }),
      rival.customer.update_billing_account_id({ id, billing_account_id: accountOf(id) }),
      rival.customer.freeze({ id }),
      rival.customer.recover({ id }),
      rival.customer.delete({ id }),
    ]))
      expect(attempt).toMatchObject(customerMissing)
    const keyMissing = { status: 'rejected', reason: { reason: 'ACCESSKEY_NOT_FOUND' } }
    for (const attempt of await Promise.allSettled([
      rival.accesskey.get({ id: key.id }),
      rival.accesskey.update({ id: key.id, name: 'mine' }),
      rival.accesskey.delete({ id: key.id }),
    ]))
      expect(attempt).toMatchObject(keyMissing)
    expect((await rival.accesskey.list({})).result).toEqual([])
    expect((await rival.customer.list({})).result).toEqual([])
    expect(await get(id)).toEqual(before)
  })
})
