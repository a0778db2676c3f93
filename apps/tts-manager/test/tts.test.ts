import { execFileSync } from 'node:child_process'
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { internalIdentity } from '@sidetone/contract'
import { ttsContract } from '@sidetone/proto-schemas/tts'
import { someId, startTestPlatform, type TestPlatform } from '@sidetone/testing'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { ttsManager } from '../src/manager.ts'

let app: TestPlatform
beforeAll(async () => {
  app = await startTestPlatform({ managers: [ttsManager] })
})
afterAll(() => app.close())

const synthesize = (text: string, language = 'en-US') =>
  app.as(ttsContract, internalIdentity(someId(1))).speech.synthesize({ text, language })

test('the engine starts before the first text', async () => {
  const processes = () => execFileSync('ps', ['-A', '-o', 'ppid=,args='], { encoding: 'utf8' }).split('\n')
  const isEngine = (line: string) => Number.parseInt(line, 10) === process.pid && line.includes('speech-engine')
  await vi.waitFor(() => expect(processes().filter(isEngine)).toHaveLength(1), { timeout: 10_000, interval: 100 })
})

test('a text becomes a WAV under a signed address; the same text is made once', async () => {
  const answers = await Promise.all(['Hello.', 'Hello.', 'Hello.'].map((text) => synthesize(text)))
  const keys = answers.map(({ uri }) => app.platform.fileSigner.verify(new URL(uri))!.key)
  expect(new Set(keys).size).toBe(1)
  const folder = join(app.platform.settings.SIDETONE_DATA_DIR, 'files', 'tts')
  const made = () => readdirSync(folder).map((name) => [name, statSync(join(folder, name)).mtimeMs])
  const before = made()
  expect(before).toHaveLength(1)
  expect((await app.platform.files.stat(keys[0]!))!.contentType).toBe('audio/wav')
  await synthesize('Hello.')
  expect(made()).toEqual(before)
  const other = app.platform.fileSigner.verify(new URL((await synthesize('Hello.', 'en-GB')).uri))!.key
  expect(other).not.toBe(keys[0])
})

test('what cannot be spoken is told, naming the field', async () => {
  await expect(synthesize('Hello.', 'xx-XX')).rejects.toMatchObject({
    ...{ status: 'INVALID_ARGUMENT', reason: 'LANGUAGE_NOT_SUPPORTED', details: [{ field: 'language' }] },
  })
  for (const text of ['…', '<break time="1s"/>', '   ']) {
    await expect(synthesize(text)).rejects.toMatchObject({
      ...{ status: 'INVALID_ARGUMENT', reason: 'TEXT_NOT_SPEAKABLE', details: [{ field: 'text' }] },
    })
  }
})
