import { internalIdentity, nilId, permissionBits } from '@sidetone/contract'
import { createJobs } from '@sidetone/jobs'
import { customerContract } from '@sidetone/proto-schemas/customer'
import { storageContract } from '@sidetone/proto-schemas/storage'
import { newId, timeAfter } from '@sidetone/store'
import { testDatabases } from '@sidetone/store/testing'
import { adminOf, scripted, startTestPlatform, type TestPlatform } from '@sidetone/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { defineHousekeeping, removeAbandoned } from '../src/housekeeping.ts'
import { storageManager } from '../src/manager.ts'

const quota = { bytes: 1_000, files: 5 }
const customers = scripted(customerContract, {
  customer: {
    async get(_, { fail }) {
      throw fail('CUSTOMER_NOT_FOUND')
    },
  },
})

describe.each(await testDatabases('storage accounts'))('on $name', ({ create }) => {
  let app: TestPlatform
  beforeAll(async () => {
    app = await startTestPlatform({
      managers: [customers, storageManager],
      env: { STORAGE_QUOTA_BYTES: String(quota.bytes), STORAGE_QUOTA_FILES: String(quota.files) },
      database: await create(),
    })
  })
  afterAll(() => app.close())

  const as = (customer: string) => app.as(storageContract, adminOf(customer))
  const asOperator = () =>
    app.as(storageContract, { ...adminOf(nilId), permission: permissionBits.project_super_admin }).storage_account
  const register = (customer: string, filesize: number, id: string = newId()) =>
    app.as(storageContract, internalIdentity(customer)).storage_file.register({
      ...{ id, key: `recordings/${id}`, filesize, reference_type: 'recording', type: 'recording' },
      ...{ filename: 'a.wav', content_type: 'audio/wav', sha256: '' },
    })
  const upload = async (customer: string, filesize: number) => {
    const { id, key } = await as(customer).storage_file.reserve({})
    await app.platform.files.put(key, Buffer.alloc(filesize), { contentType: 'text/plain' })
    const file = { id, filename: 'a.txt', filesize, content_type: 'text/plain', sha256: '' }
    return { key, answer: () => as(customer).storage_file.create({ type: 'rag', file }) }
  }
  const uploaded = async (customer: string, filesize: number) => (await upload(customer, filesize)).answer()
  const usage = async (customer: string) => {
    const { total_file_count, total_file_size } = await as(customer).storage_account.own({})
    return [total_file_count, total_file_size]
  }
  const there = (key: string) => app.platform.files.stat(key).then(Boolean)
  const announce = (type: 'created' | 'deleted', customer: string) =>
    app.platform.transport.publish({
      ...{ id: newId(), type: `customer_${type}`, publisher: 'customer', customer_id: customer, owner_id: nilId },
      ...{ resource: 'customer', resource_id: customer, sequence: 1, time: timeAfter(0), data: { id: customer } },
    })

  test('what comes and goes at once is counted to the byte', async () => {
    const customer = newId()
    const files = await Promise.all(Array.from({ length: 12 }, (_, n) => register(customer, n)))
    const gone = files.slice(0, 6).map(({ id }) => id)
    const twice = [...gone, ...gone].map((id) => as(customer).storage_file.delete({ id }))
    const results = await Promise.allSettled([...twice, ...Array.from({ length: 5 }, () => register(customer, 100))])
    expect(results.filter(({ status }) => status === 'rejected')).toHaveLength(gone.length)
    expect(await usage(customer)).toEqual([11, 6 + 7 + 8 + 9 + 10 + 11 + 500])
  })

  test('of many uploads at once only as many as fit are kept, and nothing stays of the others', async () => {
    for (const [size, fit] of [
      [300, 3],
      [1, quota.files],
    ] as const) {
      const customer = newId()
      const uploads = await Promise.all(Array.from({ length: 8 }, () => upload(customer, size)))
      const results = await Promise.allSettled(uploads.map(({ answer }) => answer()))
      const refused = results.flatMap((result) => (result.status === 'rejected' ? [result.reason.reason] : []))
      expect(refused).toEqual(Array(8 - fit).fill('STORAGE_QUOTA_EXCEEDED'))
      expect(await usage(customer)).toEqual([fit, fit * size])
      await expect
        .poll(async () => (await Promise.all(uploads.map(({ key }) => there(key)))).filter(Boolean).length)
        .toBe(fit)
    }
  })

  test('a full account reserves nothing; what the platform records is kept and counted all the same', async () => {
    const customer = newId()
    await uploaded(customer, quota.bytes)
    await expect(as(customer).storage_file.reserve({})).rejects.toMatchObject({ reason: 'STORAGE_QUOTA_EXCEEDED' })
    await register(customer, 500)
    expect(await usage(customer)).toEqual([2, quota.bytes + 500])
  })

  test('an upload is taken once, and only by whoever reserved it', async () => {
    const [customer, rival] = [newId(), newId()]
    const { id } = await as(customer).storage_file.reserve({})
    const file = { id, filename: 'a', filesize: 1, content_type: 'text/plain', sha256: '' }
    const expired = { reason: 'UPLOAD_EXPIRED' }
    await expect(as(rival).storage_file.create({ type: 'rag', file })).rejects.toMatchObject(expired)
    await as(customer).storage_file.create({ type: 'rag', file })
    await expect(as(customer).storage_file.create({ type: 'rag', file })).rejects.toMatchObject(expired)
    expect(await usage(customer)).toEqual([1, 1])
  })

  test('bytes that no upload has followed are removed, and cannot become a file any more', async () => {
    const customer = newId()
    const { id, key } = await as(customer).storage_file.reserve({})
    await app.platform.files.put(key, Buffer.from('half'), { contentType: 'text/plain' })
    const { store, files, log } = app.platform
    const jobs = createJobs({ store, log, name: 'storage' })
    defineHousekeeping({ store, jobs, files, log })
    await removeAbandoned({ store, jobs }, timeAfter(-60_000))
    await removeAbandoned({ store, jobs }, timeAfter(60_000))
    await expect.poll(() => there(key)).toBe(false)
    const file = { id, filename: 'a', filesize: 4, content_type: 'text/plain', sha256: '' }
    await expect(as(customer).storage_file.create({ type: 'rag', file })).rejects.toMatchObject({
      reason: 'UPLOAD_EXPIRED',
    })
  })
  test('an account that is deleted takes every file along, and keeps nothing after that', async () => {
    const customer = newId()
    const { key, answer } = await upload(customer, 10)
    await answer()
    const late = await upload(customer, 10)
    await asOperator().delete({ id: customer })
    await expect.poll(() => there(key)).toBe(false)
    expect((await as(customer).storage_file.list({})).result).toEqual([])
    const missing = { reason: 'STORAGE_ACCOUNT_NOT_FOUND' }
    await expect(as(customer).storage_account.own({})).rejects.toMatchObject(missing)
    await expect(as(customer).storage_file.reserve({})).rejects.toMatchObject(missing)
    await expect(late.answer()).rejects.toMatchObject(missing)
    await expect.poll(() => there(late.key)).toBe(false)
    await expect(asOperator().delete({ id: customer })).rejects.toMatchObject(missing)
  })

  test('what is recorded for a customer that is gone goes too', async () => {
    const customer = newId()
    await announce('created', customer)
    expect(await usage(customer)).toEqual([0, 0])
    await register(customer, 10)
    await announce('deleted', customer)
    await expect.poll(async () => (await as(customer).storage_file.list({})).result).toEqual([])
    const id = newId()
    await app.platform.files.put(`recordings/${id}`, Buffer.alloc(10), { contentType: 'audio/wav' })
    expect((await register(customer, 10, id)).tm_delete).not.toBeNull()
    await expect.poll(() => there(`recordings/${id}`)).toBe(false)
  })

  test('files from before there were accounts count', async () => {
    const customer = newId()
    await register(customer, 70)
    await app.platform.store.kysely.deleteFrom('storage_account').where('id', '=', customer).execute()
    await register(customer, 7)
    expect(await usage(customer)).toEqual([2, 77])
  })

  test('an account is opened for no customer that is not there, and seen by no other', async () => {
    const customer = newId()
    await expect(asOperator().create({ customer_id: customer })).rejects.toMatchObject({ reason: 'CUSTOMER_UNKNOWN' })
    await register(customer, 1)
    expect((await as(customer).storage_account.get({ id: customer })).customer_id).toBe(customer)
    const missing = { reason: 'STORAGE_ACCOUNT_NOT_FOUND' }
    await expect(as(newId()).storage_account.get({ id: customer })).rejects.toMatchObject(missing)
  })
})
