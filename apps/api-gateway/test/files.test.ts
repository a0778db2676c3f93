import { readdirSync, readlinkSync } from 'node:fs'
import { startTestPlatform, type TestPlatform } from '@sidetone/testing'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Gateway, gatewaySettings, startGateway } from '../src/gateway.ts'

let app: TestPlatform
let gateway: Gateway
beforeAll(async () => {
  app = await startTestPlatform({ managers: [] })
  gateway = await startGateway({
    ...app.platform,
    port: 0,
    settings: gatewaySettings.parse({}),
    version: '0.0.0',
    jwtKey: app.platform.derivedKey('jwt'),
    drainMs: 1_000,
  })
  await app.platform.files.put('recordings/one.wav', Buffer.from('0123456789'), { contentType: 'audio/wav' })
  await app.platform.files.put('recordings/empty.wav', Buffer.alloc(0), { contentType: 'audio/wav' })
})
afterAll(async () => {
  await gateway.close()
  await app.close()
})

/** A signed address, at the gateway of this test. */
function addressOf(
  key: string,
  { expiresSeconds = 60, filename }: { expiresSeconds?: number; filename?: string } = {},
) {
  const url = new URL(app.platform.fileSigner.url(key, { expiresSeconds, filename }))
  url.host = `127.0.0.1:${gateway.port}`
  return url
}
const get = (url: URL, headers: Record<string, string> = {}) => fetch(url, { headers })
const errorOf = async (answer: Response) =>
  ((await answer.json()) as { error: { reason: string; message: string } }).error
const range = async (value: string, key = 'recordings/one.wav') => {
  const answer = await get(addressOf(key), { range: value })
  return [answer.status, answer.headers.get('content-range'), await answer.text()]
}

test('a signed address gives the bytes with their type and length', async () => {
  const answer = await get(addressOf('recordings/one.wav'))
  expect(await answer.text()).toBe('0123456789')
  expect(answer.headers.get('content-type')).toBe('audio/wav')
  expect(answer.headers.get('content-length')).toBe('10')
  expect(await (await get(addressOf('recordings/empty.wav'))).text()).toBe('')
})

test('an address that was changed, has expired or is not signed gives nothing', async () => {
  const changed = (change: (url: URL) => void) => {
    const url = addressOf('recordings/one.wav', { filename: 'a.wav' })
    change(url)
    return url
  }
  const refused = [
    changed((url) => {
      url.pathname = '/files/recordings/empty.wav'
    }),
    changed((url) => url.searchParams.set('expires', '9999999999')),
    changed((url) => url.searchParams.set('filename', 'b.wav')),
    changed((url) => url.searchParams.delete('signature')),
    changed((url) => url.searchParams.set('signature', 'AAAA')),
    addressOf('recordings/one.wav', { expiresSeconds: -1 }),
    new URL(`http://127.0.0.1:${gateway.port}/files/%`),
    new URL(`http://127.0.0.1:${gateway.port}/files/..%2fsidetone.db`),
  ]
  for (const url of refused) {
    const answer = await get(url)
    expect([answer.status, (await errorOf(answer)).reason]).toEqual([403, 'PERMISSION_DENIED'])
  }
})

test('a file that is gone is a 404', async () => {
  const answer = await get(addressOf('recordings/gone.wav'))
  expect([answer.status, (await errorOf(answer)).message]).toEqual([404, 'The file is gone.'])
})

test('parts can be asked for, as RFC 9110 section 14 has it', async () => {
  expect(await range('bytes=2-5')).toEqual([206, 'bytes 2-5/10', '2345'])
  expect(await range('bytes=7-')).toEqual([206, 'bytes 7-9/10', '789'])
  expect(await range('bytes=8-100')).toEqual([206, 'bytes 8-9/10', '89'])
  expect(await range('bytes=10-')).toEqual([416, 'bytes */10', ''])
  expect(await range('bytes=99999999999999999999-')).toEqual([416, 'bytes */10', ''])
  expect(await range('bytes=0-', 'recordings/empty.wav')).toEqual([416, 'bytes */0', ''])
  for (const ignored of ['bytes=5-2', 'bytes=a-b', 'lines=1-2', 'bytes=0-1,3-4']) {
    expect(await range(ignored)).toEqual([200, null, '0123456789'])
  }
})

test('any file name survives in the answer', async () => {
  for (const filename of ['call.wav', 'a "b"; c.wav', 'grüße 😀.wav', "it's\r\nX-Evil: 1.wav"]) {
    const answer = await get(addressOf('recordings/one.wav', { filename }))
    expect(answer.status).toBe(200)
    const [, name] = /filename\*=UTF-8''(\S+)$/.exec(answer.headers.get('content-disposition')!)!
    expect(decodeURIComponent(name!)).toBe(filename)
    expect(answer.headers.get('x-evil')).toBeNull()
  }
})

test.skipIf(process.platform !== 'linux')('asking for the head alone leaves no file open', async () => {
  const size = 1_000_000
  await app.platform.files.put('recordings/long.wav', Buffer.alloc(size), { contentType: 'audio/wav' })
  const open = () =>
    readdirSync('/proc/self/fd').filter((fd) => {
      try {
        return readlinkSync(`/proc/self/fd/${fd}`).endsWith('long.wav')
      } catch {
        return false
      }
    })
  for (let n = 0; n < 20; n += 1) {
    const answer = await fetch(addressOf('recordings/long.wav'), { method: 'HEAD' })
    expect([answer.status, answer.headers.get('content-length')]).toEqual([200, String(size)])
  }
  await expect.poll(open).toEqual([])
})
