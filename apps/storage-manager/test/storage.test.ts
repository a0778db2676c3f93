import { internalIdentity } from '@sidetone/contract'
import { storageContract } from '@sidetone/proto-schemas/storage'
import { adminOf, someId, startTestPlatform, type TestPlatform } from '@sidetone/testing'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { storageManager } from '../src/manager.ts'

const [acme, rival] = [someId(1), someId(2)]

let app: TestPlatform
beforeAll(async () => {
  app = await startTestPlatform({ managers: [storageManager] })
})
afterAll(() => app.close())

const asAdmin = () => app.as(storageContract, adminOf(acme)).storage_file
const register = (file: ReturnType<typeof newFile>, customer = acme) =>
  app.as(storageContract, internalIdentity(customer)).storage_file.register(file)
const newFile = () => {
  const id = crypto.randomUUID()
  const about = { filename: `${id}.wav`, filesize: 3, content_type: 'audio/wav', sha256: 'x', name: 'n' }
  return { id, key: `recordings/${id}.wav`, reference_type: 'recording' as const, type: 'recording' as const, ...about }
}
const eventsOf = async (id: string) =>
  (await app.events()).filter(({ resource_id }) => resource_id === id).map(({ type }) => type)

test('bytes are registered once, however often and by however many at once', async () => {
  const file = newFile()
  const answers = await Promise.all(Array.from({ length: 5 }, () => register(file)))
  const again = await register({ ...file, name: 'other' })
  expect(new Set([...answers, again].map(({ id, name, tm_create }) => `${id} ${name} ${tm_create}`)).size).toBe(1)
  expect(await eventsOf(file.id)).toEqual(['storage_file_created'])
  expect((await asAdmin().list({})).result.filter(({ id }) => id === file.id)).toHaveLength(1)
})

test('an address that is shown is signed and says how long it holds', async () => {
  const file = newFile()
  await register(file)
  const shown = await asAdmin().get({ id: file.id })
  const { location } = await asAdmin().file({ id: file.id })
  for (const address of [shown.uri_download, location]) {
    expect(app.platform.fileSigner.verify(new URL(address))).toEqual({ key: file.key, filename: file.filename })
  }
  expect(Date.parse(shown.tm_download_expire!)).toBeGreaterThan(Date.now())
})

test('what is deleted is gone, bytes too; a late repetition of its registration changes nothing', async () => {
  const file = newFile()
  await app.platform.files.put(file.key, Buffer.from('abc'), { contentType: 'audio/wav' })
  await register(file)
  await asAdmin().delete({ id: file.id })
  await expect.poll(() => app.platform.files.stat(file.key)).toBeUndefined()
  expect((await register(file)).tm_delete).not.toBeNull()
  await expect(asAdmin().get({ id: file.id })).rejects.toMatchObject({ reason: 'FILE_NOT_FOUND' })
  await expect(asAdmin().file({ id: file.id })).rejects.toMatchObject({ reason: 'FILE_NOT_FOUND' })
  expect(await eventsOf(file.id)).toEqual(['storage_file_created', 'storage_file_deleted'])
})

test('another customer cannot take over an id', async () => {
  const file = newFile()
  await register(file)
  await expect(register(file, rival)).rejects.toMatchObject({ status: 'INTERNAL' })
  expect((await asAdmin().get({ id: file.id })).customer_id).toBe(acme)
})
