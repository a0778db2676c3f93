import { createHash, randomBytes } from 'node:crypto'
import { mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { pathToFileURL } from 'node:url'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { FileKeyRefused, type Files, openFiles } from '../src/index.ts'
import { startS3Double } from './s3-double.ts'

const credentials = { accessKeyId: 'id', secretAccessKey: 'secret' }
const wav = { contentType: 'audio/wav' }
let temporary: string
let s3: Awaited<ReturnType<typeof startS3Double>>

beforeAll(async () => {
  temporary = await mkdtemp(join(tmpdir(), 'files-test-'))
  s3 = await startS3Double({ bucket: 'bucket', ...credentials })
})
afterAll(async () => {
  await s3.close()
  await rm(temporary, { recursive: true })
})

describe.each([
  { store: 'a folder', open: () => openFiles(join(temporary, 'folder')), hasAddresses: false },
  {
    store: 'a bucket',
    open: () => openFiles(`s3://bucket?endpoint=${s3.endpoint}&region=us-east-1`, credentials),
    hasAddresses: true,
  },
])('$store', ({ open, hasAddresses }) => {
  let files: Files
  beforeAll(() => {
    files = open()
  })
  const read = async (...request: Parameters<Files['get']>) => {
    const found = await files.get(...request)
    return found && { ...found, body: await buffer(found.body) }
  }

  test('gives back what was put, with its type, size and hash', async () => {
    const body = randomBytes(300_000)
    const sha256 = createHash('sha256').update(body).digest('hex')
    expect(await files.put('recordings/a b+ü.wav', body, wav)).toEqual({ size: 300_000, sha256 })
    expect(await read('recordings/a b+ü.wav')).toEqual({ size: 300_000, contentType: 'audio/wav', body })
    expect(await files.stat('recordings/a b+ü.wav')).toEqual({ size: 300_000, contentType: 'audio/wav' })
  })

  test('takes a stream of unknown length', async () => {
    const chunks = Array.from({ length: 20 }, () => randomBytes(50_000))
    const stored = await files.put('streamed.bin', ReadableStream.from(chunks), { contentType: 'application/x-thing' })
    expect(stored.size).toBe(1_000_000)
    expect((await read('streamed.bin'))?.body).toEqual(Buffer.concat(chunks))
  })

  test('takes an empty file', async () => {
    expect((await files.put('empty', new Uint8Array(), wav)).size).toBe(0)
    expect(await read('empty')).toEqual({ size: 0, contentType: 'audio/wav', body: Buffer.alloc(0) })
  })

  test('replaces content and type', async () => {
    await files.put('twice', Buffer.from('first version'), wav)
    await files.put('twice', Buffer.from('second'), { contentType: 'text/plain' })
    expect(await read('twice')).toEqual({ size: 6, contentType: 'text/plain', body: Buffer.from('second') })
  })

  test('keeps the old file when a stream breaks off', async () => {
    await files.put('kept', Buffer.from('old'), wav)
    const broken = new ReadableStream<Uint8Array>({
      pull(controller) {
        controller.enqueue(Buffer.from('new'))
        controller.error(new Error('caller hung up'))
      },
    })
    await expect(files.put('kept', broken, wav)).rejects.toThrow('caller hung up')
    expect((await read('kept'))?.body.toString()).toBe('old')
  })

  test.each([
    [{ start: 0 }, '0123456789'],
    [{ start: 2, end: 4 }, '234'],
    [{ start: 7 }, '789'],
    [{ start: 7, end: 100 }, '789'],
    [{ start: 9, end: 9 }, '9'],
    [{ start: 10 }, ''],
    [{ start: 100, end: 200 }, ''],
    [{ start: 5, end: 4 }, ''],
  ])('reads the range %j and tells the whole size', async (range, expected) => {
    await files.put('range', Buffer.from('0123456789'), wav)
    expect(await read('range', { range })).toEqual({ size: 10, contentType: 'audio/wav', body: Buffer.from(expected) })
  })

  test('has nothing where nothing was put', async () => {
    await files.put('a/file', Buffer.from('x'), wav)
    for (const key of ['none', 'a', 'a/file/below', 'none/below']) {
      expect(await files.get(key)).toBeUndefined()
      expect(await files.get(key, { range: { start: 5 } })).toBeUndefined()
      expect(await files.stat(key)).toBeUndefined()
    }
  })

  test('deletes, also what is not there', async () => {
    await files.put('gone/soon', Buffer.from('x'), wav)
    await files.delete('gone/soon')
    expect(await files.get('gone/soon')).toBeUndefined()
    await files.delete('gone/soon')
    await files.delete('never/there')
  })

  test('refuses keys that could lead elsewhere', async () => {
    const refused = [
      '',
      '/',
      '/etc/passwd',
      '..',
      '../x',
      'a/../b',
      'a/./b',
      'a//b',
      'a/',
      '.types/x',
      'a/.new',
      'a\\b',
      'a\0b',
      'a\nb',
      '\ud800',
      'x'.repeat(201),
      'x/'.repeat(500),
    ]
    for (const key of refused) {
      await expect(files.put(key, Buffer.from('x'), wav)).rejects.toThrow(FileKeyRefused)
      await expect(files.get(key)).rejects.toThrow(FileKeyRefused)
      await expect(files.stat(key)).rejects.toThrow(FileKeyRefused)
      await expect(files.delete(key)).rejects.toThrow(FileKeyRefused)
      await expect(files.signedUrl(key, { expiresSeconds: 60 })).rejects.toThrow(FileKeyRefused)
    }
  })

  test('stores under any key that it does not refuse', async () => {
    const name = fc.string({ unit: 'binary', minLength: 1, maxLength: 12 })
    // Each below a name of its own: in a folder one key cannot be the directory of another.
    let count = 0
    const key = fc.array(name, { minLength: 1, maxLength: 3 }).map((names) => `fuzz/${count++}/${names.join('/')}`)
    await fc.assert(
      fc.asyncProperty(key, async (candidate) => {
        const body = randomBytes(8)
        const stored = await files.put(candidate, body, wav).catch((error: NodeJS.ErrnoException) => {
          if (error instanceof FileKeyRefused) return undefined
          throw error
        })
        if (!stored) return
        expect((await read(candidate))?.body).toEqual(body)
        await files.delete(candidate)
        expect(await files.stat(candidate)).toBeUndefined()
      }),
      { numRuns: 50 },
    )
  })

  test.runIf(hasAddresses)('signs addresses that anyone can read, under the name that is wanted', async () => {
    await files.put('signed/ä b.wav', Buffer.from('content'), wav)
    const address = (await files.signedUrl('signed/ä b.wav', { expiresSeconds: 60, filename: 'Anruf "1"\r\n.wav' }))!
    const response = await fetch(address)
    expect(await response.text()).toBe('content')
    expect(response.headers.get('content-type')).toBe('audio/wav')
    expect(response.headers.get('content-disposition')).toBe(`inline; filename*=UTF-8''Anruf%20%221%22%0D%0A.wav`)
    for (const expiresSeconds of [0, 1.5, 700_000]) {
      await expect(files.signedUrl('x', { expiresSeconds })).rejects.toThrow(/expiresSeconds/)
    }
  })

  test.runIf(!hasAddresses)('signs no addresses', async () => {
    await files.put('signed', Buffer.from('content'), wav)
    expect(await files.signedUrl('signed', { expiresSeconds: 60 })).toBeUndefined()
  })
})

describe('a folder', () => {
  test('holds no half-written file after a failure, and forgets those of killed processes', async () => {
    const root = join(temporary, 'tidy')
    await openFiles(root).put('a', Buffer.from('x'), wav)
    const broken = new ReadableStream({ pull: (controller) => controller.error(new Error('broken')) })
    await expect(openFiles(root).put('b', broken, wav)).rejects.toThrow('broken')
    expect(await readdir(join(root, '.new'))).toEqual([])
    await writeFile(join(root, '.new', 'old'), 'x')
    await writeFile(join(root, '.new', 'fresh'), 'x')
    await utimes(join(root, '.new', 'old'), 0, 0)
    await openFiles(root).put('a', Buffer.from('x'), wav)
    expect(await readdir(join(root, '.new'))).toEqual(['fresh'])
  })

  test('that could not be made at first is made when it can be', async () => {
    const root = join(temporary, 'blocked')
    await writeFile(root, 'a file in the way')
    const files = openFiles(root)
    await expect(files.put('a', Buffer.from('x'), wav)).rejects.toThrow(/ENOTDIR|EEXIST/)
    await rm(root)
    expect(await files.put('a', Buffer.from('x'), wav)).toMatchObject({ size: 1 })
  })

  test('is found again, by its path and as a URL', async () => {
    const root = join(temporary, 'with space')
    await openFiles(root).put('a', Buffer.from('x'), wav)
    expect(await openFiles(pathToFileURL(root).href).stat('a')).toEqual({ size: 1, contentType: 'audio/wav' })
  })
})

describe('a bucket', () => {
  test('takes requests and addresses for any key as AWS wants them signed, and none that was changed', async () => {
    const files = openFiles(`s3://bucket?endpoint=${s3.endpoint}&region=eu-west-1`, credentials)
    const key = `r/a b+ü'(1)*!~%41.wav`
    await files.put(key, Buffer.from('x'), wav)
    await files.put(key, ReadableStream.from([Buffer.from('xy')]), wav)
    expect(await files.stat(key)).toEqual({ size: 2, contentType: 'audio/wav' })
    const signed = (await files.signedUrl(key, { expiresSeconds: 60, filename: 'ä (1).wav' }))!
    expect(await (await fetch(signed)).text()).toBe('xy')
    for (const changed of [signed.replace('/r/', '/s/'), signed.replace('Expires=60', 'Expires=61')])
      expect((await fetch(changed)).status).toBe(403)
    const forged = openFiles(`s3://bucket?endpoint=${s3.endpoint}`, { ...credentials, secretAccessKey: 'guessed' })
    await expect(forged.delete(key)).rejects.toThrow('403 SignatureDoesNotMatch')
  })
})

describe('what cannot be opened', () => {
  test.each([
    ['', {}, /STORAGE_URL must be a folder/],
    ['ftp://host/dir', {}, /STORAGE_URL must be a folder/],
    ['s3://bucket', {}, /STORAGE_ACCESS_KEY_ID and STORAGE_SECRET_ACCESS_KEY/],
    ['s3://bucket/path', credentials, /STORAGE_URL must be s3:\/\/bucket/],
    ['s3://bucket?endpoint=minio', credentials, /the endpoint 'minio' is no address/],
  ])('%s', (url, options, reason) => {
    expect(() => openFiles(url, options)).toThrow(reason)
  })

  test('a bucket that refuses, does not exist or is not reached says so', async () => {
    const wrong = openFiles(`s3://bucket?endpoint=${s3.endpoint}`, { ...credentials, accessKeyId: 'nobody' })
    await expect(wrong.put('a', Buffer.from('x'), wav)).rejects.toThrow(
      /PUT a was refused by the bucket 'bucket': 403 InvalidAccessKeyId/,
    )
    const missing = openFiles(`s3://nowhere?endpoint=${s3.endpoint}`, credentials)
    await expect(missing.put('a', Buffer.from('x'), wav)).rejects.toThrow(/no bucket 'nowhere'/)
    const away = openFiles(`s3://bucket?endpoint=http://127.0.0.1:2`, credentials)
    await expect(away.stat('a')).rejects.toThrow(/HEAD a did not reach the bucket 'bucket': .*ECONNREFUSED/)
  })
})
