import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { checkKeys, migrateManagers, SettingsError } from '@sidetone/manager'
import { createSecrets } from '@sidetone/secrets'
import { openStore } from '@sidetone/store'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openDataDir } from '../src/data-dir.ts'
import { startForTest } from './harness.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sidetone-data-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

test('a folder has one holder at a time, also within one process, and keeps its keys', () => {
  const first = openDataDir(folder)
  expect(() => openDataDir(folder)).toThrow(`in use by process ${process.pid}. Stop that one, or set SIDETONE_DATA_DIR`)
  first.keys.accesskey = 'st_made'
  first.save()
  first.release()
  const second = openDataDir(folder)
  expect(second.keys).toEqual(first.keys)
  second.release()
})

test('a name that a dead holder left behind is no holder, even when its process id is somebody’s now', async () => {
  await writeFile(join(folder, 'lock'), String(process.ppid))
  openDataDir(folder).release()
})

test('keys that cannot be read are not made anew', async () => {
  await writeFile(join(folder, 'keys.json'), '{"platform_secret":')
  expect(() => openDataDir(folder)).toThrow('keys.json cannot be read')
  await rm(join(folder, 'keys.json'))
  openDataDir(folder).release()
})

test('a folder that cannot be written is named with its setting', async () => {
  const file = join(folder, 'file')
  await writeFile(file, '')
  expect(() => openDataDir(file)).toThrow(`SIDETONE_DATA_DIR: the folder ${file} cannot be written`)
  expect(() => openDataDir(join(file, 'below'))).toThrow(SettingsError)
})

test('a platform whose keys are not those that filled its database does not start, and says what to do', async () => {
  const store = openStore({ file: join(folder, 'sidetone.db') })
  await migrateManagers(store, [])
  const key = Buffer.alloc(32, 1).toString('base64')
  await checkKeys({ store, secrets: createSecrets({ keys: { first: key }, current: 'first' }) })
  await store.close()
  await expect(startForTest({}, folder)).rejects.toThrow('ENCRYPTION_KEYS: the database (DATABASE_URL) was filled with')
})
