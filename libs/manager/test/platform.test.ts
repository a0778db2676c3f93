import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createLogger } from '@sidetone/telemetry'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openPlatform, platformSettings, readSettings, SettingsError, serveHealth } from '../src/index.ts'

const log = createLogger({ service: 'test', level: 'silent' })
let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sidetone-platform-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const open = (env: Record<string, string>) =>
  openPlatform(
    'test',
    readSettings(platformSettings, {
      SIDETONE_DATA_DIR: folder,
      PLATFORM_SECRET: 'x'.repeat(32),
      ENCRYPTION_KEYS: `a:${Buffer.alloc(32).toString('base64')}`,
      ...env,
    }),
    log,
  )

// Nothing listens on port 1.
test.each([
  ['DATABASE_URL', 'mysql://root@127.0.0.1:1/sidetone', 'ECONNREFUSED 127.0.0.1:1'],
  ['EVENT_HUB_URL', 'tcp://127.0.0.1', 'must look like tcp://host:port'],
  ['STORAGE_URL', 's3://recordings', 'needs STORAGE_ACCESS_KEY_ID and STORAGE_SECRET_ACCESS_KEY'],
  ['ENCRYPTION_KEYS', 'a:YQ==', 'must be 32 bytes in base64'],
])('%s=%s: the setting is named, once, with what is wrong', async (name, value, problem) => {
  const error: unknown = await open({ [name]: value }).catch((caught: unknown) => caught)
  expect(error).toBeInstanceOf(SettingsError)
  const { message } = error as SettingsError
  expect(message).toContain(problem)
  expect(message.split(name)).toHaveLength(2)
})

test('a port in use is named with its setting', async () => {
  const other = createServer()
  await new Promise<void>((resolve) => other.listen(0, resolve))
  const { port } = other.address() as { port: number }
  await expect(serveHealth({ port, notReady: async () => [] })).rejects.toThrow(
    new SettingsError(`HTTP port ${port} is in use; set HTTP_PORT to a free one.`),
  )
  await new Promise((resolve) => other.close(resolve))
})
