import { randomBytes } from 'node:crypto'
import { readdirSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { createSidetone, type SidetoneError } from '@sidetone/sdk'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Running, startForTest } from './harness.ts'

const maxUploadBytes = 300_000

let app: Running
let sidetone: ReturnType<typeof createSidetone>
beforeAll(async () => {
  app = await startForTest({ MAX_UPLOAD_BYTES: String(maxUploadBytes), STORAGE_QUOTA_BYTES: '1000000' })
  sidetone = createSidetone({ baseUrl: app.url, token: app.accesskey })
})
afterAll(() => app.close())

const upload = (bytes: Buffer, name = 'notes.txt', type = 'text/plain') =>
  sidetone.storage_file.create({ type: 'rag', file: new File([new Uint8Array(bytes)], name, { type }) })

async function send(form: FormData | string, headers: Record<string, string> = {}) {
  const response = await fetch(`${app.url}/v1.0/storage_files`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${app.accesskey}`, ...headers },
    body: form,
  })
  const { error } = (await response.json()) as { error?: { reason: string; message: string } }
  return { status: response.status, reason: error?.reason, message: error?.message }
}

function formOf(fields: Record<string, string | File>): FormData {
  const form = new FormData()
  for (const [name, value] of Object.entries(fields)) form.append(name, value)
  return form
}

/** What the file store holds of uploads, finished or not. */
const stored = () =>
  ['uploads', '.new'].flatMap((folder) => {
    const path = join(app.folder, 'files', folder)
    return readdirSync(path, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
  })

test('what is uploaded comes back byte by byte, is counted, and goes with its bytes', async () => {
  const before = await sidetone.storage_account.own()
  const bytes = randomBytes(200_000)
  const file = await upload(bytes, 'C:\\secret\\grüße.txt')
  expect(file).toMatchObject({ type: 'rag', filename: 'grüße.txt', filesize: bytes.length, reference_type: 'normal' })
  const { location } = (await sidetone.storage_file.file({ id: file.id })) as { location: string }
  const answer = await fetch(location)
  expect(Buffer.from(await answer.arrayBuffer()).equals(bytes)).toBe(true)
  expect(answer.headers.get('content-type')).toBe('text/plain')
  expect(answer.headers.get('x-content-type-options')).toBe('nosniff')
  expect(await sidetone.storage_account.own()).toMatchObject({
    total_file_count: before.total_file_count + 1,
    total_file_size: before.total_file_size + bytes.length,
    quota_file_size: 1_000_000,
  })

  await sidetone.storage_file.delete({ id: file.id })
  await expect.poll(stored).toEqual([])
  expect(await sidetone.storage_account.own()).toMatchObject({ total_file_size: before.total_file_size })
})

test('what a browser would run is only handed out as bytes', async () => {
  for (const type of ['text/html', 'image/svg+xml', 'application/javascript', 'text/html; charset=utf-8', 'x']) {
    const file = await upload(Buffer.from('<script>alert(1)</script>'), 'page.html', type)
    const answer = await fetch(file.uri_download)
    expect(answer.headers.get('content-type'), type).toBe('application/octet-stream')
    await sidetone.storage_file.delete({ id: file.id })
  }
})

test('what is too large is refused, announced or not, and leaves nothing behind', async () => {
  const problem = `file: must be at most ${maxUploadBytes} bytes`
  for (const size of [maxUploadBytes + 1, 5_000_000]) {
    const form = formOf({ type: 'rag', file: new File([new Uint8Array(size)], 'a.bin') })
    expect(await send(form)).toMatchObject({ status: 413, message: problem })
  }
  expect((await upload(Buffer.alloc(maxUploadBytes))).filesize).toBe(maxUploadBytes)
  await expect.poll(() => stored().length).toBe(1)
})

test('a form that is wrong names what is, and leaves nothing behind', async () => {
  const before = stored().length
  const file = new File(['x'], 'x.txt')
  expect(await send(formOf({ file }))).toMatchObject({ status: 400, message: expect.stringMatching(/^type: /) })
  expect(await send(formOf({ type: 'talk', file }))).toMatchObject({
    status: 400,
    message: expect.stringMatching(/^type: /),
  })
  expect(await send(formOf({ type: 'rag' }))).toMatchObject({ status: 400, message: 'file: is required (object)' })
  expect(await send(formOf({ type: 'rag', file: 'x' }))).toMatchObject({
    status: 400,
    message: expect.stringMatching(/^file: /),
  })
  expect(await send(formOf({ type: 'rag', file, other: file }))).toMatchObject({
    status: 400,
    message: 'file: must be the only file',
  })
  expect(await send(formOf({ type: 'rag', file }), { 'Idempotency-Key': 'k' })).toMatchObject({
    status: 400,
    message: expect.stringMatching(/^Idempotency-Key: /),
  })
  expect(await send('{}', { 'Content-Type': 'application/json' })).toMatchObject({
    status: 400,
    message: expect.stringMatching(/^Content-Type: /),
  })
  expect(
    await send('--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\nhalf', {
      'Content-Type': 'multipart/form-data; boundary=b',
    }),
  ).toMatchObject({ status: 400, message: 'body: is not a complete form' })
  expect(stored()).toHaveLength(before)
})

test('a client that goes away in the middle leaves no half file', async () => {
  const before = stored().length
  const socket = connect(app.httpPort, '127.0.0.1')
  socket.write(
    `POST /v1.0/storage_files HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${app.accesskey}\r\n` +
      'Content-Type: multipart/form-data; boundary=b\r\nContent-Length: 100000\r\n\r\n' +
      `--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n${'x'.repeat(50_000)}`,
  )
  await expect.poll(() => stored().length).toBe(before + 1)
  socket.destroy()
  await expect.poll(() => stored().length).toBe(before)
})

test('the quota holds, however many upload at once', async () => {
  const { total_file_size } = await sidetone.storage_account.own()
  const size = 100_000
  const room = Math.floor((1_000_000 - total_file_size) / size)
  const before = stored().length
  const results = await Promise.allSettled(Array.from({ length: room + 5 }, () => upload(randomBytes(size))))
  const refused = results.flatMap((result) => (result.status === 'rejected' ? [result.reason as SidetoneError] : []))
  expect(refused.map(({ reason }) => reason)).toEqual(Array(5).fill('STORAGE_QUOTA_EXCEEDED'))
  expect((await sidetone.storage_account.own()).total_file_size).toBe(total_file_size + room * size)
  await expect.poll(() => stored().length).toBe(before + room)
})

test('an operator closes an account and opens it again, empty', async () => {
  const asSuper = createSidetone({ baseUrl: app.url })
  const { token } = await asSuper.session.login({ username: 'admin@localhost', password: 'admin@localhost' })
  const accounts = createSidetone({ baseUrl: app.url, token }).storage_account
  const { id } = await sidetone.storage_account.own()
  expect((await accounts.list()).result.map((account) => account.id)).toEqual([id])
  await expect(accounts.create({ customer_id: id })).rejects.toMatchObject({ reason: 'STORAGE_ACCOUNT_EXISTS' })
  await accounts.delete({ id })
  await expect(upload(Buffer.from('x'))).rejects.toMatchObject({ reason: 'STORAGE_ACCOUNT_NOT_FOUND' })
  await expect
    .poll(() => accounts.create({ customer_id: id }).catch(({ reason }) => reason))
    .toMatchObject({ total_file_size: 0 })
  await expect.poll(stored).toEqual([])
  expect((await upload(Buffer.from('x'))).filesize).toBe(1)
})
